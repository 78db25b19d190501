/* Data sets: opening (one scan over every source), the index, and random access. See table.h. */
#include "data/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "data/row_groups.h"
#include "data/table_parts.h"

#define FORGET_BYTES ((uint64_t)16 << 20) /* of a file that is scanned stay in memory */

/* ---- rows ---- */

static bool row_ready(data_row *row, senc_error *err) {
    if (!row->record) row->record = senc_alloc_zero(1, sizeof *row->record);
    return row->record || senc_fail_memory(err, sizeof *row->record, "a row");
}

void data_row_free(data_row *row) {
    if (row->record) data_record_free(row->record);
    free(row->record);
    free(row->values);
    *row = (data_row){0};
}

/* The table that holds row i: the last one with first_rows[t] <= i. */
static const data_table *table_of(const data_set *set, int64_t i, int64_t *local) {
    SENC_ASSERT(i >= 0 && i < data_set_n_rows(set), "row %" PRId64 " of %" PRId64, i, data_set_n_rows(set));
    int64_t low = 0, high = set->n_tables;
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (set->first_rows[middle] <= i)
            low = middle;
        else
            high = middle;
    }
    *local = i - set->first_rows[low];
    return &set->tables[low];
}

static bool fail_changed(const data_table *t, senc_error *err) {
    return senc_fail(err, SENC_FAILED, "%s: the file changed while it was being read", t->file.path);
}

/* item -1: the row's own. */
static bool read_row(const data_set *set, int64_t i, int64_t item, data_row *row, senc_error *err) {
    int64_t local;
    const data_table *t = table_of(set, i, &local);
    if (!row_ready(row, err)) return false;
    data_cursor cursor = {t->keys[local], 0};
    const int got = t->file.reader->next(&t->file, &cursor, row->record, err);
    if (got < 0) return false;
    if (got == 0) return fail_changed(t, err);
    if (item < 0) item = t->items ? t->items[local] : 0;
    if (!data_table_fill_row(NULL, set, NULL, t, item, row, NULL, err)) return false;
    if (t->positives == DATA_POSITIVES_ALL) row->n_choices = 1; /* the others are rows of their own */
    return true;
}

bool data_set_row(const data_set *set, int64_t i, data_row *row, senc_error *err) {
    return read_row(set, i, -1, row, err);
}

bool data_set_row_choice(const data_set *set, int64_t i, int64_t item, data_row *row, senc_error *err) {
    return read_row(set, i, item, row, err);
}

bool data_set_has_choices(const data_set *set) {
    for (int64_t i = 0; i < set->n_tables; i++)
        if (set->tables[i].has_choices) return true;
    return false;
}

void data_set_forget(const data_set *set, int64_t i) {
    int64_t local;
    const data_table *t = table_of(set, i, &local);
    if (t->file.text.n_bytes) data_text_forget(&t->file.text, (size_t)t->keys[local]);
}

uint64_t data_set_offset(const data_set *set, int64_t i) {
    int64_t local;
    const data_table *t = table_of(set, i, &local);
    return t->keys[local];
}

bool data_set_where(const data_set *set, int64_t i, const char **path, int64_t *line, senc_error *err) {
    int64_t local;
    const data_table *t = table_of(set, i, &local);
    const int64_t mark = local / DATA_ROWS_PER_LINE_MARK;
    data_cursor cursor = {t->keys[mark * DATA_ROWS_PER_LINE_MARK], t->line_marks[mark]};
    data_record record = {0};
    int got;
    do { /* records in between may be left out, or be several rows */
        got = t->file.reader->next(&t->file, &cursor, &record, err);
    } while (got == 1 && record.start.offset < t->keys[local]);
    *path = t->file.path;
    *line = record.start.line;
    data_record_free(&record);
    if (got < 0) return false;
    return got == 1 || fail_changed(t, err);
}

/* ---- leaving out rows ---- */

/* The line of a row that stays behind `kept` others, where a mark is due. */
static bool mark_row(const data_set *set, int64_t row, int64_t *marks, int64_t kept, senc_error *err) {
    if (kept % DATA_ROWS_PER_LINE_MARK != 0) return true;
    const char *path;
    return data_set_where(set, row, &path, &marks[kept / DATA_ROWS_PER_LINE_MARK], err);
}

