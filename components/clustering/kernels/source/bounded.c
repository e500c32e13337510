/* Assignment with bounds, which spare most rows the comparison with all centroids if there are many
   and few of them still move far. The results are those of `assign`, bit by bit. */
#include "scores.h"

enum { CHUNK = 1024 };

/* Centroids that moved far, with which every row is compared, and their numbers.
   slow: for the rows of each cluster, the largest step of any other centroid that is not fast;
   NULL to compare all rows with all centroids. */
typedef struct {
    points fast;
    const int32_t *number;
    const float *slow;
} movement;

/* What is known of each row: a lower bound of the distance to all centroids but its own, and an
   upper bound of the distance to its own. */
typedef struct {
    float *lower, *upper;
} bounds;

/* Rows of a chunk that must be compared with all centroids, and the squared distances of all rows
   to their own centroids. */
typedef struct {
    int64_t count;
    int32_t row[CHUNK];
    double distance[CHUNK];
} chunk;

/* A lower bound of the distance to the point that has the given score for row i of a block. */
ALWAYS_INLINE float distance_at_least(float score, int i, int64_t width, const found *out) {
    if (!(score < INFINITY)) return INFINITY;
    const float norm = out->norm[i] * (1 - (width + 3) * 0x1p-23f);
    const float squared = norm + 2 * (score - out->reach[i]);
    return squared > 0 ? __builtin_sqrtf(squared) * (1 - 0x1p-22f) : 0;
}

ALWAYS_INLINE double distance_to_own(const float *x, const float *centroid, int64_t width,
                                     float *upper) {
    const double squared = squared_distance(x, centroid, width);
    *upper = (float)__builtin_sqrt(squared) * (1 + 0x1p-22f);
    return squared;
}

/* Lists the rows of a chunk whose bounds overlap, after the centroids have moved. */
ALWAYS_INLINE void find_open(const float *rows, int64_t size, points p, const movement *m,
                             const int32_t *labels, bounds b, float *block, chunk *open) {
    for (int64_t first = 0; first < size; first += BLOCK) {
        const int in_block = rows_in_block(first, size);
        found out;
        if (m->fast.count) {
            const float *row[BLOCK];
            locate(rows, p.width, NULL, first, in_block, row);
            const upcoming next = block_after(rows, p.width, first, size, m->fast.count);
            score_rows(row, m->fast, next, block, &out);
        }
        for (int i = 0; i < in_block; i++) {
            const int64_t at = first + i;
            const int32_t label = labels[at];
            float lower = b.lower[at] * (1 - 0x1p-22f) - m->slow[label];
            if (m->fast.count) {
                const int own = m->number[out.winner[i]] == label;
                const float score = own ? out.second[i] : out.least[i];
                const float near = distance_at_least(score, i, p.width, &out);
                lower = near < lower ? near : lower;
            }
            const float *centroid = p.values + label * p.width;
            open->distance[at] = distance_to_own(rows + at * p.width, centroid, p.width,
                                                 b.upper + at);
            b.lower[at] = lower;
            open->row[open->count] = (int32_t)at;
            open->count += !(b.upper[at] < lower);
        }
    }
}

/* Compares the open rows of a chunk with all centroids; returns how many have a new label. */
ALWAYS_INLINE int64_t assign_open(const float *rows, points p, int32_t *labels, bounds b,
                                  float *block, chunk *open) {
    int64_t moved = 0;
    for (int64_t first = 0; first < open->count; first += BLOCK) {
        const int in_block = rows_in_block(first, open->count);
        const float *row[BLOCK];
        found out;
        locate(rows, p.width, open->row, first, in_block, row);
        score_rows(row, p, (upcoming){NULL, NULL, 0}, block, &out);
        for (int i = 0; i < in_block; i++) {
            const int64_t at = open->row[first + i];
            const int close = too_close(i, row[i], p, &out);
            const int32_t label = nearest_of(i, row[i], p, &out);
            b.lower[at] = close ? 0 : distance_at_least(out.second[i], i, p.width, &out);
            open->distance[at] = distance_to_own(row[i], p.values + label * p.width, p.width,
                                                 b.upper + at);
            moved += labels[at] != label;
            labels[at] = label;
        }
    }
    return moved;
}

/* Does what `assign` does. Fast centroids [fast_count, width] and their numbers, slow [count], and
   lower and upper [size] are explained above; lower and upper are overwritten. */
int64_t kernel(assign_bounded)(const float *rows, const double *weights, int64_t size,
                               int64_t width, const float *centroids, const float *half_norms,
                               float longest, float usual, float beyond, int64_t count,
                               const float *fast, const float *fast_half_norms,
                               float fast_longest, float fast_usual, float fast_beyond,
                               int64_t fast_count, const int32_t *fast_number, const float *slow,
                               float *lower, float *upper, int32_t *labels, double *sums,
                               double *cluster_weights, double *inertia, float *room) {
    const points p = {centroids, half_norms, count, width, longest, usual, beyond};
    const points far = {fast, fast_half_norms, fast_count, width, fast_longest, fast_usual,
                        fast_beyond};
    const movement m = {far, fast_number, slow};
    float *block = aligned(room);
    int64_t moved = 0;
    for (int64_t start = 0; start < size; start += CHUNK) {
        const int64_t rows_here = size - start < CHUNK ? size - start : CHUNK;
        const float *here = rows + start * width;
        const bounds b = {lower + start, upper + start};
        chunk open;
        open.count = 0;
        if (slow) {
            find_open(here, rows_here, p, &m, labels + start, b, block, &open);
        } else {
            for (int64_t i = 0; i < rows_here; i++) open.row[open.count++] = (int32_t)i;
        }
        moved += assign_open(here, p, labels + start, b, block, &open);
        for (int64_t i = 0; i < rows_here; i++) {
            const int32_t label = labels[start + i];
            const double weight = weights ? weights[start + i] : 1.0;
            add_weighted(here + i * width, weight, width, sums + label * width);
            inertia[label] += weight * open.distance[i];
            cluster_weights[label] += weight;
        }
    }
    return moved;
}
