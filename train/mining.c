/* Hard-negative mining: see mining.h. */
#include "train/mining.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "data/formats/json.h"
#include "data/pairs.h"
#include "eval/embed_progress.h"
#include "eval/search.h"
#include "train/text_identity.h"

#define EMBED_BLOCK  4096 /* texts gathered before they are embedded */
#define SEARCH_BLOCK 2048 /* anchors searched at a time: bounds the hits that are kept */

/* The distinct texts of one slot: of row i it is text id[i], found in row row[id]. */
typedef struct unique_texts {
    int64_t slot, n;
    int64_t *id;    /* (n_rows) */
    int64_t *row;   /* (n) */
    uint64_t *hash; /* (n) */
    float *vectors; /* (n, width) */
} unique_texts;

typedef struct miner {
    const data_set *set;
    eval_encoder *encoder;
    train_mining_options o;
    int64_t width, k;
    train_text_rule rule; /* when texts are the same */
    unique_texts anchors, documents;
    data_pairs known;
    int64_t *rows_by_anchor; /* row numbers, grouped by anchor id */
    int64_t *chosen;         /* (n_rows, n_negatives) document ids, -1: none */
    train_mining_report report;
    double positive_sum, negative_sum;
} miner;

static int by_hash(const void *a, const void *b) {
    const data_pair *x = a, *y = b;
    if (x->anchor != y->anchor) return x->anchor < y->anchor ? -1 : 1;
    return x->text < y->text ? -1 : x->text > y->text;
}

static int by_first_row(const void *a, const void *b) {
    const data_pair *x = a, *y = b;
    return x->text < y->text ? -1 : x->text > y->text;
}

/* Numbers the distinct texts by first appearance. pairs: (hash, row) of every row; destroyed. */
static bool number_texts(unique_texts *u, data_pair *pairs, int64_t n_rows, senc_error *err) {
    const size_t rows = (size_t)n_rows;
    u->id = senc_alloc(rows, sizeof *u->id);
    u->row = senc_alloc(rows, sizeof *u->row);
    u->hash = senc_alloc(rows, sizeof *u->hash);
    data_pair *firsts = senc_alloc(rows, sizeof *firsts);
    if (!u->id || !u->row || !u->hash || !firsts) {
        free(firsts);
        return senc_fail_memory(err, rows * 40, "the distinct texts");
    }
    qsort(pairs, rows, sizeof *pairs, by_hash);
    for (int64_t i = 0; i < n_rows; i++) {
        if (i == 0 || pairs[i].anchor != pairs[i - 1].anchor) firsts[u->n++] = pairs[i]; /* lowest row of its hash */
    }
    qsort(firsts, (size_t)u->n, sizeof *firsts, by_first_row);
    for (int64_t i = 0; i < u->n; i++) {
        u->row[i] = (int64_t)firsts[i].text;
        u->hash[i] = firsts[i].anchor;
        firsts[i].text = (uint64_t)i;
    }
    qsort(firsts, (size_t)u->n, sizeof *firsts, by_hash);
    for (int64_t i = 0, f = 0; i < n_rows; i++) {
        while (firsts[f].anchor != pairs[i].anchor) f++;
        u->id[pairs[i].text] = (int64_t)firsts[f].text;
    }
    free(firsts);
    return true;
}

static bool find_unique(miner *m, unique_texts *u, const char *role, senc_error *err) {
    const int64_t n_rows = data_set_n_rows(m->set);
    u->slot = data_set_find_slot(m->set, role);
    data_pair *pairs = senc_alloc((size_t)n_rows, sizeof *pairs);
    uint64_t *hashes = senc_alloc((size_t)n_rows, sizeof *hashes);
    bool ok = (pairs && hashes) || senc_fail_memory(err, (size_t)n_rows * 24, "the hashes of the texts");
    ok = ok && train_texts_hash(m->set, u->slot, &m->rule, NULL, hashes, err);
    for (int64_t i = 0; ok && i < n_rows; i++) pairs[i] = (data_pair){hashes[i], (uint64_t)i};
    ok = ok && number_texts(u, pairs, n_rows, err);
    free(hashes);
    free(pairs);
    return ok;
}

