/* Distances of rows to the points that a seeding considers. All float32 results have the same bits
   for every instruction set: they are summed column by column, or rounded from float64. */
#include "scores.h"

enum { TOGETHER = 3 };

/* Writes |x - p|^2 of the rows of a transposed block and `count` points, at most TOGETHER, to
   distances [count][BLOCK]. */
ALWAYS_INLINE void distances_tile(const int count, const float *block, const float *values,
                                  int64_t width, upcoming *next, float distances[][BLOCK]) {
    for (int g = 0; g < GROUPS; g++, block += width * GROUP) {
        lanes total[TOGETHER][VECTORS];
        for (int c = 0; c < count; c++)
            for (int v = 0; v < VECTORS; v++) total[c][v] = all(0);
        for (int64_t j = 0; j < width; j++)
            for (int c = 0; c < count; c++) {
                const lanes value = all(values[c * width + j]);
                for (int v = 0; v < VECTORS; v++) {
                    lanes difference = load(block + j * GROUP + v * LANES) - value;
                    total[c][v] = total[c][v] + difference * difference;
                }
            }
        for (int c = 0; c < count; c++)
            for (int v = 0; v < VECTORS; v++)
                store(distances[c] + g * GROUP + v * LANES, total[c][v]);
        fetch_piece(next);
    }
}

ALWAYS_INLINE void distances_of_block(int count, const float *block, const float *values,
                                      int64_t width, upcoming *next, float distances[][BLOCK]) {
    switch (count) {
    case 1: distances_tile(1, block, values, width, next, distances); break;
    case 2: distances_tile(2, block, values, width, next, distances); break;
    default: distances_tile(3, block, values, width, next, distances);
    }
}

/* Adds up weight times value, in eight partial sums by position. */
ALWAYS_INLINE double weighted_sum(const float *values, const double *weights, int size) {
    eight part = zeros();
    int i = 0;
    for (; i + 8 <= size; i += 8)
        part = plus_product(part, widened(values + i),
                            weights ? load_eight(weights + i) : all_eight(1));
    double total = total_of(part);
    for (; i < size; i++) total += values[i] * (weights ? weights[i] : 1.0);
    return total;
}

/* Draws `count` rows with probability proportional to weight times value, by fractions of the total
   in [0, 1), and writes their numbers to drawn. Returns the total; nothing is drawn if it is 0.
   sums: room for one float64 for each block. */
double kernel(draw)(const float *values, const double *weights, int64_t size,
                    const double *fractions, int64_t count, int64_t *drawn, double *sums) {
    const int64_t blocks = (size + BLOCK - 1) / BLOCK;
    double total = 0;
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t first = b * BLOCK;
        total += weighted_sum(values + first, weights ? weights + first : NULL,
                              rows_in_block(first, size));
        sums[b] = total;
    }
    if (!(total > 0)) return 0;
    for (int64_t i = 0; i < count; i++) {
        const double target = fractions[i] * total;
        int64_t low = 0, high = blocks - 1;
        while (low < high) { /* the first block whose cumulative sum exceeds the target */
            const int64_t middle = (low + high) / 2;
            if (sums[middle] > target) high = middle;
            else low = middle + 1;
        }
        double reached = low ? sums[low - 1] : 0;
        const int64_t stop = low * BLOCK + rows_in_block(low * BLOCK, size);
        for (int64_t row = low * BLOCK; row < stop && !(reached > target); row++) {
            const double chance = values[row] * (weights ? weights[row] : 1.0);
            reached += chance;
            if (chance > 0) drawn[i] = row; /* the last one, should rounding keep it below */
        }
    }
    return total;
}

/* Writes min(closest, |x - p|^2) of rows [size, width] and points [count, width] to found, whose
   rows are `stride` values apart, and adds the weighted sums of found to totals [count]. */
void kernel(closest)(const float *rows, const double *weights, int64_t size, int64_t width,
                     const float *values, int64_t count, const float *closest, float *found,
                     int64_t stride, double *totals, float *room) {
    float *block = aligned(room);
    for (int64_t first = 0; first < size; first += BLOCK) {
        const int in_block = rows_in_block(first, size);
        const float *row[BLOCK];
        float distances[TOGETHER][BLOCK];
        upcoming next = block_after(rows, width, first, size, count);
        locate(rows, width, NULL, first, in_block, row);
        transpose(row, width, block);
        for (int64_t c = 0; c < count; c++) {
            const int at = (int)(c % TOGETHER);
            const int64_t left = count - c;
            if (at == 0)
                distances_of_block((int)(left < TOGETHER ? left : TOGETHER), block,
                                   values + c * width, width, &next, distances);
            float *to = found + c * stride + first;
            for (int i = 0; i < in_block; i++)
                to[i] = distances[at][i] < closest[first + i] ? distances[at][i]
                                                              : closest[first + i];
            totals[c] += weighted_sum(to, weights ? weights + first : NULL, in_block);
        }
    }
}

