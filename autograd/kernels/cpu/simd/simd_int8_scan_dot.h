/* A scan whose steps are INT8_DOT(sum, documents, query): to every 32-bit lane the product of four unsigned and four
 * signed bytes is added, as the instruction vpdpbusd does it. Included once for each way of computing that:
 *
 *   INT8_SCAN      name of the function
 *   INT8_TARGET    attributes of the function
 *   INT8_DOT       the step
 *
 * The tile of ROWS queries x COLUMNS vectors of documents stays in registers. */

static INT8_TARGET int64_t INT8_SCAN(int64_t width, int64_t n, const void *panel, int64_t n_queries, const void *packed,
                                     const kern_scan_query *queries, kern_scan_hit *hits) {
    const int8_shape s = int8_shape_of(&dot_format, width);
    const vi *numbers = (const vi *)panel + s.steps * COLUMNS;
    int64_t n_hits = 0;
    for (int64_t first = 0; first < n_queries; first += ROWS) {
        const int32_t *words[ROWS];
        vi sums[ROWS][COLUMNS];
        UNROLL
        for (int r = 0; r < ROWS; r++) {
            words[r] = (const int32_t *)packed + min_of(first + r, n_queries - 1) * (s.steps + 1);
            UNROLL
            for (int c = 0; c < COLUMNS; c++) sums[r][c] = v_set_word(words[r][0]);
        }
        const vi *documents = panel;
        for (int64_t step = 1; step <= s.steps; step++, documents += COLUMNS) {
            UNROLL
            for (int r = 0; r < ROWS; r++) {
                const vi query = v_set_word(words[r][step]);
                UNROLL
                for (int c = 0; c < COLUMNS; c++) sums[r][c] = INT8_DOT(sums[r][c], documents[c], query);
            }
        }
        UNROLL
        for (int r = 0; r < ROWS; r++) {
            if (first + r < n_queries)
                n_hits =
                    report(sums[r], (const float *)numbers, n, &queries[first + r], (int32_t)(first + r), hits, n_hits);
        }
    }
    return n_hits;
}

#undef INT8_SCAN
#undef INT8_TARGET
#undef INT8_DOT
