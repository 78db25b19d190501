/* Groups of rows: see row_groups.h. */
#include "data/row_groups.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/terminal.h"
#include "data/near_texts.h"
#include "data/pairs.h"

#define GROUP_COLUMNS      2
#define MAX_CHECKS         256 /* of near texts, for each text */
#define SHOWN_COLUMNS      60
#define MAX_NAMES          500 /* texts of a large group that may name it */
#define MAX_SHARING_CHECKS 4096
#define SLOW_ROWS          100000 /* from here on it takes seconds */

typedef struct grouper {
    data_set *set;
    int64_t slots[GROUP_COLUMNS], n_slots;
    data_near_index *index;
    int64_t *parents;    /* (n_rows) of the rows' trees: a root is the first row of its group */
    int64_t *first_rows; /* (capacity) of every text of the index */
    int64_t *counts;     /* rows that have it */
    int64_t capacity;
    int64_t row; /* that is being read */
    data_row_groups *out;
} grouper;

/* ---- trees ---- */

static int64_t root_of(int64_t *parents, int64_t i) {
    while (parents[i] != i) i = parents[i] = parents[parents[i]];
    return i;
}

static void unite(grouper *g, int64_t a, int64_t b) {
    a = root_of(g->parents, a);
    b = root_of(g->parents, b);
    g->parents[a > b ? a : b] = a > b ? b : a;
}

/* A near text whose rows are in the group already. */
static bool is_united(void *context, int64_t text) {
    const grouper *g = context;
    return root_of(g->parents, g->first_rows[text]) == root_of(g->parents, g->row);
}

/* ---- rows ---- */

static bool reserve_texts(grouper *g, int64_t n, senc_error *err) {
    if (n < g->capacity) return true;
    const int64_t capacity = g->capacity ? 2 * g->capacity : 1024;
    int64_t *first = senc_realloc(g->first_rows, (size_t)capacity, sizeof *first);
    if (first) g->first_rows = first;
    int64_t *counts = first ? senc_realloc(g->counts, (size_t)capacity, sizeof *counts) : NULL;
    if (!counts) return senc_fail_memory(err, (size_t)capacity * 16, "groups of rows");
    g->counts = counts;
    g->capacity = capacity;
    return true;
}

static bool take_text(grouper *g, const data_value *v, senc_error *err) {
    if (!data_near_read(g->index, v->text, v->n_bytes, err)) return false;
    int64_t text = data_near_find_folded(g->index);
    if (text >= 0) {
        unite(g, g->row, g->first_rows[text]);
        g->counts[text]++;
        return true;
    }
    const int64_t *near;
    int64_t n_near;
    if (!data_near_find(g->index, is_united, g, MAX_CHECKS, &near, &n_near, err)) return false;
    for (int64_t i = 0; i < n_near; i++) unite(g, g->row, g->first_rows[near[i]]);
    if (!reserve_texts(g, data_near_n_texts(g->index), err) || !data_near_add(g->index, &text, err)) return false;
    g->first_rows[text] = g->row;
    g->counts[text] = 1;
    return true;
}

/* The rows of one record (a list of positives makes several) belong together. */
static bool take_rows(grouper *g, senc_error *err) {
    data_row_groups *out = g->out;
    data_row row = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < out->n_rows; i++) {
        g->row = g->parents[i] = i;
        ok = data_set_row(g->set, i, &row, err);
        out->rows[i].offset = g->set->tables[0].keys[i];
        for (int64_t k = 0; ok && k < g->n_slots; k++) {
            const data_value *v = &row.values[g->slots[k]];
            if (ok && k == 0) out->rows[i].place = data_text_hash(v->text, v->n_bytes);
            ok = take_text(g, v, err);
        }
        if (i > 0 && out->rows[i - 1].offset == out->rows[i].offset) unite(g, i - 1, i);
        if (i % 4096 == 0) data_set_forget(g->set, i);
    }
    data_row_free(&row);
    return ok;
}

/* ---- the outcome ---- */

static bool is_large(int64_t n, int64_t n_rows) {
    return n > 1 && (double)n > DATA_GROUP_MOST * (double)n_rows;
}

/* Reads the text of the index into it again; *shown: as people see it, cut. */
static bool read_again(grouper *g, int64_t text, data_row *row, senc_buffer *shown, senc_error *err) {
    if (!data_set_row(g->set, g->first_rows[text], row, err)) return false;
    for (int64_t k = 0; k < g->n_slots; k++) {
        const data_value *v = &row->values[g->slots[k]];
        if (!data_near_read(g->index, v->text, v->n_bytes, err)) return false;
        if (data_near_find_folded(g->index) != text) continue;
        senc_buffer_clear(shown);
        senc_text_append(shown, v->text, (int64_t)v->n_bytes, SHOWN_COLUMNS);
        return true;
    }
    return true;
}