/* Takes points [count, width] into account in the nearest point of each of rows [size, width]: if
   one is nearer than closest float32 [size], its squared distance replaces closest, and `number` +
   its index replaces nearest int32 [size]. */
void kernel(fold)(const float *rows, int64_t size, int64_t width, const float *values,
                  const float *half_norms, float longest, float usual, float beyond,
                  int64_t count, int32_t number, float *closest, int32_t *nearest, float *room) {
    const points p = {values, half_norms, count, width, longest, usual, beyond};
    float *block = aligned(room);
    for (int64_t first = 0; first < size; first += BLOCK) {
        const int in_block = rows_in_block(first, size);
        const float *row[BLOCK];
        found out;
        locate(rows, width, NULL, first, in_block, row);
        score_rows(row, p, block_after(rows, width, first, size, count), block, &out);
        for (int i = 0; i < in_block; i++) {
            /* no point can be nearer than this, for all the rounding in scores and norms */
            const float bound = out.norm[i] * (1 - (width + 3) * 0x1p-23f) + 2 * out.least[i];
            if (bound - 2 * out.reach[i] > closest[first + i]) continue;
            const int32_t winner = nearest_of(i, row[i], p, &out);
            const float distance = (float)squared_distance(row[i], values + winner * width, width);
            if (distance < closest[first + i]) {
                closest[first + i] = distance;
                nearest[first + i] = number + winner;
            }
        }
    }
}

/* Finds the two nearest of `count` points for those rows [., width] that index int32 [size] lists,
   and writes them and their squared distances to the entries of these rows in nearest, second
   (int32), closest and next (float32). With one point, second is -1 and next is infinite. */
void kernel(two_nearest)(const float *rows, const int32_t *index, int64_t size, int64_t width,
                         const float *values, const float *half_norms, int64_t count,
                         int32_t *nearest, int32_t *second, float *closest, float *next,
                         float *room) {
    const points p = {values, half_norms, count, width, 0, 0, INFINITY};
    float *block = aligned(room);
    for (int64_t first = 0; first < size; first += BLOCK) {
        const int in_block = rows_in_block(first, size);
        const float *row[BLOCK];
        found out;
        locate(rows, width, index, first, in_block, row);
        transpose(row, width, block);
        score_block(1, block, p, (upcoming){NULL, NULL, 0}, &out);
        for (int i = 0; i < in_block; i++) {
            const int64_t at = index[first + i];
            const int32_t winner = out.winner[i], runner_up = out.runner_up[i];
            nearest[at] = winner;
            closest[at] = (float)squared_distance(row[i], values + winner * width, width);
            second[at] = count > 1 ? runner_up : -1;
            const double following = squared_distance(row[i], values + runner_up * width, width);
            next[at] = count > 1 ? (float)following : INFINITY;
        }
    }
}

/* What the inertia of rows [size, width] becomes if a point replaces one of their centroids.

   Writes |x - point|^2 to distances float32 [size], adds what the loss of each centroid costs to
   losses float64 [k], and returns the inertia if the point is added and none is lost. See
   `two_nearest` for nearest, closest and next. */
double kernel(replacement)(const float *rows, const double *weights, int64_t size, int64_t width,
                           const float *point, const int32_t *nearest, const float *closest,
                           const float *next, float *distances, double *losses, float *room) {
    float *block = aligned(room);
    double total = 0;
    for (int64_t first = 0; first < size; first += BLOCK) {
        const int in_block = rows_in_block(first, size);
        const float *row[BLOCK];
        float distance[1][BLOCK], *found = distance[0];
        upcoming after = block_after(rows, width, first, size, 1);
        locate(rows, width, NULL, first, in_block, row);
        transpose(row, width, block);
        distances_of_block(1, block, point, width, &after, distance);
        for (int i = 0; i < in_block; i++) {
            const int64_t at = first + i;
            const double weight = weights ? weights[at] : 1.0;
            const float kept = found[i] < closest[at] ? found[i] : closest[at];
            const float without = found[i] < next[at] ? found[i] : next[at];
            distances[at] = found[i];
            losses[nearest[at]] += weight * ((double)without - (double)kept);
            total += weight * kept;
        }
    }
    return total;
}

/* Updates what `two_nearest` writes after centroid `replaced` has become a point at the given
   distances [size]. Lists the rows that lost one of their two nearest centroids, which
   `two_nearest` must find again, in affected int32 [size], and returns their number. */
int64_t kernel(exchange)(int64_t size, int32_t replaced, const float *distances, int32_t *nearest,
                         int32_t *second, float *closest, float *next, int32_t *affected) {
    int64_t count = 0;
    for (int64_t i = 0; i < size; i++) {
        if (nearest[i] == replaced || second[i] == replaced) {
            affected[count++] = (int32_t)i;
        } else if (distances[i] < closest[i]) {
            second[i] = nearest[i];
            next[i] = closest[i];
            nearest[i] = replaced;
            closest[i] = distances[i];
        } else if (distances[i] < next[i]) {
            second[i] = replaced;
            next[i] = distances[i];
        }
    }
    return count;
}