static bool drop_rows(data_set *set, data_table *t, int64_t first, const bool *drop, senc_error *err) {
    const size_t n_marks = (size_t)t->n_line_marks + 1;
    int64_t *marks = senc_alloc(n_marks, sizeof *marks), kept = 0;
    if (!marks) return senc_fail_memory(err, n_marks * sizeof *marks, "a row index");
    bool ok = true;
    for (int64_t i = 0; ok && i < t->n_rows; i++) {
        if (drop[first + i]) continue;
        ok = mark_row(set, first + i, marks, kept, err);
        kept++;
    }
    if (!ok) {
        free(marks);
        return false;
    }
    kept = 0;
    for (int64_t i = 0; i < t->n_rows; i++) {
        if (drop[first + i]) continue;
        if (t->items) t->items[kept] = t->items[i];
        t->keys[kept++] = t->keys[i];
    }
    free(t->line_marks);
    t->line_marks = marks;
    t->n_line_marks = (kept + DATA_ROWS_PER_LINE_MARK - 1) / DATA_ROWS_PER_LINE_MARK;
    t->n_rows = kept;
    return true;
}

bool data_set_drop_rows(data_set *set, const bool *drop, senc_error *err) {
    for (int64_t k = 0; k < set->n_tables; k++)
        if (!drop_rows(set, &set->tables[k], set->first_rows[k], drop, err)) return false;
    for (int64_t k = 0; k < set->n_tables; k++) set->first_rows[k + 1] = set->first_rows[k] + set->tables[k].n_rows;
    return true;
}

/* ---- opening ---- */

static bool fail_no_rows(const data_table *t, senc_error *err) {
    senc_buffer why = {0};
    if (t->n_skipped) senc_buffer_printf(&why, "; %" PRId64 " with an empty text were left out", t->n_skipped);
    if (t->n_unknown_labels)
        senc_buffer_printf(&why, "; %" PRId64 " with an unknown label were left out", t->n_unknown_labels);
    if (t->groups && t->groups->n_large > 0)
        senc_buffer_append_text(&why, ": rows that share texts hang together; held_out_by = \"row\" parts them");
    senc_fail(err, SENC_BAD_INPUT, "%s: no rows%s%s", t->file.path, t->part ? " in this part" : "",
              senc_buffer_text(&why));
    senc_buffer_free(&why);
    return false;
}

static bool resize_items(data_table *t, int64_t capacity, senc_error *err) {
    uint32_t *grown = senc_realloc(t->items, (size_t)capacity, sizeof *grown);
    if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "a row index");
    t->items = grown;
    return true;
}

/* Most files have no lists: the items are kept from the first one on that is not a list's first. */
static bool set_item(data_table *t, int64_t item, senc_error *err) {
    if (!t->items) {
        if (item == 0) return true;
        if (!resize_items(t, t->capacity, err)) return false;
        memset(t->items, 0, (size_t)t->n_rows * sizeof *t->items);
    }
    t->items[t->n_rows] = (uint32_t)item;
    return true;
}

static bool add_key(data_table *t, data_cursor start, int64_t item, senc_error *err) {
    if (t->n_rows == t->capacity) {
        const int64_t capacity = t->capacity ? t->capacity + t->capacity / 2 : 1024;
        uint64_t *grown = senc_realloc(t->keys, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "a row index");
        t->keys = grown;
        if (t->items && !resize_items(t, capacity, err)) return false;
        t->capacity = capacity;
    }
    if (!set_item(t, item, err)) return false;
    if (t->n_rows % DATA_ROWS_PER_LINE_MARK == 0) {
        int64_t *grown = senc_realloc(t->line_marks, (size_t)t->n_line_marks + 1, sizeof *grown);
        if (!grown) return senc_fail_memory(err, 64, "a row index");
        t->line_marks = grown;
        t->line_marks[t->n_line_marks++] = start.line;
    }
    t->keys[t->n_rows++] = start.offset;
    return true;
}

static bool check_bindings_seen(const data_set *set, const data_table *t, senc_error *err) {
    for (int64_t i = 0; i < t->n_bindings; i++) {
        const data_binding *b = &t->bindings[i];
        if (!b->given || b->seen) continue;
        return senc_fail(err, SENC_BAD_INPUT, "%s: columns.%s: no row has a field \"%s\"", t->file.path,
                         set->wanted.roles[b->role].name, b->name);
    }
    return true;
}

/* One of a list's positives by the place of its record: the same whenever the file is read. */
static int64_t choose_item(const data_row *row) {
    return (int64_t)(senc_rng_mix(row->record->start.offset) % (uint64_t)row->n_choices);
}

