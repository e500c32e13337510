/* The two nearest of many points, for blocks of rows.

   |x - p|^2 = |x|^2 + 2 (|p|^2 / 2 - x.p), so the nearest point has the least score
   |p|^2 / 2 - x.p. A block of rows is transposed, with one row in each lane; a tile of points is
   scored in registers, and the two least scores and the winner of each row are kept in lanes. */
#ifndef TFX_KMEANS_SCORES_H
#define TFX_KMEANS_SCORES_H

#include "exact.h"
#include <math.h>

enum { BLOCK = 64, GROUP = VECTORS * LANES, GROUPS = BLOCK / GROUP };

/* Points that rows are compared with.
   values: float32 [count, width]. half_norms: half of their squared norms, float32 [count].
   longest: an upper bound of their norms. usual: an upper bound of the norms of all but the points
   far from the origin. beyond: a lower bound of the norms of these; infinity if there are none. */
typedef struct {
    const float *values, *half_norms;
    int64_t count, width;
    float longest, usual, beyond;
} points;

/* The least score, the second least and the point with the least one (the first of several), for
   each row of a block; `reach` is the rounding error within which a score may be the least, and
   `norm` the squared norm of the row. */
typedef struct {
    float least[BLOCK], second[BLOCK], reach[BLOCK], norm[BLOCK];
    int32_t winner[BLOCK], runner_up[BLOCK];
} found;

/* The number of rows in the block that begins with row `first` of `size`. */
ALWAYS_INLINE int rows_in_block(int64_t first, int64_t size) {
    return (int)(size - first < BLOCK ? size - first : BLOCK);
}

/* Points to the rows of a block: rows first, first + 1, ... or those of an index. The last row is
   repeated if there are fewer than BLOCK. */
ALWAYS_INLINE void locate(const float *rows, int64_t width, const int32_t *index, int64_t first,
                          int count, const float *row[BLOCK]) {
    for (int i = 0; i < BLOCK; i++) {
        int at = i < count ? i : count - 1;
        row[i] = rows + (index ? (int64_t)index[first + at] : first + at) * width;
    }
}

/* What is read next, which is fetched into the cache piece by piece while a block is processed. */
typedef struct {
    const char *from, *to;
    int64_t piece;
} upcoming;

/* The block after the one that begins with row `first`, in as many pieces as there are tiles. */
ALWAYS_INLINE upcoming block_after(const float *rows, int64_t width, int64_t first, int64_t size,
                                   int64_t num_points) {
    const int64_t next = first + BLOCK < size ? first + BLOCK : size;
    const int64_t end = next + BLOCK < size ? next + BLOCK : size;
    const int64_t tiles = GROUPS * ((num_points + TILE - 1) / TILE);
    const int64_t lines = (end - next) * width / 16 + 1;
    return (upcoming){(const char *)(rows + next * width), (const char *)(rows + end * width),
                      (lines + tiles - 1) / tiles * 64};
}

ALWAYS_INLINE void fetch_piece(upcoming *next) {
    const char *to = next->from + next->piece;
    if (to > next->to) to = next->to;
    for (; next->from < to; next->from += 64) __builtin_prefetch(next->from, 0, 2);
}

/* Writes the rows to `block` as [GROUPS][width][GROUP]. */
ALWAYS_INLINE void transpose(const float *const row[BLOCK], int64_t width, float *block) {
    for (int g = 0; g < GROUPS; g++, block += width * GROUP) {
        int64_t j = 0;
        for (; j + 4 <= width; j += 4)
            for (int v = 0; v < VECTORS; v++) {
                const float *const *from = row + g * GROUP + v * LANES;
                lanes a = four_columns(from, 0, j), b = four_columns(from, 1, j);
                lanes c = four_columns(from, 2, j), d = four_columns(from, 3, j);
                lanes ab = low_pairs(a, b), cd = low_pairs(c, d);
                lanes AB = high_pairs(a, b), CD = high_pairs(c, d);
                float *to = block + j * GROUP + v * LANES;
                store(to, low_halves(ab, cd));
                store(to + GROUP, high_halves(ab, cd));
                store(to + 2 * GROUP, low_halves(AB, CD));
                store(to + 3 * GROUP, high_halves(AB, CD));
            }
        for (; j < width; j++)
            for (int i = 0; i < GROUP; i++) block[j * GROUP + i] = row[g * GROUP + i][j];
    }
}