/* Rows that have the text that was read, or nearly. */
static bool count_sharing(grouper *g, int64_t text, int64_t *n, senc_error *err) {
    const int64_t *near;
    int64_t n_near;
    if (!data_near_find(g->index, NULL, NULL, MAX_SHARING_CHECKS, &near, &n_near, err)) return false;
    *n = g->counts[text];
    for (int64_t i = 0; i < n_near; i++) *n += g->counts[near[i]];
    return true;
}

/* Names a group by the text, of its first ones, that most of its rows have or nearly have. */
static bool describe_large(grouper *g, int64_t root, data_large_group *large, senc_error *err) {
    const char *path;
    data_row row = {0};
    senc_buffer shown = {0}, best = {0};
    bool ok = data_set_where(g->set, root, &path, &large->first_line, err);
    int64_t n_tried = 0, n;
    for (int64_t t = 0; ok && t < data_near_n_texts(g->index) && n_tried < MAX_NAMES; t++) {
        if (g->out->rows[g->first_rows[t]].group != root) continue;
        n_tried++;
        ok = read_again(g, t, &row, &shown, err) && count_sharing(g, t, &n, err);
        if (!ok || n <= large->n_sharing) continue;
        large->n_sharing = n;
        senc_buffer_clear(&best);
        senc_buffer_append(&best, senc_buffer_text(&shown), shown.n_bytes);
    }
    data_row_free(&row);
    senc_buffer_free(&shown);
    if (ok) large->text = senc_buffer_take(&best);
    senc_buffer_free(&best);
    return ok && (large->text || senc_fail_memory(err, SHOWN_COLUMNS, "a group of rows"));
}

static bool count_groups(grouper *g, senc_error *err) {
    data_row_groups *out = g->out;
    int64_t *sizes = senc_alloc_zero((size_t)out->n_rows, sizeof *sizes);
    if (!sizes) return senc_fail_memory(err, (size_t)out->n_rows * sizeof *sizes, "groups of rows");
    for (int64_t i = 0; i < out->n_rows; i++) {
        const int64_t root = out->rows[i].group = root_of(g->parents, i);
        out->rows[i].place = out->rows[root].place;
        out->n_groups += root == i;
        if (++sizes[root] > out->largest) out->largest = sizes[root];
    }
    bool ok = true;
    const int64_t most = (int64_t)(1 / DATA_GROUP_MOST) + 1;
    out->large = senc_alloc_zero((size_t)most, sizeof *out->large);
    ok = out->large || senc_fail_memory(err, sizeof *out->large, "groups of rows");
    for (int64_t i = 0; ok && i < out->n_rows; i++) {
        if (out->rows[i].group != i || !is_large(sizes[i], out->n_rows)) continue;
        out->large[out->n_large].n_rows = sizes[i];
        ok = describe_large(g, i, &out->large[out->n_large++], err);
    }
    for (int64_t i = 0; ok && i < out->n_rows; i++)
        if (is_large(sizes[out->rows[i].group], out->n_rows)) out->rows[i].place = UINT64_MAX; /* never held out */
    free(sizes);
    return ok;
}

static void free_groups(data_row_groups *g) {
    for (int64_t i = 0; i < g->n_large; i++) free(g->large[i].text);
    free(g->large);
    free(g->rows);
    free(g->key);
    free(g);
}

/* ---- making and keeping ---- */

/* The first two texts that every row has. */
static int64_t choose_roles(const data_wanted *wanted, data_role roles[GROUP_COLUMNS]) {
    int64_t n = 0;
    for (int64_t i = 0; i < wanted->n_roles && n < GROUP_COLUMNS; i++)
        if (!wanted->roles[i].optional && wanted->roles[i].kind == DATA_ROLE_TEXT) roles[n++] = wanted->roles[i];
    return n;
}

static bool group_rows(grouper *g, senc_error *err) {
    data_row_groups *out = g->out;
    out->n_rows = data_set_n_rows(g->set);
    if (out->n_rows >= SLOW_ROWS)
        senc_info("grouping the %lld rows of %s by shared texts", (long long)out->n_rows, g->set->tables[0].file.path);
    for (int64_t s = 0; s < data_set_n_slots(g->set) && g->n_slots < GROUP_COLUMNS; s++)
        if (data_set_slot(g->set, s)->number == 0) g->slots[g->n_slots++] = s;
    out->rows = senc_alloc_zero((size_t)out->n_rows, sizeof *out->rows);
    g->parents = senc_alloc((size_t)out->n_rows, sizeof *g->parents);
    if (!out->rows || !g->parents)
        return senc_fail_memory(err, (size_t)out->n_rows * sizeof *out->rows, "groups of rows");
    return data_near_create(DATA_NEAR_THRESHOLD, &g->index, err) && take_rows(g, err) && count_groups(g, err);
}