/* The record as a row, or as several of one list, if it is in the set. */
static bool add_record(data_set *set, data_table *t, int64_t limit, data_row *row, senc_error *err) {
    data_fate fate;
    if (!data_table_fill_row(set, set, t, t, 0, row, &fate, err)) return false;
    const int64_t n = t->positives == DATA_POSITIVES_ALL ? row->n_choices : 1;
    t->has_choices = t->has_choices || (n == 1 && row->n_choices > 1);
    const int64_t first = t->positives == DATA_POSITIVES_RANDOM && row->n_choices > 1 ? choose_item(row) : 0;
    for (int64_t item = first; item < first + n && (limit == 0 || t->n_rows < limit); item++) {
        if (item > 0 && !data_table_fill_row(set, set, t, t, item, row, &fate, err)) return false;
        t->n_skipped += fate == DATA_EMPTY;
        t->n_unknown_labels += fate == DATA_UNKNOWN_LABEL;
        if (fate == DATA_KEPT && !add_key(t, row->record->start, item, err)) return false;
    }
    return true;
}

static bool scan(data_set *set, data_table *t, int64_t limit, data_row *row, senc_error *err) {
    data_cursor cursor = t->file.first;
    uint64_t forgotten = 0;
    while (limit == 0 || t->n_rows < limit) {
        const int got = t->file.reader->next(&t->file, &cursor, row->record, err);
        if (got < 0) return false;
        if (got == 0) break;
        if (!add_record(set, t, limit, row, err)) return false;
        if (t->file.text.n_bytes && cursor.offset - forgotten >= FORGET_BYTES) {
            data_text_forget(&t->file.text, (size_t)cursor.offset);
            forgotten = cursor.offset;
        }
    }
    if (t->n_rows == 0) return fail_no_rows(t, err);
    uint64_t *fitted = senc_realloc(t->keys, (size_t)t->n_rows, sizeof *fitted);
    if (fitted) {
        t->keys = fitted;
        t->capacity = t->n_rows;
    }
    return check_bindings_seen(set, t, err);
}

/* Which rows go together, where a part of the file is wanted. */
static bool find_groups(const data_set *set, data_table *t, const data_source *source, senc_error *err) {
    if (t->part == DATA_PART_ALL || source->held_out_by != DATA_HELD_OUT_BY_GROUP) return true;
    return data_row_groups_get(source, t, &set->wanted, &t->groups, err);
}

static bool open_table(data_set *set, data_table *t, const data_source *source, senc_error *err) {
    data_row row = {0};
    const bool ok = data_table_bind(t, source, &set->wanted, err) && find_groups(set, t, source, err) &&
                    row_ready(&row, err) && scan(set, t, source->limit, &row, err);
    data_row_free(&row);
    return ok;
}

static bool copy_wanted(data_wanted *w, const data_role *roles, int64_t n_roles, const char *by, senc_error *err) {
    w->by = senc_strdup(by);
    w->roles = senc_alloc_zero((size_t)n_roles, sizeof *w->roles);
    bool ok = w->by && w->roles;
    for (int64_t i = 0; ok && i < n_roles; i++) {
        w->roles[i] = roles[i];
        w->roles[i].name = senc_strdup(roles[i].name);
        w->n_roles = i + 1;
        ok = w->roles[i].name != NULL;
    }
    return ok || senc_fail_memory(err, (size_t)n_roles * sizeof *w->roles, "roles");
}