/* The state of a group of rows while points are scored. */
typedef struct {
    lanes least[VECTORS], second[VECTORS];
    whole_lanes winner[VECTORS], runner_up[VECTORS];
} state;

/* Scores `tile` points from number `first` on, and folds the scores into the state.
   If `in_order`, scores are the same for every instruction set, and runners-up are found. */
ALWAYS_INLINE void score_tile(const int tile, const int in_order, const float *group, points p,
                              int64_t first, state *s) {
    lanes score[TILE][VECTORS];
    const float *point = p.values + first * p.width;
    for (int c = 0; c < tile; c++)
        for (int v = 0; v < VECTORS; v++) score[c][v] = all(p.half_norms[first + c]);
    for (int64_t j = 0; j < p.width; j++) {
        lanes x[VECTORS];
        for (int v = 0; v < VECTORS; v++) {
            x[v] = load(group + j * GROUP + v * LANES);
            KEEP_IN_REGISTER(x[v]);
        }
        for (int c = 0; c < tile; c++) {
            lanes value = all(point[c * p.width + j]);
            for (int v = 0; v < VECTORS; v++) {
                if (in_order) score[c][v] = score[c][v] - x[v] * value;
                else score[c][v] = fused_subtract(score[c][v], x[v], value);
            }
        }
    }
    for (int c = 0; c < tile; c++) {
        whole_lanes number = all_whole((int32_t)(first + c));
        for (int v = 0; v < VECTORS; v++) {
            lane_mask wins = less(score[c][v], s->least[v]);
            if (in_order) {
                lane_mask second = less(score[c][v], s->second[v]);
                s->runner_up[v] = chosen_whole(second, number, s->runner_up[v]);
                s->runner_up[v] = chosen_whole(wins, s->winner[v], s->runner_up[v]);
            }
            s->second[v] = least_of(s->second[v], largest_of(score[c][v], s->least[v]));
            s->least[v] = least_of(score[c][v], s->least[v]);
            s->winner[v] = chosen_whole(wins, number, s->winner[v]);
        }
    }
}

ALWAYS_INLINE void score_group(const int in_order, const float *group, points p, upcoming *next,
                               state *s) {
    for (int v = 0; v < VECTORS; v++) {
        s->least[v] = s->second[v] = all(INFINITY);
        s->winner[v] = s->runner_up[v] = all_whole(0);
    }
    int64_t first = 0;
    for (; first + TILE <= p.count; first += TILE) {
        score_tile(TILE, in_order, group, p, first, s);
        fetch_piece(next);
    }
    fetch_piece(next);
    switch (p.count - first) {
    case 5: score_tile(5 < TILE ? 5 : 1, in_order, group, p, first, s); break;
    case 4: score_tile(4 < TILE ? 4 : 1, in_order, group, p, first, s); break;
    case 3: score_tile(3, in_order, group, p, first, s); break;
    case 2: score_tile(2, in_order, group, p, first, s); break;
    case 1: score_tile(1, in_order, group, p, first, s); break;
    }
}

/* Twice the error of the scores of a row of length |x| and points no longer than `longest`
   (Higham 2002, section 3.1): 2 (width + 3) (u (|x| longest + longest^2 / 2) + underflow). */
ALWAYS_INLINE float twice_the_error(float length, float longest, int64_t width) {
    const float terms = 2 * (float)(width + 3);
    return terms * 0x1p-24f * longest * (1.02f * length + 0.52f * longest) + terms * 0x1p-126f;
}

ALWAYS_INLINE void reach_of_group(const float *group, points p, float *reach, float *norm) {
    const float terms = 2 * (float)(p.width + 3), factor = terms * 0x1p-24f * p.longest;
    for (int v = 0; v < VECTORS; v++) {
        lanes squared = all(0);
        for (int64_t j = 0; j < p.width; j++) {
            lanes x = load(group + j * GROUP + v * LANES);
            squared = squared + x * x;
        }
        lanes length = all(1.02f) * root(squared) + all(0.52f * p.longest);
        store(reach + v * LANES, all(factor) * length + all(terms * 0x1p-126f));
        store(norm + v * LANES, squared);
    }
}

