/* The scan in plain C: nothing is rounded to integers, so the bound is the product and what float may lose. */
#include "autograd/kernels/ref/ref.h"
#include "autograd/kernels/scan_bound.h"

#define DOCUMENTS 8

/* A panel: the numbers of the documents, then their vectors. */
static int64_t panel_bytes(int64_t width) {
    return (DOCUMENTS * ((int64_t)sizeof(kern_scan_document) + width * 4) + 63) / 64 * 64;
}

static int64_t query_bytes(int64_t width) {
    return width * 4;
}

/* Returns the length; *largest is the number with the largest absolute value, NaN when there is one. */
static double take_row(int64_t width, const float *row, float scale, const float *center, float *x, float *largest) {
    double sum = 0.0;
    *largest = 0.0F;
    for (int64_t i = 0; i < width; i++) {
        x[i] = scale * row[i] - (center ? center[i] : 0.0F);
        sum += (double)x[i] * (double)x[i];
        if (!(fabsf(x[i]) <= *largest)) *largest = fabsf(x[i]);
        if (x[i] != x[i]) break;
    }
    return sqrt(sum);
}

static bool is_known(int64_t width, float largest) {
    return width <= KERN_SCAN_MOST_WIDTH &&
           (largest == 0.0F || (largest > KERN_SCAN_SMALLEST && largest < KERN_SCAN_LARGEST));
}

static double center_length(int64_t width, const float *center) {
    double sum = 0.0;
    for (int64_t i = 0; center && i < width; i++) sum += (double)center[i] * (double)center[i];
    return sqrt(sum);
}

static void pack_query(int64_t width, const float *row, float scale, const float *center, void *packed,
                       kern_scan_query *query) {
    float largest;
    const double length = take_row(width, row, scale, center, packed, &largest);
    *query = is_known(width, largest) ? kern_scan_measure_query(width, 1.0F, length, 0.0, center_length(width, center))
                                      : kern_scan_query_unknown();
    float *q = packed;
    for (int64_t i = 0; query->step == 0.0 && i < width; i++) q[i] = 0.0F;
}

static void pack_panel(int64_t n, int64_t width, const float *rows, const float *scales, const float *center,
                       float query_error, bool squares, void *panel) {
    kern_scan_document *documents = panel;
    float *vectors = (float *)(documents + DOCUMENTS);
    const double length_of_center = center_length(width, center);
    for (int64_t j = 0; j < n; j++) {
        float largest, *x = vectors + j * width;
        const double length = take_row(width, rows + j * width, scales ? scales[j] : 1.0F, center, x, &largest);
        documents[j] = is_known(width, largest) ? kern_scan_measure_document(width, 1.0F, length, 0.0, length_of_center,
                                                                             query_error, squares)
                                                : kern_scan_document_unknown();
        for (int64_t i = 0; documents[j].step == 0.0F && i < width; i++) x[i] = 0.0F;
    }
}

static int64_t scan(int64_t width, int64_t n, const void *panel, int64_t n_queries, const void *packed,
                    const kern_scan_query *queries, kern_scan_hit *hits) {
    const kern_scan_document *documents = panel;
    const float *vectors = (const float *)(documents + DOCUMENTS);
    int64_t n_hits = 0;
    for (int64_t q = 0; q < n_queries; q++) {
        const float *a = (const float *)packed + q * width;
        for (int64_t j = 0; j < n; j++) {
            const kern_scan_document *d = &documents[j];
            double product = 0.0;
            for (int64_t i = 0; i < width; i++) product += (double)a[i] * (double)vectors[j * width + i];
            const float bound =
                (float)product * d->step + d->base + d->error * queries[q].length + d->square * queries[q].inverse;
            if (bound < queries[q].least) continue;
            hits[n_hits++] = (kern_scan_hit){(int32_t)q, (int32_t)j, bound};
        }
    }
    return n_hits;
}

static double dot(int64_t width, const double *a, const float *b) {
    double s[8] = {0};
    for (int64_t i = 0; i < width; i++) s[i % 8] += a[i] * (double)b[i];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

static void dots(int64_t width, const double *a, int64_t n, const float *const *rows, double *out) {
    for (int64_t j = 0; j < n; j++) out[j] = dot(width, a, rows[j]);
}

static void squares(int64_t width, int64_t n, const float *rows, double *out) {
    for (int64_t j = 0; j < n; j++) {
        const float *a = rows + j * width;
        double s[8] = {0};
        for (int64_t i = 0; i < width; i++) s[i % 8] += (double)a[i] * (double)a[i];
        out[j] = ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
    }
}

const kern_scan kern_ref_scan = {
    .name = "plain",
    .panel_documents = DOCUMENTS,
    .query_step = 1,
    .panel_bytes = panel_bytes,
    .query_bytes = query_bytes,
    .pack_query = pack_query,
    .pack_panel = pack_panel,
    .scan = scan,
    .dots = dots,
    .squares = squares,
};
