/* Assignment of rows to their nearest centroids, with all sums, in one pass. */
#include "scores.h"

/* Adds a row to the sums of its cluster; returns its squared distance to the centroid. */
ALWAYS_INLINE double add_row(const float *x, double weight, const float *centroid, int64_t width,
                             double *sums) {
    eight part = zeros();
    const eight weights = all_eight(weight);
    int64_t j = 0;
    for (; j + 8 <= width; j += 8) {
        eight value = widened(x + j), difference = difference_of(value, widened(centroid + j));
        part = plus_product(part, difference, difference);
        store_eight(sums + j, plus_product(load_eight(sums + j), value, weights));
    }
    double total = total_of(part);
    for (; j < width; j++) {
        double value = x[j], difference = value - (double)centroid[j];
        total += difference * difference;
        sums[j] += value * weight;
    }
    return total;
}

/* Assigns rows [size, width] to their nearest of `count` centroids, adds them to the sums of their
   clusters in the order of the rows, and returns the number of rows whose label has changed.

   weights: float64, or NULL for 1 each. labels: int32, overwritten. sums: float64 [count, width].
   cluster_weights, inertia: float64 [count]. room: BLOCK * width + 16 floats. */
int64_t kernel(assign)(const float *rows, const double *weights, int64_t size, int64_t width,
                       const float *centroids, const float *half_norms, float longest,
                       float usual, float beyond, int64_t count, int32_t *labels, double *sums,
                       double *cluster_weights, double *inertia, float *room) {
    const points p = {centroids, half_norms, count, width, longest, usual, beyond};
    float *block = aligned(room);
    int64_t moved = 0;
    for (int64_t first = 0; first < size; first += BLOCK) {
        const int in_block = rows_in_block(first, size);
        const float *row[BLOCK];
        found out;
        locate(rows, width, NULL, first, in_block, row);
        score_rows(row, p, block_after(rows, width, first, size, count), block, &out);
        for (int i = 0; i < in_block; i++) {
            const int32_t label = nearest_of(i, row[i], p, &out);
            const double weight = weights ? weights[first + i] : 1.0;
            const double distance = add_row(row[i], weight, centroids + label * width, width,
                                            sums + label * width);
            inertia[label] += weight * distance;
            cluster_weights[label] += weight;
            moved += labels[first + i] != label;
            labels[first + i] = label;
        }
    }
    return moved;
}

/* Writes the nearest of `count` points to labels int32 [size], and the squared distances to them to
   distances float64 [size], for rows [size, width]. room: BLOCK * width + 16 floats. */
void kernel(nearest)(const float *rows, int64_t size, int64_t width, const float *values,
                     const float *half_norms, float longest, float usual, float beyond,
                     int64_t count, int32_t *labels, double *distances, float *room) {
    const points p = {values, half_norms, count, width, longest, usual, beyond};
    float *block = aligned(room);
    for (int64_t first = 0; first < size; first += BLOCK) {
        const int in_block = rows_in_block(first, size);
        const float *row[BLOCK];
        found out;
        locate(rows, width, NULL, first, in_block, row);
        score_rows(row, p, block_after(rows, width, first, size, count), block, &out);
        for (int i = 0; i < in_block; i++) {
            const int32_t label = nearest_of(i, row[i], p, &out);
            labels[first + i] = label;
            distances[first + i] = squared_distance(row[i], values + label * width, width);
        }
    }
}
