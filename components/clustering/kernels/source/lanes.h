/* Vectors of float32, one lane for each row, as wide as the instruction set of this compilation.

   All arithmetic on lanes is elementwise, so that the value of a lane does not depend on how many
   lanes there are. Only `fused_subtract` rounds differently from one instruction set to another. */
#ifndef TFX_KMEANS_LANES_H
#define TFX_KMEANS_LANES_H

#include <stdint.h>
#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define JOINED(level, name) level##_##name
#define EXPANDED(level, name) JOINED(level, name)
/* The exported name of a function: kernel(assign) is avx2_assign if LEVEL is avx2. */
#define kernel(name) EXPANDED(LEVEL, name)

/* Compilers may load a vector from memory again for every use, which takes more time than they
   think if it is used six times. */
#if defined(__AVX512F__)
#define KEEP_IN_REGISTER(a) __asm__("" : "+v"(a))
#elif defined(__x86_64__)
#define KEEP_IN_REGISTER(a) __asm__("" : "+x"(a))
#else
#define KEEP_IN_REGISTER(a) __asm__("" : "+w"(a))
#endif

#if defined(__AVX512F__)
#include <immintrin.h>
enum { LANES = 16, VECTORS = 4, TILE = 6 };
typedef __m512 lanes;
typedef __m512i whole_lanes;
ALWAYS_INLINE lanes load(const float *from) { return _mm512_loadu_ps(from); }
ALWAYS_INLINE void store(float *to, lanes a) { _mm512_storeu_ps(to, a); }
ALWAYS_INLINE void store_whole(int32_t *to, whole_lanes a) { _mm512_storeu_si512(to, a); }
ALWAYS_INLINE lanes all(float a) { return _mm512_set1_ps(a); }
ALWAYS_INLINE whole_lanes all_whole(int32_t a) { return _mm512_set1_epi32(a); }
ALWAYS_INLINE lanes least_of(lanes a, lanes b) { return _mm512_min_ps(a, b); }
ALWAYS_INLINE lanes largest_of(lanes a, lanes b) { return _mm512_max_ps(a, b); }
ALWAYS_INLINE lanes root(lanes a) { return _mm512_sqrt_ps(a); }
ALWAYS_INLINE lanes fused_subtract(lanes a, lanes x, lanes y) { return _mm512_fnmadd_ps(x, y, a); }
typedef __mmask16 lane_mask;
ALWAYS_INLINE lane_mask less(lanes a, lanes b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
ALWAYS_INLINE lanes chosen(lane_mask m, lanes a, lanes b) { return _mm512_mask_mov_ps(b, m, a); }
ALWAYS_INLINE whole_lanes chosen_whole(lane_mask m, whole_lanes a, whole_lanes b) {
    return _mm512_mask_mov_epi32(b, m, a);
}
/* Four columns of 16 rows; 128-bit part p of the result m holds row 4 p + m. */
ALWAYS_INLINE lanes four_columns(const float *const *rows, int m, int64_t column) {
    lanes a = _mm512_castps128_ps512(_mm_loadu_ps(rows[m] + column));
    a = _mm512_insertf32x4(a, _mm_loadu_ps(rows[4 + m] + column), 1);
    a = _mm512_insertf32x4(a, _mm_loadu_ps(rows[8 + m] + column), 2);
    return _mm512_insertf32x4(a, _mm_loadu_ps(rows[12 + m] + column), 3);
}
ALWAYS_INLINE lanes low_pairs(lanes a, lanes b) { return _mm512_unpacklo_ps(a, b); }
ALWAYS_INLINE lanes high_pairs(lanes a, lanes b) { return _mm512_unpackhi_ps(a, b); }
ALWAYS_INLINE lanes low_halves(lanes a, lanes b) {
    return (lanes)_mm512_unpacklo_pd((__m512d)a, (__m512d)b);
}
ALWAYS_INLINE lanes high_halves(lanes a, lanes b) {
    return (lanes)_mm512_unpackhi_pd((__m512d)a, (__m512d)b);
}

#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
enum { LANES = 8, VECTORS = 2, TILE = 6 };
typedef __m256 lanes;
typedef __m256i whole_lanes;
ALWAYS_INLINE lanes load(const float *from) { return _mm256_loadu_ps(from); }
ALWAYS_INLINE void store(float *to, lanes a) { _mm256_storeu_ps(to, a); }
ALWAYS_INLINE void store_whole(int32_t *to, whole_lanes a) {
    _mm256_storeu_si256((__m256i *)to, a);
}
ALWAYS_INLINE lanes all(float a) { return _mm256_set1_ps(a); }
ALWAYS_INLINE whole_lanes all_whole(int32_t a) { return _mm256_set1_epi32(a); }
ALWAYS_INLINE lanes least_of(lanes a, lanes b) { return _mm256_min_ps(a, b); }
ALWAYS_INLINE lanes largest_of(lanes a, lanes b) { return _mm256_max_ps(a, b); }
ALWAYS_INLINE lanes root(lanes a) { return _mm256_sqrt_ps(a); }
ALWAYS_INLINE lanes fused_subtract(lanes a, lanes x, lanes y) { return _mm256_fnmadd_ps(x, y, a); }
typedef __m256 lane_mask;
ALWAYS_INLINE lane_mask less(lanes a, lanes b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
ALWAYS_INLINE lanes chosen(lane_mask m, lanes a, lanes b) { return _mm256_blendv_ps(b, a, m); }
ALWAYS_INLINE whole_lanes chosen_whole(lane_mask m, whole_lanes a, whole_lanes b) {
    return (whole_lanes)_mm256_blendv_ps((__m256)b, (__m256)a, m);
}
/* Four columns of 8 rows; 128-bit part p of the result m holds row 4 p + m. */
ALWAYS_INLINE lanes four_columns(const float *const *rows, int m, int64_t column) {
    lanes a = _mm256_castps128_ps256(_mm_loadu_ps(rows[m] + column));
    return _mm256_insertf128_ps(a, _mm_loadu_ps(rows[4 + m] + column), 1);
}
ALWAYS_INLINE lanes low_pairs(lanes a, lanes b) { return _mm256_unpacklo_ps(a, b); }
ALWAYS_INLINE lanes high_pairs(lanes a, lanes b) { return _mm256_unpackhi_ps(a, b); }
ALWAYS_INLINE lanes low_halves(lanes a, lanes b) {
    return (lanes)_mm256_unpacklo_pd((__m256d)a, (__m256d)b);
}
ALWAYS_INLINE lanes high_halves(lanes a, lanes b) {
    return (lanes)_mm256_unpackhi_pd((__m256d)a, (__m256d)b);
}

#elif defined(__SSE2__)
#include <emmintrin.h>
enum { LANES = 4, VECTORS = 2, TILE = 4 };
typedef __m128 lanes;
typedef __m128i whole_lanes;
ALWAYS_INLINE lanes load(const float *from) { return _mm_loadu_ps(from); }
ALWAYS_INLINE void store(float *to, lanes a) { _mm_storeu_ps(to, a); }
ALWAYS_INLINE void store_whole(int32_t *to, whole_lanes a) { _mm_storeu_si128((__m128i *)to, a); }
ALWAYS_INLINE lanes all(float a) { return _mm_set1_ps(a); }
ALWAYS_INLINE whole_lanes all_whole(int32_t a) { return _mm_set1_epi32(a); }
ALWAYS_INLINE lanes least_of(lanes a, lanes b) { return _mm_min_ps(a, b); }
ALWAYS_INLINE lanes largest_of(lanes a, lanes b) { return _mm_max_ps(a, b); }
ALWAYS_INLINE lanes root(lanes a) { return _mm_sqrt_ps(a); }
ALWAYS_INLINE lanes fused_subtract(lanes a, lanes x, lanes y) {
    return _mm_sub_ps(a, _mm_mul_ps(x, y)); /* this instruction set has no fused operation */
}
typedef __m128 lane_mask;
ALWAYS_INLINE lane_mask less(lanes a, lanes b) { return _mm_cmplt_ps(a, b); }
ALWAYS_INLINE lanes chosen(lane_mask m, lanes a, lanes b) {
    return _mm_or_ps(_mm_and_ps(m, a), _mm_andnot_ps(m, b));
}
ALWAYS_INLINE whole_lanes chosen_whole(lane_mask m, whole_lanes a, whole_lanes b) {
    return (whole_lanes)chosen(m, (lanes)a, (lanes)b);
}
/* Four columns of row m. */
ALWAYS_INLINE lanes four_columns(const float *const *rows, int m, int64_t column) {
    return _mm_loadu_ps(rows[m] + column);
}
ALWAYS_INLINE lanes low_pairs(lanes a, lanes b) { return _mm_unpacklo_ps(a, b); }
ALWAYS_INLINE lanes high_pairs(lanes a, lanes b) { return _mm_unpackhi_ps(a, b); }
ALWAYS_INLINE lanes low_halves(lanes a, lanes b) {
    return (lanes)_mm_unpacklo_pd((__m128d)a, (__m128d)b);
}
ALWAYS_INLINE lanes high_halves(lanes a, lanes b) {
    return (lanes)_mm_unpackhi_pd((__m128d)a, (__m128d)b);
}

#elif defined(__aarch64__)
#include <arm_neon.h>
enum { LANES = 4, VECTORS = 4, TILE = 6 };
typedef float32x4_t lanes;
typedef int32x4_t whole_lanes;
ALWAYS_INLINE lanes load(const float *from) { return vld1q_f32(from); }
ALWAYS_INLINE void store(float *to, lanes a) { vst1q_f32(to, a); }
ALWAYS_INLINE void store_whole(int32_t *to, whole_lanes a) { vst1q_s32(to, a); }
ALWAYS_INLINE lanes all(float a) { return vdupq_n_f32(a); }
ALWAYS_INLINE whole_lanes all_whole(int32_t a) { return vdupq_n_s32(a); }
ALWAYS_INLINE lanes least_of(lanes a, lanes b) { return vminq_f32(a, b); }
ALWAYS_INLINE lanes largest_of(lanes a, lanes b) { return vmaxq_f32(a, b); }
ALWAYS_INLINE lanes root(lanes a) { return vsqrtq_f32(a); }
ALWAYS_INLINE lanes fused_subtract(lanes a, lanes x, lanes y) { return vfmsq_f32(a, x, y); }
typedef uint32x4_t lane_mask;
ALWAYS_INLINE lane_mask less(lanes a, lanes b) { return vcltq_f32(a, b); }
ALWAYS_INLINE lanes chosen(lane_mask m, lanes a, lanes b) { return vbslq_f32(m, a, b); }
ALWAYS_INLINE whole_lanes chosen_whole(lane_mask m, whole_lanes a, whole_lanes b) {
    return vbslq_s32(m, a, b);
}
/* Four columns of row m. */
ALWAYS_INLINE lanes four_columns(const float *const *rows, int m, int64_t column) {
    return vld1q_f32(rows[m] + column);
}
ALWAYS_INLINE lanes low_pairs(lanes a, lanes b) { return vzip1q_f32(a, b); }
ALWAYS_INLINE lanes high_pairs(lanes a, lanes b) { return vzip2q_f32(a, b); }
ALWAYS_INLINE lanes low_halves(lanes a, lanes b) {
    return (lanes)vzip1q_f64((float64x2_t)a, (float64x2_t)b);
}
ALWAYS_INLINE lanes high_halves(lanes a, lanes b) {
    return (lanes)vzip2q_f64((float64x2_t)a, (float64x2_t)b);
}
#else
#error "No vectors are defined for this processor."
#endif

#endif
