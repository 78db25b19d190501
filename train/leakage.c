/* Finding what of the evaluations is in the training data: see leakage.h. The units' texts are indexed, and the rows
 * go by: memory grows with the evaluations, not with the training data. */
#include "train/leakage.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/base/terminal.h"
#include "data/near_texts.h"

#define SHOWN_BYTES 160 /* of a unit's text in an example */

typedef struct leak_unit {
    int32_t job;
    int32_t n_texts;
    train_leak_match match;
    int64_t entries[2]; /* of its texts in the index */
    uint64_t exact[2];
    int64_t next; /* unit with the same text, or the same pair; -1 */
    int64_t row;  /* that matches best, the first of these */
} leak_unit;

/* A text of the index that a text of a row is, or is near. */
typedef struct leak_hit {
    int64_t entry;
    uint64_t exact; /* of the row's text */
    train_leak_match match;
    int64_t column;
} leak_hit;

typedef struct leak_search {
    data_near_index *index;
    leak_unit *units;
    int64_t n_units, units_capacity;
    int64_t *of_entry; /* (entries_capacity) first unit with that text alone, -1 */
    int64_t entries_capacity;
    int64_t *pairs; /* heads of lists of pairs, by a hash of both texts; a power of two */
    int64_t n_pairs;
    leak_hit *hits;
    int64_t n_hits, hits_capacity;
    int32_t job; /* that is being read */
    const char *unit_name;
} leak_search;

/* ---- the units ---- */

static bool reserve_units(leak_search *s, senc_error *err) {
    if (s->n_units < s->units_capacity) return true;
    const int64_t capacity = s->n_units ? 2 * s->n_units : 256;
    leak_unit *grown = senc_realloc(s->units, (size_t)capacity, sizeof *grown);
    if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "units of evaluations");
    s->units = grown;
    s->units_capacity = capacity;
    return true;
}

static bool add_text(leak_search *s, const eval_text *text, leak_unit *u, int k, senc_error *err) {
    if (!data_near_read(s->index, text->bytes, (size_t)text->n_bytes, err)) return false;
    u->exact[k] = data_near_exact_hash(s->index);
    u->entries[k] = data_near_find_folded(s->index);
    return u->entries[k] >= 0 || data_near_add(s->index, &u->entries[k], err);
}

static bool add_unit(void *context, const eval_unit_texts *texts, senc_error *err) {
    leak_search *s = context;
    if (!reserve_units(s, err)) return false;
    leak_unit u = {.job = s->job, .n_texts = texts->n_texts, .next = -1, .row = -1};
    for (int k = 0; k < texts->n_texts; k++)
        if (!add_text(s, &texts->texts[k], &u, k, err)) return false;
    s->unit_name = texts->unit;
    s->units[s->n_units++] = u;
    return true;
}

/* Either way round. */
static int64_t pair_slot(const leak_search *s, int64_t a, int64_t b) {
    const uint64_t low = (uint64_t)(a < b ? a : b), high = (uint64_t)(a < b ? b : a);
    return (int64_t)(senc_rng_mix(senc_rng_mix(low) ^ high) & (uint64_t)(s->n_pairs - 1));
}

/* Lists of the units by their texts; those that come first stand first. */
static bool link_units(leak_search *s, senc_error *err) {
    s->entries_capacity = data_near_n_texts(s->index);
    for (s->n_pairs = 16; s->n_pairs < s->n_units; s->n_pairs *= 2) {
    }
    s->of_entry = senc_alloc((size_t)s->entries_capacity + 1, sizeof *s->of_entry);
    s->pairs = senc_alloc((size_t)s->n_pairs, sizeof *s->pairs);
    if (!s->of_entry || !s->pairs)
        return senc_fail_memory(err, (size_t)(s->entries_capacity + s->n_pairs) * 8, "units of evaluations");
    for (int64_t i = 0; i < s->entries_capacity; i++) s->of_entry[i] = -1;
    for (int64_t i = 0; i < s->n_pairs; i++) s->pairs[i] = -1;
    for (int64_t i = s->n_units - 1; i >= 0; i--) {
        leak_unit *u = &s->units[i];
        int64_t *head =
            u->n_texts == 1 ? &s->of_entry[u->entries[0]] : &s->pairs[pair_slot(s, u->entries[0], u->entries[1])];
        u->next = *head;
        *head = i;
    }
    return true;
}

