/* One row of a table: fields of a record -> values by slot, with every check. See table.h. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/pairs.h"
#include "data/row_groups.h"
#include "data/table_label.h"
#include "data/table_parts.h"

typedef struct filler {
    data_set *learn; /* NULL: slots and classes are known by now */
    const data_set *set;
    const data_table *table;
    data_row *row;
    const data_binding *binding;
    int64_t item;   /* of a list of positives: which is taken */
    bool empty;     /* the current role had an empty field */
    data_fate fate; /* DATA_EMPTY, DATA_UNKNOWN_LABEL: the source leaves such rows out */
    senc_error *err;
} filler;

/* path:line: field "positive" (column "answer"): what */
__attribute__((format(printf, 2, 3))) static bool fail_field(const filler *f, const char *fmt, ...) {
    char what[700], column[100] = "";
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    const data_slot slot = {.role = f->binding->role};
    const char *role = f->set->wanted.roles[slot.role].name;
    if (strcmp(role, f->binding->name) != 0) snprintf(column, sizeof column, " (column \"%.60s\")", f->binding->name);
    return senc_fail(f->err, SENC_BAD_INPUT, "%s:%" PRId64 ": field \"%s\"%s %s", f->table->file.path,
                     f->row->record->start.line, role, column, what);
}

static bool fail_file_changed(const filler *f) {
    return senc_fail(f->err, SENC_FAILED, "%s: the file changed while it was being read", f->table->file.path);
}

/* ---- slots ---- */

static int64_t find_slot(const data_set *set, int64_t role, int64_t number) {
    for (int64_t i = 0; i < set->n_slots; i++) {
        if (set->slots[i].role == role && set->slots[i].number == number) return i;
    }
    return -1;
}

static int64_t add_slot(data_set *set, int64_t role, int64_t number, senc_error *err) {
    senc_buffer name = {0};
    senc_buffer_append_text(&name, set->wanted.roles[role].name);
    if (number) senc_buffer_printf(&name, "_%" PRId64, number);
    data_slot *grown = senc_realloc(set->slots, (size_t)set->n_slots + 1, sizeof *grown);
    if (grown) set->slots = grown;
    char *text = grown ? senc_buffer_take(&name) : NULL;
    senc_buffer_free(&name);
    if (!text) {
        senc_fail_memory(err, 64, "columns");
        return -1;
    }
    set->slots[set->n_slots] = (data_slot){role, number, text};
    return set->n_slots++;
}

static bool row_reserve(data_row *row, int64_t n, senc_error *err) {
    if (row->n_values >= n) return true;
    data_value *grown = senc_realloc(row->values, (size_t)n, sizeof *grown);
    if (!grown) return senc_fail_memory(err, (size_t)n * sizeof *grown, "a row");
    memset(grown + row->n_values, 0, (size_t)(n - row->n_values) * sizeof *grown);
    row->values = grown;
    row->n_values = n;
    return true;
}

/* Where the value (role, number) goes; NULL on failure. */
static data_value *value_of(filler *f, int64_t role, int64_t number) {
    int64_t slot = find_slot(f->set, role, number);
    if (slot < 0 && f->learn) {
        slot = add_slot(f->learn, role, number, f->err);
        if (slot < 0 || !row_reserve(f->row, f->learn->n_slots, f->err)) return NULL;
    }
    if (slot < 0) {
        fail_file_changed(f);
        return NULL;
    }
    data_value *v = &f->row->values[slot];
    *v = (data_value){.present = true};
    return v;
}

/* ---- classes ---- */

static int64_t find_class(const data_set *set, const char *name, size_t n_bytes) {
    if (set->n_class_slots == 0) return -1;
    for (uint64_t at = data_text_hash(name, n_bytes);; at++) {
        const int64_t i = set->class_table[at & (uint64_t)(set->n_class_slots - 1)];
        if (i < 0) return -1;
        if (strlen(set->classes[i]) == n_bytes && memcmp(set->classes[i], name, n_bytes) == 0) return i;
    }
}