static bool list_known(miner *m, senc_error *err) {
    const int64_t n_rows = data_set_n_rows(m->set);
    data_pair *pairs = senc_alloc((size_t)n_rows, sizeof *pairs);
    if (!pairs) return senc_fail_memory(err, (size_t)n_rows * sizeof *pairs, "known positives");
    for (int64_t i = 0; i < n_rows; i++)
        pairs[i] = (data_pair){m->anchors.hash[m->anchors.id[i]], m->documents.hash[m->documents.id[i]]};
    data_pairs_take(&m->known, pairs, n_rows);
    return true;
}

/* Gathers texts [first, first + n) and embeds them. */
static bool embed_block(miner *m, unique_texts *u, eval_role role, int64_t first, int64_t n, senc_buffer *bytes,
                        eval_text *texts, senc_error *err) {
    data_row row = {0};
    bool ok = true;
    senc_buffer_clear(bytes);
    for (int64_t i = 0; ok && i < n; i++) {
        ok = data_set_row(m->set, u->row[first + i], &row, err);
        if (!ok) break;
        texts[i].n_bytes = (int64_t)row.values[u->slot].n_bytes;
        senc_buffer_append(bytes, row.values[u->slot].text, row.values[u->slot].n_bytes);
    }
    data_row_free(&row);
    if (ok && bytes->failed) ok = senc_fail_memory(err, bytes->n_bytes, "texts");
    const char *at = senc_buffer_text(bytes);
    for (int64_t i = 0; ok && i < n; at += texts[i].n_bytes, i++) texts[i].bytes = at;
    const eval_embedder embedder = eval_encoder_embedder(m->encoder);
    return ok && embedder.embed(embedder.context, role, texts, n, u->vectors + first * m->width, err);
}

static bool embed_unique(miner *m, unique_texts *u, eval_role role, const char *what, senc_error *err) {
    u->vectors = senc_alloc_aligned((size_t)(u->n * m->width), sizeof *u->vectors);
    eval_text *texts = senc_alloc(EMBED_BLOCK, sizeof *texts);
    bool ok = u->vectors && texts;
    if (!ok) senc_fail_memory(err, (size_t)(u->n * m->width) * sizeof *u->vectors, "vectors");
    senc_buffer bytes = {0};
    eval_progress progress = {.what = what, .n_all = u->n};
    eval_progress_watch(&progress, m->encoder);
    for (int64_t first = 0; ok && first < u->n; first += EMBED_BLOCK) {
        const int64_t n = u->n - first < EMBED_BLOCK ? u->n - first : EMBED_BLOCK;
        ok = embed_block(m, u, role, first, n, &bytes, texts, err);
    }
    eval_encoder_watch(m->encoder, NULL, NULL);
    senc_log_status("%s", "");
    senc_buffer_free(&bytes);
    free(texts);
    return ok;
}

/* Rows grouped by anchor, in their order; the largest group's size bounds how many known positives a ranking can hold.
 */
static bool group_rows(miner *m, int64_t **starts, senc_error *err) {
    const int64_t n_rows = data_set_n_rows(m->set);
    int64_t *start = *starts = senc_alloc_zero((size_t)m->anchors.n + 1, sizeof *start);
    m->rows_by_anchor = senc_alloc((size_t)n_rows, sizeof *m->rows_by_anchor);
    if (!start || !m->rows_by_anchor) return senc_fail_memory(err, (size_t)n_rows * 16, "rows by anchor");
    for (int64_t i = 0; i < n_rows; i++) start[m->anchors.id[i] + 1]++;
    int64_t most = 0;
    for (int64_t a = 0; a < m->anchors.n; a++) {
        if (start[a + 1] > most) most = start[a + 1];
        start[a + 1] += start[a];
    }
    for (int64_t i = 0; i < n_rows; i++) m->rows_by_anchor[start[m->anchors.id[i]]++] = i;
    for (int64_t a = m->anchors.n; a > 0; a--) start[a] = start[a - 1];
    start[0] = 0;
    m->k = m->o.range_max + most + 1; /* + 1: a text equal to the anchor */
    return true;
}