static int compare_slots(const void *a, const void *b) {
    const data_slot *x = a, *y = b;
    if (x->role != y->role) return x->role < y->role ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

bool data_set_open(const data_source *sources, int64_t n_sources, const data_role *roles, int64_t n_roles,
                   const char *wanted_by, data_set **out, senc_error *err) {
    *out = NULL;
    SENC_ASSERT(n_sources >= 1 && n_roles >= 1, "%" PRId64 " sources, %" PRId64 " roles", n_sources, n_roles);
    data_set *set = senc_alloc_zero(1, sizeof *set);
    if (!set) return senc_fail_memory(err, sizeof *set, "a data set");
    set->tables = senc_alloc_zero((size_t)n_sources, sizeof *set->tables);
    set->first_rows = senc_alloc_zero((size_t)n_sources + 1, sizeof *set->first_rows);
    bool ok = set->tables && set->first_rows;
    if (!ok) senc_fail_memory(err, (size_t)n_sources * sizeof *set->tables, "a data set");
    ok = ok && copy_wanted(&set->wanted, roles, n_roles, wanted_by, err);
    for (int64_t i = 0; ok && i < n_sources; i++) {
        set->n_tables = i + 1;
        ok = open_table(set, &set->tables[i], &sources[i], err);
        set->first_rows[i + 1] = set->first_rows[i] + set->tables[i].n_rows;
    }
    if (!ok) {
        data_set_close(set);
        return false;
    }
    if (set->n_slots) qsort(set->slots, (size_t)set->n_slots, sizeof *set->slots, compare_slots);
    *out = set;
    return true;
}

void data_set_close(data_set *set) {
    if (!set) return;
    for (int64_t i = 0; i < set->n_tables; i++) data_table_close(&set->tables[i]);
    for (int64_t i = 0; i < set->n_slots; i++) free(set->slots[i].name);
    for (int64_t i = 0; i < set->n_classes; i++) free(set->classes[i]);
    for (int64_t i = 0; i < set->wanted.n_roles; i++) free((void *)(uintptr_t)set->wanted.roles[i].name);
    free(set->wanted.roles);
    free(set->wanted.by);
    free(set->tables);
    free(set->first_rows);
    free(set->slots);
    free(set->classes);
    free(set->class_table);
    free(set);
}

/* ---- what is in it ---- */

int64_t data_set_n_rows(const data_set *set) {
    return set->first_rows[set->n_tables];
}

int64_t data_set_n_slots(const data_set *set) {
    return set->n_slots;
}

const data_slot *data_set_slot(const data_set *set, int64_t slot) {
    SENC_ASSERT(slot >= 0 && slot < set->n_slots, "slot %" PRId64 " of %" PRId64, slot, set->n_slots);
    return &set->slots[slot];
}

int64_t data_set_find_slot(const data_set *set, const char *name) {
    for (int64_t i = 0; i < set->n_slots; i++) {
        if (strcmp(set->slots[i].name, name) == 0) return i;
    }
    return -1;
}

int64_t data_set_n_classes(const data_set *set) {
    return set->n_classes;
}

const char *data_set_class_name(const data_set *set, int64_t class_id) {
    SENC_ASSERT(class_id >= 0 && class_id < set->n_classes, "class %" PRId64 " of %" PRId64, class_id, set->n_classes);
    return set->classes[class_id];
}

int64_t data_set_n_skipped(const data_set *set) {
    int64_t n = 0;
    for (int64_t i = 0; i < set->n_tables; i++) n += set->tables[i].n_skipped;
    return n;
}

int64_t data_set_n_unknown_labels(const data_set *set) {
    int64_t n = 0;
    for (int64_t i = 0; i < set->n_tables; i++) n += set->tables[i].n_unknown_labels;
    return n;
}

int64_t data_set_n_sources(const data_set *set) {
    return set->n_tables;
}

bool data_set_get_split(const data_set *set, int64_t k, data_split *out) {
    const data_table *t = &set->tables[k];
    const data_row_groups *g = t->groups;
    if (!g) return false;
    *out = (data_split){.path = t->file.path,
                        .n_rows = g->n_rows,
                        .n_groups = g->n_groups,
                        .largest = g->largest,
                        .n_large = g->n_large,
                        .seconds = g->seconds};
    for (int64_t i = 0; i < g->n_rows; i++) {
        if (!data_place_is_below(g->rows[i].place, t->held_out)) continue;
        out->n_held_out++;
        out->n_groups_held_out += g->rows[i].group == i;
    }
    for (int64_t i = 0; i < g->n_large; i++) {
        const data_large_group *large = &g->large[i];
        out->n_rows_large += large->n_rows;
        if (large->n_rows <= out->large_rows) continue;
        out->large_rows = large->n_rows;
        out->large_sharing = large->n_sharing;
        out->large_line = large->first_line;
        out->large_text = large->text;
    }
    return true;
}

int64_t data_set_index_bytes(const data_set *set) {
    int64_t n = 0;
    for (int64_t i = 0; i < set->n_tables; i++) {
        const data_table *t = &set->tables[i];
        n += (t->capacity + t->n_line_marks) * (int64_t)sizeof(int64_t);
        if (t->items) n += t->capacity * (int64_t)sizeof *t->items;
    }
    return n;
}