/* ---- the rows ---- */

static bool add_hit(leak_search *s, leak_hit hit, senc_error *err) {
    if (s->n_hits == s->hits_capacity) {
        const int64_t capacity = s->n_hits ? 2 * s->n_hits : 64;
        leak_hit *grown = senc_realloc(s->hits, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "units of evaluations");
        s->hits = grown;
        s->hits_capacity = capacity;
    }
    s->hits[s->n_hits++] = hit;
    return true;
}

static bool find_text(leak_search *s, const data_value *v, int64_t column, senc_error *err) {
    const int64_t *near;
    int64_t n_near;
    if (!data_near_read(s->index, v->text, v->n_bytes, err) ||
        !data_near_find(s->index, NULL, NULL, 0, &near, &n_near, err))
        return false;
    leak_hit hit = {.exact = data_near_exact_hash(s->index), .match = TRAIN_LEAK_FOLDED, .column = column};
    hit.entry = data_near_find_folded(s->index);
    if (hit.entry >= 0 && !add_hit(s, hit, err)) return false;
    hit.match = TRAIN_LEAK_NEAR;
    for (int64_t i = 0; i < n_near; i++) {
        hit.entry = near[i];
        if (!add_hit(s, hit, err)) return false;
    }
    return true;
}

static void take_match(leak_unit *u, train_leak_match match, int64_t row) {
    if (match <= u->match) return;
    u->match = match;
    u->row = row;
}

/* How unit text k is the row's text of that hit. */
static train_leak_match match_of(const leak_unit *u, int k, const leak_hit *h) {
    if (u->entries[k] != h->entry) return TRAIN_LEAK_NONE;
    return h->match == TRAIN_LEAK_FOLDED && u->exact[k] == h->exact ? TRAIN_LEAK_EXACT : h->match;
}

static train_leak_match pair_match(const leak_unit *u, const leak_hit *a, const leak_hit *b) {
    train_leak_match best = TRAIN_LEAK_NONE;
    for (int k = 0; k < 2; k++) {
        const train_leak_match x = match_of(u, k, a), y = match_of(u, 1 - k, b), worse = x < y ? x : y;
        if (worse > best) best = worse;
    }
    return best;
}

/* Whether the row holds a unit. */
static bool match_row(leak_search *s, int64_t row) {
    bool found = false;
    for (int64_t i = 0; i < s->n_hits; i++) {
        const leak_hit *h = &s->hits[i];
        for (int64_t u = s->of_entry[h->entry]; u >= 0; u = s->units[u].next) {
            take_match(&s->units[u], match_of(&s->units[u], 0, h), row);
            found = true;
        }
        for (int64_t j = 0; j < i; j++) {
            const leak_hit *other = &s->hits[j];
            if (other->column == h->column) continue;
            for (int64_t u = s->pairs[pair_slot(s, h->entry, other->entry)]; u >= 0; u = s->units[u].next) {
                const train_leak_match match = pair_match(&s->units[u], other, h);
                take_match(&s->units[u], match, row);
                found = found || match != TRAIN_LEAK_NONE;
            }
        }
    }
    return found;
}

static bool scan_rows(leak_search *s, const data_set *set, const train_columns *columns, bool *rows, senc_error *err) {
    data_row row = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < data_set_n_rows(set); i++) {
        ok = data_set_row(set, i, &row, err);
        s->n_hits = 0;
        for (int64_t c = 0; ok && c < columns->n; c++) {
            const data_value *v = &row.values[columns->slots[c]];
            if (v->present) ok = find_text(s, v, c, err);
        }
        const bool found = ok && match_row(s, i);
        if (rows) rows[i] = found;
        if (i % 4096 == 0) data_set_forget(set, i);
    }
    data_row_free(&row);
    return ok;
}

/* ---- the outcome ---- */

/* The units are visited once more for the examples' texts. */
typedef struct example_search {
    const leak_search *search;
    const data_set *set;
    train_leak *leak;
    int64_t at; /* the next unit */
} example_search;