static bool make_groups(const data_source *source, const data_wanted *wanted, data_row_groups *out, senc_error *err) {
    const double start_ms = senc_clock_ms();
    data_role roles[GROUP_COLUMNS];
    const int64_t n_roles = choose_roles(wanted, roles);
    data_source whole = *source;
    whole.part = DATA_PART_ALL;
    whole.held_out = 0;
    whole.limit = 0;
    whole.positives = DATA_POSITIVES_ALL;
    whole.positives = DATA_POSITIVES_ALL; /* those of one list hang together, whichever of them are read */
    grouper g = {.out = out};
    const bool ok = data_set_open(&whole, 1, roles, n_roles, wanted->by, &g.set, err) && group_rows(&g, err);
    data_near_free(g.index);
    free(g.parents);
    free(g.first_rows);
    free(g.counts);
    data_set_close(g.set);
    senc_memory_trim();
    out->seconds = (senc_clock_ms() - start_ms) * 1e-3;
    return ok;
}

/* What the groups depend on: the file as it is, how it is read, and which columns. */
static char *key_of(const data_source *source, const data_table *t, const data_wanted *wanted) {
    struct stat info;
    senc_buffer key = {0};
    if (stat(source->path, &info) != 0) memset(&info, 0, sizeof info);
    senc_buffer_printf(&key, "%s\n%s %lld %lld %lld %lld.%09ld\n%d %s %d %d %s", source->path, t->file.reader->name,
                       (long long)info.st_dev, (long long)info.st_ino, (long long)info.st_size,
                       (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec, t->file.has_names,
                       source->delimiter ? source->delimiter : "", source->quoting, source->on_bad_utf8,
                       source->split ? source->split : "");
    int64_t n = 0;
    for (int64_t r = 0; r < wanted->n_roles && n < GROUP_COLUMNS; r++) {
        if (wanted->roles[r].optional || wanted->roles[r].kind != DATA_ROLE_TEXT) continue;
        n++;
        for (int64_t i = 0; i < t->n_bindings; i++)
            if (t->bindings[i].role == r)
                senc_buffer_printf(&key, "\n%" PRId64 " %" PRId64 " %s", t->bindings[i].number,
                                   t->bindings[i].column.index, t->bindings[i].name);
    }
    return senc_buffer_take(&key);
}

static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static data_row_groups **kept;
static int64_t n_kept;

static bool get_locked(const data_source *source, char *key, const data_wanted *wanted, const data_row_groups **out,
                       senc_error *err) {
    for (int64_t i = 0; i < n_kept; i++) {
        *out = kept[i];
        if (strcmp(kept[i]->key, key) == 0) return true;
    }
    data_row_groups **grown = senc_realloc(kept, (size_t)n_kept + 1, sizeof(data_row_groups *));
    if (grown) kept = grown;
    data_row_groups *made = grown ? senc_alloc_zero(1, sizeof *made) : NULL;
    if (!made) return senc_fail_memory(err, sizeof *made, "groups of rows");
    if (!make_groups(source, wanted, made, err)) {
        free_groups(made);
        return false;
    }
    made->key = senc_strdup(key);
    if (!made->key) {
        free_groups(made);
        return senc_fail_memory(err, strlen(key), "groups of rows");
    }
    *out = kept[n_kept++] = made;
    return true;
}

bool data_row_groups_get(const data_source *source, const data_table *t, const data_wanted *wanted,
                         const data_row_groups **out, senc_error *err) {
    char *key = key_of(source, t, wanted);
    if (!key) return senc_fail_memory(err, 64, "groups of rows");
    pthread_mutex_lock(&kept_lock);
    const bool ok = get_locked(source, key, wanted, out, err);
    pthread_mutex_unlock(&kept_lock);
    free(key);
    return ok;
}

bool data_row_groups_hold_out(const data_row_groups *g, uint64_t offset, double held_out) {
    int64_t low = 0, high = g->n_rows;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (g->rows[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < g->n_rows && g->rows[low].offset == offset && data_place_is_below(g->rows[low].place, held_out);
}

void data_row_groups_forget(void) {
    pthread_mutex_lock(&kept_lock);
    for (int64_t i = 0; i < n_kept; i++) free_groups(kept[i]);
    free(kept);
    kept = NULL;
    n_kept = 0;
    pthread_mutex_unlock(&kept_lock);
}