static void class_table_add(data_set *set, int64_t i) {
    uint64_t at = data_text_hash(set->classes[i], strlen(set->classes[i]));
    while (set->class_table[at & (uint64_t)(set->n_class_slots - 1)] >= 0) at++;
    set->class_table[at & (uint64_t)(set->n_class_slots - 1)] = i;
}

static bool reserve_classes(data_set *set, senc_error *err) {
    if (set->n_classes < set->classes_capacity) return true;
    const int64_t capacity = set->classes_capacity ? 2 * set->classes_capacity : 64;
    char **grown = senc_realloc(set->classes, (size_t)capacity, sizeof *grown);
    if (grown) set->classes = grown;
    int64_t *table = grown ? senc_alloc((size_t)capacity * 2, sizeof *table) : NULL;
    if (!table) return senc_fail_memory(err, (size_t)capacity * 24, "classes");
    free(set->class_table);
    set->class_table = table;
    set->n_class_slots = 2 * capacity;
    set->classes_capacity = capacity;
    for (int64_t i = 0; i < set->n_class_slots; i++) table[i] = -1;
    for (int64_t i = 0; i < set->n_classes; i++) class_table_add(set, i);
    return true;
}

/* The id of a class by its name; -1 on failure. */
static int64_t class_id(filler *f, const char *name, size_t n_bytes) {
    if (memchr(name, '\0', n_bytes)) {
        fail_field(f, "holds \\u0000");
        return -1;
    }
    const int64_t there = find_class(f->set, name, n_bytes);
    if (there >= 0) return there;
    if (!f->learn) {
        fail_file_changed(f);
        return -1;
    }
    data_set *set = f->learn;
    if (!reserve_classes(set, f->err)) return -1;
    set->classes[set->n_classes] = senc_strndup(name, n_bytes);
    if (!set->classes[set->n_classes]) {
        senc_fail_memory(f->err, n_bytes, "a class");
        return -1;
    }
    class_table_add(set, set->n_classes);
    return set->n_classes++;
}

/* ---- fields ---- */

static const char *found_name(data_field_type type) {
    static const char *const names[] = {"nothing", "a string", "a number", "a boolean", "a list", "an object"};
    return names[type];
}

static bool take_text(filler *f, int64_t number, const char *text, size_t n_bytes) {
    const data_role *role = &f->set->wanted.roles[f->binding->role];
    const char *trimmed = text;
    size_t left = n_bytes;
    data_label_trim(&trimmed, &left);
    if (left == 0 && !role->allow_empty) {
        f->empty = true;
        return true;
    }
    data_value *v = value_of(f, f->binding->role, number);
    if (!v) return false;
    v->text = text;
    v->n_bytes = n_bytes;
    return true;
}

static bool take_list_item(filler *f, int64_t number, const data_json *item) {
    size_t n_bytes;
    const char *text = data_json_text(item, &n_bytes);
    if (text) return take_text(f, number, text, n_bytes);
    return fail_field(f, "is a list that holds %s, expected strings", data_json_type_name(data_json_get_type(item)));
}

/* One item of the list stands in this row; the others stand in rows of their own, or in none. */
static bool take_choice(filler *f, const data_json *list, int64_t n) {
    const data_json *item = data_json_first(list);
    if (n == 0) return f->empty = true;
    f->row->n_choices = n;
    for (int64_t i = 0; i < f->item && item; i++) item = data_json_next(item);
    return item ? take_list_item(f, f->binding->number, item) : fail_file_changed(f);
}

/* A list feeds role_1, role_2, ..., or makes several rows; a list of one also feeds a role that takes one text. */
static bool take_list(filler *f, const data_json *list) {
    const data_role *role = &f->set->wanted.roles[f->binding->role];
    const int64_t n = data_json_count(list);
    if (role->expands) return take_choice(f, list, n);
    if (!role->numbered && n != 1) return fail_field(f, "is a list of %" PRId64 ", expected one string", n);
    int64_t k = role->numbered ? 1 : 0;
    for (const data_json *item = data_json_first(list); item; item = data_json_next(item), k++) {
        if (!take_list_item(f, k, item)) return false;
    }
    return true;
}