/* Scores the rows of a transposed block against all points. */
ALWAYS_INLINE void score_block(const int in_order, const float *block, points p, upcoming next,
                               found *out) {
    for (int g = 0; g < GROUPS; g++, block += p.width * GROUP) {
        state s;
        score_group(in_order, block, p, &next, &s);
        if (!in_order) reach_of_group(block, p, out->reach + g * GROUP, out->norm + g * GROUP);
        for (int v = 0; v < VECTORS; v++) {
            int at = g * GROUP + v * LANES;
            store(out->least + at, s.least[v]);
            store(out->second + at, s.second[v]);
            store_whole(out->winner + at, s.winner[v]);
            if (in_order) store_whole(out->runner_up + at, s.runner_up[v]);
        }
    }
}

/* x.p, float32, summed in any order. */
ALWAYS_INLINE float any_order_dot(const float *x, const float *p, int64_t width) {
    lanes part = all(0);
    int64_t j = 0;
    for (; j + LANES <= width; j += LANES) part = part + load(x + j) * load(p + j);
    float values[LANES], total = 0;
    store(values, part);
    for (int i = 0; i < LANES; i++) total += values[i];
    for (; j < width; j++) total += x[j] * p[j];
    return total;
}

/* The nearest point by float64 distance among those that score at most `limit`. Distances that
   float64 cannot distinguish are a tie, and the lowest number wins. */
static __attribute__((noinline)) int32_t nearest_exactly(const float *x, points p, float limit) {
    double least = INFINITY;
    int32_t number = 0;
    const double tie = 1 + (p.width + 2) * 0x1p-52; /* see distances.tie_factor */
    for (int64_t c = p.count - 1; c >= 0; c--) {
        const float *point = p.values + c * p.width;
        if (!(p.half_norms[c] - any_order_dot(x, point, p.width) <= limit)) continue;
        double distance = squared_distance(x, point, p.width);
        if (distance < least) least = distance;
    }
    for (int64_t c = 0; c < p.count; c++) {
        const float *point = p.values + c * p.width;
        if (!(p.half_norms[c] - any_order_dot(x, point, p.width) <= limit)) continue;
        if (squared_distance(x, point, p.width) <= least * tie) { number = (int32_t)c; break; }
    }
    return number;
}

/* Finds the point with the least score for each row, which is not always the nearest one. */
ALWAYS_INLINE void score_rows(const float *const row[BLOCK], points p, upcoming next, float *block,
                              found *out) {
    transpose(row, p.width, block);
    score_block(0, block, p, next, out);
}

/* Whether a row is nearer to its winner than to any point beyond the usual ones, and its scores of
   the usual ones are far enough apart. Otherwise a few far points would make all scores too close.
*/
ALWAYS_INLINE int only_usual_count(int i, const float *row, points p, const found *out) {
    const float length = __builtin_sqrtf(out->norm[i]) * (1 + (p.width + 3) * 0x1p-23f);
    if (!(out->second[i] - out->least[i] > twice_the_error(length, p.usual, p.width))) return 0;
    const float apart = (p.beyond - length) * (1 - 0x1p-20f);
    const float *winner = p.values + out->winner[i] * p.width;
    return apart > 0 && (double)apart * apart > squared_distance(row, winner, p.width);
}

/* Whether float64 must decide which point is the nearest of row i. */
ALWAYS_INLINE int too_close(int i, const float *row, points p, const found *out) {
    if (out->second[i] - out->least[i] > out->reach[i]) return 0;
    return !(p.beyond < INFINITY && only_usual_count(i, row, p, out));
}

/* The nearest point of row i. */
ALWAYS_INLINE int32_t nearest_of(int i, const float *row, points p, const found *out) {
    if (!too_close(i, row, p, out)) return out->winner[i];
    return nearest_exactly(row, p, out->least[i] + out->reach[i]);
}

/* The first multiple of 64 bytes in a buffer that has room for BLOCK * width + 16 floats. */
ALWAYS_INLINE float *aligned(float *room) {
    return (float *)(((uintptr_t)room + 63) & ~(uintptr_t)63);
}

#endif
