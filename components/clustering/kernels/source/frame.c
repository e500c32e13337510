/* Passes that map rows to the frame in which distances are computed. */
#include "exact.h"

/* Adds weight times row of rows [size, width] to sums float64 [width], in the order of the rows. */
void kernel(column_sums)(const float *rows, const double *weights, int64_t size, int64_t width,
                         double *sums) {
    for (int64_t i = 0; i < size; i++)
        add_weighted(rows + i * width, weights ? weights[i] : 1.0, width, sums);
}

/* Subtracts shift float32 [width] from rows [size, width]; returns the largest |value|.
   The values must be finite. */
float kernel(subtract)(float *rows, int64_t size, int64_t width, const float *shift) {
    lanes largest = all(0);
    float rest = 0;
    for (int64_t i = 0; i < size; i++, rows += width) {
        int64_t j = 0;
        for (; j + LANES <= width; j += LANES) {
            lanes value = load(rows + j) - load(shift + j);
            store(rows + j, value);
            largest = largest_of(largest, largest_of(value, all(0) - value));
        }
        for (; j < width; j++) {
            float value = rows[j] - shift[j];
            rows[j] = value;
            rest = __builtin_fabsf(value) > rest ? __builtin_fabsf(value) : rest;
        }
    }
    float values[LANES];
    store(values, largest);
    for (int i = 0; i < LANES; i++) rest = values[i] > rest ? values[i] : rest;
    return rest;
}