/* What was found, what would say the same, and all words of the column, so that the map can be written at once. */
static bool fail_label(const filler *f, data_role_kind kind, const data_field *field) {
    senc_buffer text = {0};
    const char *wanted = kind == DATA_ROLE_BINARY ? "0 or 1" : "a number";
    if (field->type == DATA_FIELD_LIST || field->type == DATA_FIELD_OBJECT)
        return fail_field(f, "expected %s, found %s", wanted, found_name(field->type));
    senc_buffer_printf(&text, "expected %s, found ", wanted);
    data_label_append(field, &text);
    data_label_append_advice(f->table, f->binding, kind, field, &text);
    if (text.failed)
        senc_fail_memory(f->err, text.n_bytes, "a message");
    else
        fail_field(f, "%s", senc_buffer_text(&text));
    senc_buffer_free(&text);
    return false;
}

static bool take_number(filler *f, const data_field *field) {
    const data_role *role = &f->set->wanted.roles[f->binding->role];
    double x;
    switch (data_label_read(f->table, role->kind, field, &x)) {
    case DATA_LABEL_EMPTY:
        return f->empty = true;
    case DATA_LABEL_KNOWN:
        break;
    case DATA_LABEL_UNKNOWN:
        if (f->table->skip_unknown_labels && f->learn) {
            f->fate = DATA_UNKNOWN_LABEL;
            return true;
        }
        return fail_label(f, role->kind, field);
    }
    if (!isfinite(x)) return fail_field(f, "expected a finite number, found %g", x);
    const double low = f->table->score_low, high = f->table->score_high;
    if (role->kind == DATA_ROLE_SCORE && !(x >= low && x <= high)) {
        return fail_field(f, "is out of range: expected %g..%g, found %g%s", low, high, x,
                          f->table->has_score_range ? "" : "; for raw scores set score_range = [low, high]");
    }
    data_value *v = value_of(f, f->binding->role, f->binding->number);
    if (v) v->number = role->kind == DATA_ROLE_SCORE ? (x - low) / (high - low) : x;
    return v != NULL;
}

static bool take_class(filler *f, const data_field *field) {
    char digits[32];
    const char *name = field->text;
    size_t n_bytes = field->n_bytes;
    if (field->type == DATA_FIELD_BOOL) {
        name = field->integer ? "true" : "false";
        n_bytes = strlen(name);
    } else if (data_field_is_whole(field)) {
        n_bytes = (size_t)snprintf(digits, sizeof digits, "%.0f", field->number);
        if (field->is_integer) n_bytes = (size_t)snprintf(digits, sizeof digits, "%" PRId64, field->integer);
        name = digits;
    } else if (field->type != DATA_FIELD_TEXT) {
        return fail_field(f, "expected a class (a string or an integer), found %s", found_name(field->type));
    }
    data_label_trim(&name, &n_bytes);
    n_bytes = data_label_whole_bytes(name, n_bytes);
    if (n_bytes == 0) return f->empty = true;
    const int64_t id = class_id(f, name, n_bytes);
    data_value *v = id < 0 ? NULL : value_of(f, f->binding->role, f->binding->number);
    if (!v) return false;
    v->class_id = id;
    v->text = f->set->classes[id];
    v->n_bytes = strlen(v->text);
    return true;
}

static bool take_field(filler *f, const data_field *field) {
    if (field->type == DATA_FIELD_ABSENT) return true;
    switch (f->set->wanted.roles[f->binding->role].kind) {
    case DATA_ROLE_TEXT:
        if (field->type == DATA_FIELD_LIST) return take_list(f, field->list);
        if (field->type == DATA_FIELD_TEXT) return take_text(f, f->binding->number, field->text, field->n_bytes);
        return fail_field(f, "expected a string, found %s", found_name(field->type));
    case DATA_ROLE_SCORE:
    case DATA_ROLE_NUMBER:
    case DATA_ROLE_BINARY:
        return take_number(f, field);
    case DATA_ROLE_CLASS:
        return take_class(f, field);
    }
    return true;
}

/* ---- rows ---- */