static bool add_example(void *context, const eval_unit_texts *texts, senc_error *err) {
    example_search *e = context;
    const leak_unit *u = &e->search->units[e->at++];
    if (u->match == TRAIN_LEAK_NONE || e->leak->n_examples == TRAIN_LEAK_EXAMPLES) return true;
    train_leak_example *x = &e->leak->examples[e->leak->n_examples++];
    const char *path;
    senc_buffer text = {0};
    senc_text_append(&text, texts->texts[0].bytes, texts->texts[0].n_bytes, SHOWN_BYTES);
    x->match = u->match;
    x->text = senc_buffer_take(&text);
    x->id = texts->id ? senc_strdup(texts->id) : NULL;
    if (!data_set_where(e->set, u->row, &path, &x->line, err)) return false;
    x->path = senc_strdup(path);
    return (x->text && (x->id || !texts->id) && x->path) || senc_fail_memory(err, SHOWN_BYTES, "an example");
}

static bool read_units(leak_search *s, const eval_job *jobs, int64_t n_jobs, train_leakage *out, senc_error *err) {
    out->items = senc_alloc_zero((size_t)n_jobs, sizeof *out->items);
    out->leaks = senc_alloc_zero((size_t)n_jobs, sizeof *out->leaks);
    if (!out->items || !out->leaks) return senc_fail_memory(err, (size_t)n_jobs * sizeof *out->items, "leakage");
    for (; out->n < n_jobs; out->n++) {
        train_leak *leak = &out->items[out->n];
        const int64_t before = s->n_units;
        s->job = (int32_t)out->n;
        s->unit_name = "unit";
        leak->name = senc_strdup(jobs[out->n].name);
        if (!leak->name) return senc_fail_memory(err, 1, "leakage");
        if (!jobs[out->n].spec->units(jobs[out->n].task, add_unit, s, err)) return false;
        leak->unit = s->unit_name;
        leak->n_units = s->n_units - before;
    }
    return true;
}

static bool gather(const leak_search *s, const data_set *set, const eval_job *jobs, train_leakage *out,
                   senc_error *err) {
    for (int64_t i = 0; i < s->n_units; i++) out->items[s->units[i].job].n[s->units[i].match]++;
    example_search e = {.search = s, .set = set};
    for (int64_t i = 0, first = 0; i < out->n; i++) {
        train_leak *leak = e.leak = &out->items[i];
        e.at = first;
        first += leak->n_units;
        out->leaks[i] = (eval_leak){leak->name, leak->unit, train_leak_count(leak), leak->n_units};
        if (out->leaks[i].n_leaked > 0 && !jobs[i].spec->units(jobs[i].task, add_example, &e, err)) return false;
    }
    return true;
}

bool train_leakage_find(const data_set *set, const train_columns *columns, const eval_job *jobs, int64_t n_jobs,
                        double threshold, bool *rows, train_leakage *out, senc_error *err) {
    const double start_ms = senc_clock_ms();
    *out = (train_leakage){.threshold = threshold, .n_rows = data_set_n_rows(set)};
    leak_search s = {0};
    const bool ok = data_near_create(threshold, &s.index, err) && read_units(&s, jobs, n_jobs, out, err) &&
                    link_units(&s, err) && scan_rows(&s, set, columns, rows, err) && gather(&s, set, jobs, out, err);
    data_near_free(s.index);
    free(s.units);
    free(s.of_entry);
    free(s.pairs);
    free(s.hits);
    out->seconds = (senc_clock_ms() - start_ms) * 1e-3;
    if (!ok) train_leakage_free(out);
    return ok;
}

int64_t train_leak_count(const train_leak *l) {
    return l->n[TRAIN_LEAK_EXACT] + l->n[TRAIN_LEAK_FOLDED] + l->n[TRAIN_LEAK_NEAR];
}

void train_leakage_set_dropped(train_leakage *l, int64_t n_rows) {
    l->n_dropped = n_rows;
    for (int64_t i = 0; i < l->n; i++) l->leaks[i].n_leaked = 0;
}

bool train_leakage_is_any(const train_leakage *l) {
    for (int64_t i = 0; i < l->n; i++)
        if (train_leak_count(&l->items[i]) > 0) return true;
    return false;
}

void train_leakage_free(train_leakage *l) {
    for (int64_t i = 0; i < l->n; i++) {
        for (int64_t k = 0; k < l->items[i].n_examples; k++) {
            free(l->items[i].examples[k].id);
            free(l->items[i].examples[k].text);
            free(l->items[i].examples[k].path);
        }
        free(l->items[i].name);
    }
    free(l->items);
    free(l->leaks);
    *l = (train_leakage){0};
}