/* Takes n of the candidates kept for a row: the first ones, or a random choice in the order of their rank. */
static void sample(const miner *m, int64_t row, const eval_hit *kept, int64_t n_kept, int64_t *out, double *score_sum,
                   int64_t *n_out) {
    senc_rng rng;
    senc_rng_init(&rng, senc_rng_mix(m->o.seed) ^ (uint64_t)row);
    int64_t wanted = m->o.n_negatives;
    *n_out = 0;
    for (int64_t i = 0; i < n_kept && wanted > 0; i++) {
        const bool take = m->o.sampling == TRAIN_MINING_TOP || senc_rng_below(&rng, (uint64_t)(n_kept - i)) <
                                                                   (uint64_t)wanted; /* Knuth 3.4.2, algorithm S */
        if (!take) continue;
        out[(*n_out)++] = kept[i].document;
        *score_sum += (double)kept[i].score;
        wanted--;
    }
}

/* Rounded as the search rounds its scores: a document with the positive's vector is as near, not a last bit more or
 * less.
 */
static double positive_of(const miner *m, int64_t row) {
    const float score = (float)eval_similarity_of(EVAL_COSINE, m->anchors.vectors + m->anchors.id[row] * m->width,
                                                  m->documents.vectors + m->documents.id[row] * m->width, m->width);
    return (double)score;
}

/* The least similar positive of an anchor with the rows rows_by_anchor[first .. end). */
static double lowest_positive(const miner *m, int64_t first, int64_t end) {
    double lowest = HUGE_VAL;
    for (int64_t i = first; i < end; i++) lowest = fmin(lowest, positive_of(m, m->rows_by_anchor[i]));
    return lowest;
}

/* Chooses the negatives of one row from its anchor's ranking. lowest: of the anchor's positives. kept: scratch for the
 * ranking's length. */
static void mine_row(miner *m, int64_t row, double lowest, const eval_hit *hits, int64_t n_hits, eval_hit *kept) {
    const uint64_t anchor_hash = m->anchors.hash[m->anchors.id[row]];
    const double highest = m->o.relative_margin < 0 ? HUGE_VAL : lowest - fabs(lowest) * m->o.relative_margin;
    int64_t n_kept = 0, passed = 0;
    for (int64_t i = 0; i < n_hits && passed < m->o.range_max; i++) {
        const uint64_t hash = m->documents.hash[hits[i].document];
        if (hash == anchor_hash || data_pairs_contains(&m->known, anchor_hash, hash)) {
            m->report.n_known++;
        } else if ((double)hits[i].score > highest) {
            m->report.n_too_close++;
        } else if (passed++ >= m->o.range_min) {
            kept[n_kept++] = hits[i];
        }
    }
    int64_t n = 0;
    int64_t *out = m->chosen + row * m->o.n_negatives;
    sample(m, row, kept, n_kept, out, &m->negative_sum, &n);
    for (int64_t i = n; i < m->o.n_negatives; i++) out[i] = -1;
    m->positive_sum += positive_of(m, row);
    m->report.n_written += n;
    m->report.n_rows_short += n < m->o.n_negatives;
}

static bool search_block(miner *m, int64_t first, int64_t n, const int64_t *starts, eval_hit *kept, senc_error *err) {
    const eval_search_options options = {.kernels = kern_best(), .similarity = EVAL_COSINE, .k = m->k};
    eval_search *search = NULL;
    bool ok = eval_search_open(&options, m->anchors.vectors + first * m->width, n, m->width, &search, err) &&
              eval_search_add(search, m->documents.vectors, m->documents.n, err);
    if (ok) eval_search_finish(search);
    for (int64_t a = first; ok && a < first + n; a++) {
        int64_t n_hits;
        const eval_hit *hits = eval_search_hits(search, a - first, &n_hits);
        const double lowest = lowest_positive(m, starts[a], starts[a + 1]);
        for (int64_t i = starts[a]; i < starts[a + 1]; i++)
            mine_row(m, m->rows_by_anchor[i], lowest, hits, n_hits, kept);
    }
    eval_search_close(search);
    return ok;
}

