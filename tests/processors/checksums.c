/* Calls every kernel of one instruction set on generated data and prints a checksum of what each
   returns. scripts/processors.sh compares the output of all instruction sets and processors.

   The numbers are exact on every processor: integers from a linear congruential generator, scaled
   by powers of two. Compiled with -DLEVEL=baseline, avx2 or avx512. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef kernel
#define JOINED(level, name) level##_##name
#define EXPANDED(level, name) JOINED(level, name)
#define kernel(name) EXPANDED(LEVEL, name)
#endif

void kernel(column_sums)(const float *rows, const double *weights, int64_t size, int64_t width,
                         double *sums);
float kernel(subtract)(float *rows, int64_t size, int64_t width, const float *shift);
int64_t kernel(assign)(const float *rows, const double *weights, int64_t size, int64_t width,
                       const float *centroids, const float *half_norms, float longest,
                       float usual, float beyond, int64_t count, int32_t *labels, double *sums,
                       double *cluster_weights, double *inertia, float *room);
int64_t kernel(assign_bounded)(const float *rows, const double *weights, int64_t size,
                               int64_t width, const float *centroids, const float *half_norms,
                               float longest, float usual, float beyond, int64_t count,
                               const float *fast, const float *fast_half_norms,
                               float fast_longest, float fast_usual, float fast_beyond,
                               int64_t fast_count, const int32_t *fast_number, const float *slow,
                               float *lower, float *upper, int32_t *labels, double *sums,
                               double *cluster_weights, double *inertia, float *room);
void kernel(nearest)(const float *rows, int64_t size, int64_t width, const float *values,
                     const float *half_norms, float longest, float usual, float beyond,
                     int64_t count, int32_t *labels, double *distances, float *room);
double kernel(draw)(const float *values, const double *weights, int64_t size,
                    const double *fractions, int64_t count, int64_t *drawn, double *sums);
void kernel(closest)(const float *rows, const double *weights, int64_t size, int64_t width,
                     const float *values, int64_t count, const float *closest, float *found,
                     int64_t stride, double *totals, float *room);
void kernel(fold)(const float *rows, int64_t size, int64_t width, const float *values,
                  const float *half_norms, float longest, float usual, float beyond,
                     int64_t count,
                  int32_t number,
                  float *closest, int32_t *nearest, float *room);
void kernel(two_nearest)(const float *rows, const int32_t *index, int64_t size, int64_t width,
                         const float *values, const float *half_norms, int64_t count,
                         int32_t *nearest, int32_t *second, float *closest, float *next,
                         float *room);
double kernel(replacement)(const float *rows, const double *weights, int64_t size, int64_t width,
                           const float *point, const int32_t *nearest, const float *closest,
                           const float *next, float *distances, double *losses, float *room);
int64_t kernel(exchange)(int64_t size, int32_t replaced, const float *distances, int32_t *nearest,
                         int32_t *second, float *closest, float *next, int32_t *affected);

enum { GAUSSIAN, GRID, FAR_AWAY, KINDS };

static uint64_t seed = 1;

static int64_t random_below(int64_t limit) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((seed >> 33) % (uint64_t)limit);
}

static float random_value(int kind) {
    if (kind == GRID) return (float)(random_below(5) - 2);
    int64_t total = 0; /* of twelve uniform numbers: close to a normal distribution */
    for (int i = 0; i < 12; i++) total += random_below(4096) - 2048;
    if (kind == FAR_AWAY) return 1000 + (float)total * 0x1p-19f;
    return (float)total * 0x1p-11f;
}

/* FNV-1a of the results of one kernel. */
typedef struct {
    const char *name;
    uint64_t value;
} checksum;

static checksum sums_of[] = {{"column_sums", 0}, {"subtract", 0}, {"assign", 0},
                             {"assign_bounded", 0},
                             {"nearest", 0}, {"draw", 0}, {"closest", 0}, {"fold", 0},
                             {"two_nearest", 0}, {"replacement", 0}, {"exchange", 0}};
