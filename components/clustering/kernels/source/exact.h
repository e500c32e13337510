/* Float64 arithmetic whose order is the same for every instruction set: eight partial sums. */
#ifndef TFX_KMEANS_EXACT_H
#define TFX_KMEANS_EXACT_H

#include "lanes.h"

typedef double pair __attribute__((vector_size(16)));

/* Eight float64 numbers in as many registers as they need, and what adds them up: as
   ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)). */
#if defined(__AVX512F__)
typedef __m512d eight;
ALWAYS_INLINE eight zeros(void) { return _mm512_setzero_pd(); }
ALWAYS_INLINE eight widened(const float *from) { return _mm512_cvtps_pd(_mm256_loadu_ps(from)); }
ALWAYS_INLINE eight load_eight(const double *from) { return _mm512_loadu_pd(from); }
ALWAYS_INLINE void store_eight(double *to, eight a) { _mm512_storeu_pd(to, a); }
ALWAYS_INLINE eight difference_of(eight a, eight b) { return a - b; }
/* a + x y, rounded twice */
ALWAYS_INLINE eight plus_product(eight a, eight x, eight y) { return a + x * y; }
ALWAYS_INLINE eight all_eight(double a) { return _mm512_set1_pd(a); }
ALWAYS_INLINE double total_of(eight a) {
    __m256d four = _mm512_castpd512_pd256(a) + _mm512_extractf64x4_pd(a, 1);
    __m128d two = _mm256_castpd256_pd128(four) + _mm256_extractf128_pd(four, 1);
    return two[0] + two[1];
}
#elif defined(__AVX2__)
typedef struct { __m256d low, high; } eight;
ALWAYS_INLINE eight zeros(void) { return (eight){_mm256_setzero_pd(), _mm256_setzero_pd()}; }
ALWAYS_INLINE eight widened(const float *from) {
    return (eight){_mm256_cvtps_pd(_mm_loadu_ps(from)), _mm256_cvtps_pd(_mm_loadu_ps(from + 4))};
}
ALWAYS_INLINE eight load_eight(const double *from) {
    return (eight){_mm256_loadu_pd(from), _mm256_loadu_pd(from + 4)};
}
ALWAYS_INLINE void store_eight(double *to, eight a) {
    _mm256_storeu_pd(to, a.low);
    _mm256_storeu_pd(to + 4, a.high);
}
ALWAYS_INLINE eight difference_of(eight a, eight b) {
    return (eight){a.low - b.low, a.high - b.high};
}
ALWAYS_INLINE eight plus_product(eight a, eight x, eight y) {
    return (eight){a.low + x.low * y.low, a.high + x.high * y.high};
}
ALWAYS_INLINE eight all_eight(double a) { return (eight){_mm256_set1_pd(a), _mm256_set1_pd(a)}; }
ALWAYS_INLINE double total_of(eight a) {
    __m256d four = a.low + a.high;
    __m128d two = _mm256_castpd256_pd128(four) + _mm256_extractf128_pd(four, 1);
    return two[0] + two[1];
}
#else
typedef struct { pair p[4]; } eight;
ALWAYS_INLINE eight zeros(void) { return (eight){{{0}}}; }
ALWAYS_INLINE eight widened(const float *from) {
    eight a;
    for (int i = 0; i < 4; i++) a.p[i] = (pair){from[2 * i], from[2 * i + 1]};
    return a;
}
ALWAYS_INLINE eight load_eight(const double *from) {
    eight a;
    memcpy(&a, from, sizeof a);
    return a;
}
ALWAYS_INLINE void store_eight(double *to, eight a) { memcpy(to, &a, sizeof a); }
ALWAYS_INLINE eight difference_of(eight a, eight b) {
    for (int i = 0; i < 4; i++) a.p[i] = a.p[i] - b.p[i];
    return a;
}
ALWAYS_INLINE eight plus_product(eight a, eight x, eight y) {
    for (int i = 0; i < 4; i++) a.p[i] = a.p[i] + x.p[i] * y.p[i];
    return a;
}
ALWAYS_INLINE eight all_eight(double a) {
    return (eight){{{a, a}, {a, a}, {a, a}, {a, a}}};
}
ALWAYS_INLINE double total_of(eight a) {
    pair two = (a.p[0] + a.p[2]) + (a.p[1] + a.p[3]);
    return two[0] + two[1];
}
#endif

/* Adds weight times row to sums. */
ALWAYS_INLINE void add_weighted(const float *x, double weight, int64_t width, double *sums) {
    const eight weights = all_eight(weight);
    int64_t j = 0;
    for (; j + 8 <= width; j += 8)
        store_eight(sums + j, plus_product(load_eight(sums + j), widened(x + j), weights));
    for (; j < width; j++) sums[j] += (double)x[j] * weight;
}

/* |x - y|^2 of two rows of `width` values. */
ALWAYS_INLINE double squared_distance(const float *x, const float *y, int64_t width) {
    eight part = zeros();
    int64_t j = 0;
    for (; j + 8 <= width; j += 8) {
        eight difference = difference_of(widened(x + j), widened(y + j));
        part = plus_product(part, difference, difference);
    }
    double total = total_of(part);
    for (; j < width; j++) {
        double difference = (double)x[j] - (double)y[j];
        total += difference * difference;
    }
    return total;
}

#endif