static bool fail_missing(filler *f, int64_t role) {
    if (f->fate != DATA_KEPT) return true; /* it is left out in any case */
    if (f->table->skip_empty && f->learn) {
        f->fate = DATA_EMPTY;
        return true;
    }
    senc_buffer needs = {0};
    data_wanted_text(&f->set->wanted, &needs);
    senc_fail(f->err, SENC_BAD_INPUT, "%s:%" PRId64 ": field \"%s\" is %s (%s)", f->table->file.path,
              f->row->record->start.line, f->set->wanted.roles[role].name, f->empty ? "empty" : "missing",
              senc_buffer_text(&needs));
    senc_buffer_free(&needs);
    return false;
}

/* Takes every binding of a role; a role that is required must have come out. */
static bool fill_role(filler *f, data_table *learn_table, int64_t role) {
    const data_table *t = f->table;
    f->empty = false;
    for (int64_t i = 0; i < t->n_bindings; i++) {
        if (t->bindings[i].role != role) continue;
        f->binding = &t->bindings[i];
        data_field field;
        if (!t->file.reader->field(&t->file, f->row->record, f->binding->column, &field, f->err)) return false;
        if (learn_table && field.type != DATA_FIELD_ABSENT) learn_table->bindings[i].seen = true;
        if (!take_field(f, &field)) return false;
    }
    if (f->set->wanted.roles[role].optional) return true;
    for (int64_t i = 0; i < f->set->n_slots; i++) {
        if (f->set->slots[i].role == role && f->row->values[i].present) return true;
    }
    return fail_missing(f, role);
}

/* jsonl: a row may hold one more role_k than the rows before it. */
static bool grow_bindings(data_table *t, const data_set *set, data_record *record, senc_error *err) {
    for (int64_t role = 0; role < set->wanted.n_roles; role++) {
        if (!set->wanted.roles[role].numbered) continue;
        int64_t last = 0;
        bool given = false;
        for (int64_t i = 0; i < t->n_bindings; i++) {
            if (t->bindings[i].role != role) continue;
            given = given || t->bindings[i].given;
            if (t->bindings[i].number > last) last = t->bindings[i].number;
        }
        for (int64_t k = last + 1; !given; k++) {
            char name[64];
            data_field field;
            snprintf(name, sizeof name, "%s_%" PRId64, set->wanted.roles[role].name, k);
            if (!t->file.reader->field(&t->file, record, (data_column){name, -1}, &field, err)) return false;
            if (field.type == DATA_FIELD_ABSENT) break;
            if (!data_table_add_binding(t, role, k, name, -1, false, err)) return false;
        }
    }
    return true;
}

/* Whether the row belongs to the source's part. */
static bool is_in_part(const data_table *t, const data_row *row, const data_value *first) {
    if (t->part == DATA_PART_ALL) return true;
    const bool held_out = t->groups ? data_row_groups_hold_out(t->groups, row->record->start.offset, t->held_out)
                                    : data_place_is_below(data_text_hash(first->text, first->n_bytes), t->held_out);
    return held_out == (t->part == DATA_PART_HELD_OUT);
}

bool data_table_fill_row(data_set *learn, const data_set *set, data_table *learn_table, const data_table *t,
                         int64_t item, data_row *row, data_fate *fate, senc_error *err) {
    filler f = {.learn = learn, .set = set, .table = t, .row = row, .item = item, .err = err};
    if (!row_reserve(row, set->n_slots, err)) return false;
    row->n_choices = 1;
    for (int64_t i = 0; i < row->n_values; i++) row->values[i].present = false;
    if (learn_table && t->may_grow && !grow_bindings(learn_table, set, row->record, err)) return false;
    for (int64_t role = 0; role < set->wanted.n_roles; role++) {
        if (!fill_role(&f, learn_table, role)) return false;
    }
    if (!fate) return true;
    const int64_t first = find_slot(set, 0, 0);
    *fate = f.fate;
    if (f.fate == DATA_KEPT && first >= 0 && row->values[first].present && !is_in_part(t, row, &row->values[first]))
        *fate = DATA_OTHER_PART;
    return true;
}