enum {
    COLUMN_SUMS, SUBTRACT, ASSIGN, ASSIGN_BOUNDED, NEAREST, DRAW, CLOSEST, FOLD, TWO_NEAREST,
    REPLACEMENT, EXCHANGE
};

static void add(int which, const void *bytes, int64_t size) {
    const unsigned char *byte = bytes;
    uint64_t value = sums_of[which].value ^ 14695981039346656037u;
    for (int64_t i = 0; i < size; i++) value = (value ^ byte[i]) * 1099511628211u;
    sums_of[which].value = value;
}

/* Adds the n elements of an array to the checksum. */
#define ADD(which, array, n) add(which, array, (n) * (int64_t)sizeof *(array))
#define NEW(type, n) ((type *)calloc((size_t)(n), sizeof(type)))

static void run(int kind, int64_t n, int64_t d, int64_t k, int weighted) {
    float *rows = NEW(float, n * d), *points = NEW(float, k * d), *half_norms = NEW(float, k);
    float *room = NEW(float, 64 * d + 16), *found = NEW(float, k * n);
    double *weights = weighted ? NEW(double, n) : NULL;
    for (int64_t i = 0; i < n * d; i++) rows[i] = random_value(kind);
    for (int64_t i = 0; i < k * d; i++) points[i] = random_value(kind);
    for (int64_t c = 0; c < k / 2; c++) { /* half of the points are rows */
        int64_t row = random_below(n);
        for (int64_t j = 0; j < d; j++) points[c * d + j] = rows[row * d + j];
    }
    for (int64_t i = 0; weighted && i < n; i++) weights[i] = (double)random_below(3) * 0.75;
    double longest = 0;
    for (int64_t c = 0; c < k; c++) {
        double norm = 0;
        for (int64_t j = 0; j < d; j++) norm += (double)points[c * d + j] * points[c * d + j];
        half_norms[c] = (float)(norm / 2);
        longest = norm > longest ? norm : longest;
    }
    const float bound = nextafterf((float)sqrt(longest), INFINITY);

    double *column_sums = NEW(double, d);
    kernel(column_sums)(rows, weights, n, d, column_sums);
    ADD(COLUMN_SUMS, column_sums, d);

    int32_t *labels = NEW(int32_t, n);
    double *sums = NEW(double, k * d), *cluster_weights = NEW(double, k), *inertia = NEW(double, k);
    int64_t count = kernel(assign)(rows, weights, n, d, points, half_norms, bound, bound,
                                   INFINITY, k, labels, sums,
                                   cluster_weights, inertia, room);
    ADD(ASSIGN, &count, 1), ADD(ASSIGN, labels, n), ADD(ASSIGN, sums, k * d);
    ADD(ASSIGN, cluster_weights, k), ADD(ASSIGN, inertia, k);

    /* The last point moves to a row, and is fast; the bounds themselves depend on the processor. */
    float *lower = NEW(float, n), *upper = NEW(float, n), *slow = NEW(float, k);
    const int32_t last = (int32_t)(k - 1);
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t j = 0; pass && j < d; j++) points[last * d + j] = rows[j];
        double norm = 0;
        for (int64_t j = 0; j < d; j++)
            norm += (double)points[last * d + j] * points[last * d + j];
        half_norms[last] = (float)(norm / 2);
        count = kernel(assign_bounded)(rows, weights, n, d, points, half_norms, bound * 8,
                                       bound * 8,
                                       INFINITY, k,
                                       points + last * d, half_norms + last, bound * 8, bound * 8,
                                       INFINITY, 1, &last,
                                       pass ? slow : NULL, lower, upper, labels, sums,
                                       cluster_weights, inertia, room);
        ADD(ASSIGN_BOUNDED, &count, 1), ADD(ASSIGN_BOUNDED, labels, n);
        ADD(ASSIGN_BOUNDED, sums, k * d), ADD(ASSIGN_BOUNDED, inertia, k);
    }

    double *exact = NEW(double, n);
    kernel(nearest)(rows, n, d, points, half_norms, bound, bound, INFINITY, k, labels, exact, room);
    ADD(NEAREST, labels, n), ADD(NEAREST, exact, n);

    float *closest = NEW(float, n);
    double *totals = NEW(double, k);
    for (int64_t i = 0; i < n; i++) closest[i] = (float)random_below(40 * d);

    int64_t *drawn = NEW(int64_t, k);
    double *fractions = NEW(double, k), *of_blocks = NEW(double, n / 64 + 1);
    for (int64_t c = 0; c < k; c++) fractions[c] = (double)random_below(1 << 20) * 0x1p-20;
    double total = kernel(draw)(closest, weights, n, fractions, k, drawn, of_blocks);
    ADD(DRAW, &total, 1), ADD(DRAW, drawn, k);

    kernel(closest)(rows, weights, n, d, points, k, closest, found, n, totals, room);
    ADD(CLOSEST, found, k * n), ADD(CLOSEST, totals, k);

    kernel(fold)(rows, n, d, points, half_norms, bound, bound, INFINITY, k, 100, closest, labels,
                 room);
    ADD(FOLD, closest, n), ADD(FOLD, labels, n);

    int32_t *index = NEW(int32_t, n), *second = NEW(int32_t, n), *affected = NEW(int32_t, n);
    float *next = NEW(float, n), *distances = NEW(float, n);
    for (int64_t i = 0; i < n; i++) index[i] = (int32_t)(n - 1 - i);
    kernel(two_nearest)(rows, index, n, d, points, half_norms, k, labels, second, closest, next,
                        room);
    ADD(TWO_NEAREST, labels, n), ADD(TWO_NEAREST, second, n);
    ADD(TWO_NEAREST, closest, n), ADD(TWO_NEAREST, next, n);

    double *losses = NEW(double, k);
    double kept = kernel(replacement)(rows, weights, n, d, rows + n / 2 * d, labels, closest, next,
                                      distances, losses, room);
    ADD(REPLACEMENT, &kept, 1), ADD(REPLACEMENT, distances, n), ADD(REPLACEMENT, losses, k);

    count = kernel(exchange)(n, (int32_t)(k / 2), distances, labels, second, closest, next,
                             affected);
    ADD(EXCHANGE, &count, 1), ADD(EXCHANGE, affected, count), ADD(EXCHANGE, labels, n);
    ADD(EXCHANGE, second, n), ADD(EXCHANGE, closest, n), ADD(EXCHANGE, next, n);

    float largest = kernel(subtract)(rows, n, d, points);
    ADD(SUBTRACT, &largest, 1), ADD(SUBTRACT, rows, n * d);

    void *all[] = {rows, points, half_norms, room, found, weights, column_sums, labels, sums,
                   cluster_weights, inertia, exact, closest, totals, index, second, affected,
                   next, distances, losses, drawn, fractions, of_blocks, lower, upper, slow};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

int main(void) {
    static const int64_t rows[] = {1, 64, 135}, columns[] = {1, 3, 4, 8, 13, 35, 100};
    static const int64_t points[] = {1, 2, 3, 4, 5, 6, 7, 13, 150};
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t n = 0; n < sizeof rows / sizeof *rows; n++)
            for (size_t d = 0; d < sizeof columns / sizeof *columns; d++)
                for (size_t k = 0; k < sizeof points / sizeof *points; k++)
                    for (int weighted = 0; weighted < 2; weighted++)
                        run(kind, rows[n], columns[d], points[k], weighted);
    for (size_t i = 0; i < sizeof sums_of / sizeof *sums_of; i++)
        printf("%-14s %016llx\n", sums_of[i].name, (unsigned long long)sums_of[i].value);
    return 0;
}
