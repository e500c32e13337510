/* What the processor and the operating system support. Compiled once, for any processor. */
#if defined(__x86_64__)
#include <cpuid.h>
#include <stdint.h>

static uint64_t enabled_registers(void) {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* 2 if avx512_ functions can be called (AVX-512 F, DQ, BW and VL), 1 if avx2_ functions can be
   called (AVX2 and FMA), 0 otherwise. */
int tfx_kmeans_level(void) {
    enum { YMM = 0x6, ZMM = 0xe6 }; /* registers that the operating system saves */
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
    const int fma = (c & bit_FMA) != 0;
    const uint64_t registers = enabled_registers();
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    if (!fma || !(b & bit_AVX2) || (registers & YMM) != YMM) return 0;
    const unsigned wide = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
    return (b & wide) == wide && (registers & ZMM) == ZMM ? 2 : 1;
}
#else
int tfx_kmeans_level(void) { return 0; }
#endif

/* Raised whenever the arguments of a kernel change; library.py has the same number. */
int tfx_kmeans_interface(void) { return 1; }