static bool search_all(miner *m, senc_error *err) {
    const int64_t n_rows = data_set_n_rows(m->set);
    int64_t *starts = NULL;
    bool ok = group_rows(m, &starts, err);
    eval_hit *kept = ok ? senc_alloc((size_t)m->k, sizeof *kept) : NULL;
    m->chosen = ok ? senc_alloc((size_t)(n_rows * m->o.n_negatives), sizeof *m->chosen) : NULL;
    if (ok && (!kept || !m->chosen)) ok = senc_fail_memory(err, (size_t)(n_rows * m->o.n_negatives) * 8, "negatives");
    for (int64_t first = 0; ok && first < m->anchors.n; first += SEARCH_BLOCK) {
        senc_log_status("searching: %lld of %lld anchors", (long long)first, (long long)m->anchors.n);
        const int64_t n = m->anchors.n - first < SEARCH_BLOCK ? m->anchors.n - first : SEARCH_BLOCK;
        ok = search_block(m, first, n, starts, kept, err);
    }
    senc_log_status("%s", "");
    free(kept);
    free(starts);
    return ok;
}

static void append_field(senc_buffer *line, const char *key, const data_value *v) {
    senc_buffer_printf(line, "%s\"%s\": ", line->n_bytes > 1 ? ", " : "", key);
    data_json_append_string(line, v->text, v->n_bytes);
}

static bool write_row(const miner *m, int64_t i, data_row *row, senc_buffer *line, FILE *out, senc_error *err) {
    senc_buffer_clear(line);
    senc_buffer_append_text(line, "{");
    if (!data_set_row(m->set, i, row, err)) return false;
    append_field(line, "anchor", &row->values[m->anchors.slot]);
    append_field(line, "positive", &row->values[m->documents.slot]);
    for (int64_t k = 0; k < m->o.n_negatives; k++) {
        const int64_t document = m->chosen[i * m->o.n_negatives + k];
        if (document < 0) break;
        char key[32];
        snprintf(key, sizeof key, "negative_%lld", (long long)k + 1);
        if (!data_set_row(m->set, m->documents.row[document], row, err)) return false;
        append_field(line, key, &row->values[m->documents.slot]);
    }
    senc_buffer_append_text(line, "}\n");
    if (line->failed) return senc_fail_memory(err, line->n_bytes, "a row");
    fwrite(line->data, 1, line->n_bytes, out); /* a failure is sticky in the stream: commit reports it */
    return true;
}

static bool write_rows(const miner *m, const char *output, senc_error *err) {
    senc_file_writer w;
    if (!senc_file_writer_open_output(&w, output, m->o.overwrite, err)) return false;
    data_row row = {0};
    senc_buffer line = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < data_set_n_rows(m->set); i++) ok = write_row(m, i, &row, &line, w.stream, err);
    data_row_free(&row);
    senc_buffer_free(&line);
    ok = ok && senc_file_writer_commit(&w, err);
    senc_file_writer_close(&w);
    return ok;
}

static void unique_free(unique_texts *u) {
    free(u->id);
    free(u->row);
    free(u->hash);
    free(u->vectors);
}

bool train_mine(const data_set *set, eval_model *model, const train_mining_options *options, const char *output,
                train_mining_report *report, senc_error *err) {
    miner m = {.set = set, .encoder = model->encoder, .o = *options, .width = nn_model_width(model->model)};
    if (m.o.range_max == 0) m.o.range_max = m.o.range_min + 10 * m.o.n_negatives;
    const bool ok = train_text_rule_init(&m.rule, model->tokenizer, eval_encoder_prompt(model->encoder, EVAL_QUERY),
                                         eval_encoder_prompt(model->encoder, EVAL_DOCUMENT),
                                         nn_model_max_length(model->model), err) &&
                    find_unique(&m, &m.anchors, "anchor", err) && find_unique(&m, &m.documents, "positive", err) &&
                    list_known(&m, err) && embed_unique(&m, &m.documents, EVAL_DOCUMENT, "candidates", err) &&
                    embed_unique(&m, &m.anchors, EVAL_QUERY, "anchors", err) && search_all(&m, err) &&
                    write_rows(&m, output, err);
    *report = m.report;
    report->n_rows = data_set_n_rows(set);
    report->n_anchors = m.anchors.n;
    report->n_candidates = m.documents.n;
    report->mean_positive = report->n_rows ? m.positive_sum / (double)report->n_rows : NAN;
    report->mean_negative = report->n_written ? m.negative_sum / (double)report->n_written : NAN;
    unique_free(&m.anchors);
    unique_free(&m.documents);
    data_pairs_free(&m.known);
    free(m.rows_by_anchor);
    free(m.chosen);
    return ok;
}
