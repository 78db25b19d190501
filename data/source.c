/* Sources: the keys of [[data]], and which column of a file feeds which role. See table.h. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/table_label.h"
#include "data/table_parts.h"

const senc_option data_source_options[] = {
    SENC_OPTION_PATH(data_source, path, "!", "a jsonl, json, csv, tsv or txt file (also .gz, .zst) or a BEIR folder"),
    SENC_OPTION_STRING(data_source, format, NULL,
                       "beir, csv, json (an array), jsonl, tsv or txt; default: by the file name"),
    SENC_OPTION_VALUE(data_source, columns,
                      "which column is which role: { anchor = \"question\", score = 3 }, by name or by number from 1"),
    SENC_OPTION_CHOICE(data_source, header, "auto", "auto|yes|no",
                       "csv, tsv: the first row names the columns; auto: unless columns are given by number"),
    SENC_OPTION_STRING(data_source, delimiter, NULL, "csv, tsv: one character; default: \",\" and a tab"),
    SENC_OPTION_CHOICE(data_source, quoting, "auto", "auto|on|off",
                       "csv, tsv: fields in double quotes (RFC 4180); auto: on for csv, off for tsv"),
    SENC_OPTION_CHOICE(data_source, on_bad_utf8, "error", "error|replace",
                       "ill-formed UTF-8: stop, or read it as U+FFFD"),
    SENC_OPTION_REALS(data_source, score_range, NULL, -HUGE_VAL, HUGE_VAL,
                      "[low, high] of the raw scores, mapped to 0..1; default: scores are 0..1"),
    SENC_OPTION_VALUE(data_source, label_map,
                      "what words among scores and labels mean: { entailment = 1, contradiction = 0 }; true, yes and "
                      "duplicate are 1, false and no 0 without it"),
    SENC_OPTION_CHOICE(data_source, on_unknown_label, "error", "error|skip",
                       "a label that is neither a number nor in label_map: stop, or leave the row out"),
    SENC_OPTION_CHOICE(data_source, positives, "all", "all|first|random",
                       "json, jsonl: what a list of positives becomes: a row for each, a row with the first, or with "
                       "one that is chosen by its place in the file"),
    SENC_OPTION_STRING(data_source, split, NULL, "BEIR folder: which qrels/<split>.tsv; default: train"),
    SENC_OPTION_CHOICE(data_source, on_empty, "error", "error|skip",
                       "a row with an empty or missing text: stop, or leave the row out"),
    SENC_OPTION_REAL(data_source, held_out, "0", 0, 1,
                     "share of the rows that is held out, the same whenever the file is read"),
    SENC_OPTION_CHOICE(data_source, held_out_by, "group", "group|row",
                       "group: rows that share an anchor or a positive (the same, or nearly) go to one side; row: by a "
                       "hash of the first text alone"),
    SENC_OPTION_CHOICE(data_source, part, "all", "all|train|held_out",
                       "which rows: all, those not held out, those held out"),
    SENC_OPTION_INTEGER(data_source, limit, "0", 0, HUGE_VAL, "only the first n rows of the part; 0: all"),
    {0},
};

/* Names that other data sets use. They are suggested in messages, never assumed. */
static const struct {
    const char *role, *names;
} aliases[] = {
    {"anchor", " query question sentence1 sent0 premise text1 input title text "},
    {"positive", " pos answer document passage response sentence2 sent1 hypothesis text2 context output text "},
    {"negative", " neg hard_neg hard_negative "},
    {"sentence1", " anchor text1 sent0 premise question1 query s1 "},
    {"sentence2", " positive text2 sent1 hypothesis question2 answer s2 "},
    {"score", " similarity similarity_score label relevance rating gold "},
    {"label", " category class intent is_duplicate target topic score "},
    {"text", " sentence document passage content query question sentence1 title "},
};
#define N_ALIASES ((int64_t)(sizeof aliases / sizeof aliases[0]))

static bool is_alias(const char *role, const char *column) {
    char wanted[48];
    if (strlen(column) + 3 > sizeof wanted || strchr(column, ' ')) return false;
    snprintf(wanted, sizeof wanted, " %s ", column);
    for (int64_t i = 0; i < N_ALIASES; i++) {
        if (strcmp(aliases[i].role, role) == 0)
            return strcasecmp(role, column) == 0 || strcasestr(aliases[i].names, wanted);
    }
    return strcasecmp(role, column) == 0;
}

/* ---- the column table ---- */

/* One "role = column" of the source. role -1: a role that nobody wants here. */
typedef struct entry {
    int64_t role, number;
    const char *key;
    const char *name;        /* NULL: by number */
    int64_t column;          /* from 1 */
    const senc_value *value; /* NULL: from code */
} entry;

typedef struct binder {
    const data_source *source;
    const data_wanted *wanted;
    data_table *table;
    entry *entries;
    int64_t n_entries, capacity;
    bool knows_all_columns; /* of json and jsonl those of later rows too */
    senc_error *err;
} binder;

void data_wanted_text(const data_wanted *wanted, senc_buffer *out) {
    senc_buffer_printf(out, "%s needs", wanted->by);
    const char *separator = " ";
    for (int64_t i = 0; i < wanted->n_roles; i++) {
        if (wanted->roles[i].optional) continue;
        senc_buffer_printf(out, "%s%s", separator, wanted->roles[i].name);
        separator = ", ";
    }
}

__attribute__((format(printf, 3, 4))) static bool fail_entry(const binder *b, const entry *e, const char *fmt, ...) {
    char place[600], what[300];
    if (e->value)
        senc_place_text(e->value->place, place, sizeof place);
    else
        snprintf(place, sizeof place, "%s: ", b->source->path);
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    if (b->source->by_flags) /* the texts of a command are in its --column */
        return senc_fail(b->err, SENC_BAD_INPUT, "%s--%.60s: %s", place,
                         strcmp(e->key, "text") == 0 ? "column" : e->key, what);
    return senc_fail(b->err, SENC_BAD_INPUT, "%scolumns.%.60s: %s", place, e->key, what);
}

/* A csv that was cut at the wrong character: all of its header is one column. */
static bool append_delimiter_hint(const binder *b, senc_buffer *out) {
    const data_opened *file = &b->table->file;
    static const char others[] = ";\t|,";
    if (!file->csv.delimiter || file->n_columns != 1) return false;
    for (const char *c = others; *c; c++) {
        if (*c == file->csv.delimiter || !strchr(file->columns[0], *c)) continue;
        senc_buffer_printf(out,
                           b->source->by_flags ? "; is it divided by %s? --delimiter '%s' says so"
                                               : "; is it divided by %s? delimiter = \"%s\" says so",
                           *c == '\t'  ? "tabs"
                           : *c == ';' ? "semicolons"
                           : *c == ',' ? "commas"
                                       : "bars",
                           *c == '\t' ? "\\t" : (char[]){*c, '\0'});
        return true;
    }
    return false;
}

/* Rows of json and jsonl bring columns when they like; what is wrong in them is said by the scan. */
static void find_late_columns(binder *b) {
    data_opened *file = &b->table->file;
    if (!file->reader->fixed_columns && !b->knows_all_columns) data_opened_all_columns(file, NULL);
    b->knows_all_columns = true;
}

/* "negative_12" -> 12 when `role` is "negative"; 0 when key is not of that form. */
static int64_t numbered_key(const char *key, const char *role) {
    const size_t n = strlen(role);
    if (strncmp(key, role, n) != 0 || key[n] != '_' || key[n + 1] < '1' || key[n + 1] > '9') return 0;
    int64_t number = 0;
    for (const char *p = key + n + 1; *p; p++) {
        if (*p < '0' || *p > '9' || number > 100000) return 0;
        number = 10 * number + (*p - '0');
    }
    return number;
}

static bool find_role(const binder *b, entry *e) {
    const char *names[64];
    int64_t n = 0;
    for (int64_t i = 0; i < b->wanted->n_roles; i++) {
        const data_role *r = &b->wanted->roles[i];
        const int64_t number = r->numbered ? numbered_key(e->key, r->name) : 0;
        if (strcmp(e->key, r->name) == 0 || number > 0) {
            e->role = i;
            e->number = number;
            return true;
        }
        if (n < 32) names[n++] = r->name;
    }
    e->role = -1;
    for (int64_t i = 0; i < N_ALIASES; i++) { /* roles of other losses and evaluators may stand here too */
        if (strcmp(e->key, aliases[i].role) == 0 || numbered_key(e->key, aliases[i].role)) return true;
        names[n++] = aliases[i].role;
    }
    const char *near = senc_nearest_name(e->key, names, n);
    senc_buffer needs = {0};
    data_wanted_text(b->wanted, &needs);
    fail_entry(b, e, "unknown role (%s)%s%s%s", senc_buffer_text(&needs), near ? "; did you mean \"" : "",
               near ? near : "", near ? "\"?" : "");
    senc_buffer_free(&needs);
    return false;
}

static bool add_entry(binder *b, entry e) {
    if (!find_role(b, &e)) return false;
    if (b->n_entries == b->capacity) {
        const int64_t capacity = b->capacity ? 2 * b->capacity : 8;
        entry *grown = senc_realloc(b->entries, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(b->err, (size_t)capacity * sizeof *grown, "a column table");
        b->entries = grown;
        b->capacity = capacity;
    }
    b->entries[b->n_entries++] = e;
    return true;
}

/* item 0: the value itself; k: the k-th item of a list, which feeds role_k. */
static bool add_value(binder *b, const char *key, const senc_value *v, int64_t item) {
    entry e = {.key = key, .value = v};
    if (v->type == SENC_VALUE_STRING && v->n_bytes > 0) {
        e.name = v->string;
    } else if (v->type == SENC_VALUE_INTEGER && v->integer >= 1) {
        e.column = v->integer;
    } else {
        return fail_entry(b, &e, "expected a column name, or a column number from 1%s",
                          item ? "" : ", or a list of them");
    }
    if (!add_entry(b, e)) return false;
    entry *added = &b->entries[b->n_entries - 1];
    if (item == 0 || added->role < 0) return true;
    if (!b->wanted->roles[added->role].numbered || added->number)
        return fail_entry(b, &e, "this role takes one column, not a list");
    added->number = item;
    return true;
}

static bool read_config_entries(binder *b) {
    const senc_value *columns = b->source->columns;
    if (!columns) return true;
    if (columns->type != SENC_VALUE_TABLE) {
        char place[600];
        return senc_fail(b->err, SENC_BAD_INPUT,
                         "%scolumns: expected a table such as { anchor = \"question\" }, got %s",
                         senc_place_text(columns->place, place, sizeof place), senc_value_type_name(columns->type));
    }
    for (int64_t i = 0; i < columns->n; i++) {
        const char *key = columns->pairs[i].key;
        const senc_value *v = columns->pairs[i].value;
        if (v->type != SENC_VALUE_ARRAY) {
            if (!add_value(b, key, v, 0)) return false;
            continue;
        }
        for (int64_t k = 0; k < v->n; k++) {
            if (!add_value(b, key, v->items[k], k + 1)) return false;
        }
    }
    return true;
}

static bool read_entries(binder *b) {
    for (int64_t i = 0; i < b->source->n_mapped; i++) {
        const data_column_map *m = &b->source->mapped[i];
        SENC_ASSERT(m->name || m->number >= 1, "column of role %s: no name and number %" PRId64, m->role, m->number);
        if (!add_entry(b, (entry){.key = m->role, .name = m->name, .column = m->name ? 0 : m->number})) return false;
    }
    return read_config_entries(b);
}

/* All columns that matter are given by number. */
static bool is_by_number(const binder *b) {
    int64_t n_numbers = 0, n_names = 0;
    for (int64_t i = 0; i < b->n_entries; i++) {
        if (b->entries[i].name)
            n_names++;
        else
            n_numbers++;
    }
    return n_numbers > 0 && n_names == 0;
}

/* ---- messages about columns ---- */

#define SHOWN_COLUMNS    20
#define SHOWN_NAME_BYTES 40

static void append_name(senc_buffer *out, const char *name) {
    size_t n = strlen(name);
    const bool cut = n > SHOWN_NAME_BYTES;
    if (cut) n = SHOWN_NAME_BYTES;
    while (cut && n > 0 && ((uint8_t)name[n] & 0xC0) == 0x80) n--;
    for (size_t i = 0; i < n; i++) senc_buffer_append(out, (uint8_t)name[i] < 0x20 ? " " : name + i, 1);
    if (cut) senc_buffer_append_text(out, "...");
}

static void append_columns(senc_buffer *out, const data_opened *file) {
    for (int64_t i = 0; i < file->n_columns && i < SHOWN_COLUMNS; i++) {
        senc_buffer_append_text(out, i ? ", " : "");
        append_name(out, file->columns[i]);
    }
    if (file->n_columns > SHOWN_COLUMNS) senc_buffer_printf(out, ", ... (%" PRId64 " columns)", file->n_columns);
}

/* A column for a role that nobody has taken: one that goes by another known name, else any; -1 when all are taken. */
static int64_t suggest(const data_opened *file, const char *role, uint64_t taken) {
    const int64_t n = file->n_columns < 64 ? file->n_columns : 64;
    for (int pass = 0; pass < 3; pass++) {
        for (int64_t i = 0; i < n; i++) {
            if (taken >> i & 1) continue;
            if (pass == 0 && strcasecmp(role, file->columns[i]) != 0) continue;
            if (pass == 1 && !is_alias(role, file->columns[i])) continue;
            return i;
        }
    }
    return -1;
}

static bool knows_a_column(const binder *b) {
    const data_opened *file = &b->table->file;
    for (int64_t i = 0; i < b->wanted->n_roles; i++) {
        for (int64_t k = 0; k < file->n_columns; k++) {
            if (is_alias(b->wanted->roles[i].name, file->columns[k])) return true;
        }
    }
    return false;
}

/* columns = { anchor = "question", positive = "answer" }; with numbers when the first row does not look like names. */
static void append_suggestion(const binder *b, bool numbers, senc_buffer *out) {
    const data_opened *file = &b->table->file;
    uint64_t taken = 0;
    senc_buffer_append_text(out, "columns = {");
    const char *separator = " ";
    for (int64_t i = 0; i < b->wanted->n_roles; i++) {
        const data_role *role = &b->wanted->roles[i];
        const int64_t column = suggest(file, role->name, taken);
        if (column < 0 || (role->optional && !is_alias(role->name, file->columns[column]))) continue;
        taken |= UINT64_C(1) << column;
        senc_buffer_printf(out, "%s%s = ", separator, role->name);
        if (numbers)
            senc_buffer_printf(out, "%" PRId64, column + 1);
        else
            data_json_append_string(out, file->columns[column], strlen(file->columns[column]));
        separator = ", ";
    }
    senc_buffer_append_text(out, " }");
}

static bool fail_no_column(const binder *b, const char *role) {
    const data_opened *file = &b->table->file;
    senc_buffer text = {0};
    data_wanted_text(b->wanted, &text);
    senc_buffer_append_text(&text, "); the file has ");
    append_columns(&text, file);
    if (!append_delimiter_hint(b, &text)) {
        const bool is_csv = file->reader->fixed_columns && file->csv.delimiter;
        const bool numbers = is_csv && (!file->has_names || !knows_a_column(b));
        senc_buffer_append_text(&text, numbers && file->has_names
                                           ? "; if that is data and not a header, say which is which by number: "
                                           : "; say which is which: ");
        append_suggestion(b, numbers, &text);
    }
    senc_fail(b->err, SENC_BAD_INPUT, "%s: no column \"%s\" (%s", b->table->file.path, role, senc_buffer_text(&text));
    senc_buffer_free(&text);
    return false;
}

/* ---- binding ---- */

bool data_table_add_binding(data_table *t, int64_t role, int64_t number, const char *name, int64_t index, bool given,
                            senc_error *err) {
    data_binding *grown = senc_realloc(t->bindings, (size_t)t->n_bindings + 1, sizeof *grown);
    if (grown) t->bindings = grown;
    char *copy = grown ? senc_strdup(name) : NULL;
    if (!copy) return senc_fail_memory(err, strlen(name), "columns");
    t->bindings[t->n_bindings++] =
        (data_binding){.role = role, .number = number, .column = {copy, index}, .name = copy, .given = given};
    return true;
}

/* The column's index, -1 when absent. Names that stand twice are found first. */
static int64_t find_column(const data_opened *file, const char *name) {
    for (int64_t i = 0; i < file->n_columns; i++) {
        if (strcmp(file->columns[i], name) == 0) return i;
    }
    return -1;
}

static bool bind_entry(binder *b, const entry *e) {
    const data_opened *file = &b->table->file;
    int64_t index = e->column - 1;
    if (!e->name && !file->reader->fixed_columns) {
        return fail_entry(b, e, "%s columns have names, not numbers", file->reader->name);
    }
    if (!e->name && index >= file->n_columns) {
        return fail_entry(b, e, "there is no column %" PRId64 ", the file has %" PRId64, e->column, file->n_columns);
    }
    if (e->name) index = find_column(file, e->name);
    if (e->name && index < 0) {
        find_late_columns(b);
        index = find_column(file, e->name);
    }
    const bool required = e->number == 0 && !b->wanted->roles[e->role].optional;
    if (index < 0 && (file->reader->fixed_columns || required)) {
        senc_buffer names = {0};
        append_columns(&names, file);
        const char *near = senc_nearest_name(e->name, (const char *const *)file->columns, file->n_columns);
        senc_buffer hint = {0};
        append_delimiter_hint(b, &hint);
        fail_entry(b, e, "there is no column \"%.60s\" in %s%.150s%s%s%s%s", e->name, file->n_columns ? "" : "the file",
                   senc_buffer_text(&names), near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "",
                   senc_buffer_text(&hint));
        senc_buffer_free(&names);
        senc_buffer_free(&hint);
        return false;
    }
    if (e->name && index >= 0 && index + 1 < file->n_columns) {
        for (int64_t i = index + 1; i < file->n_columns; i++) {
            if (strcmp(file->columns[i], e->name) == 0)
                return fail_entry(b, e, "the header has the column \"%.60s\" twice; give its number", e->name);
        }
    }
    return data_table_add_binding(b->table, e->role, e->number, e->name ? e->name : file->columns[index], index, true,
                                  b->err);
}

/* A role without an entry: the column of its own name, and role_1, role_2, ... */
static bool bind_by_name(binder *b, int64_t role) {
    const data_role *r = &b->wanted->roles[role];
    data_table *t = b->table;
    const bool fixed = t->file.reader->fixed_columns;
    int64_t index = find_column(&t->file, r->name);
    char first[64];
    snprintf(first, sizeof first, "%s_1", r->name);
    bool has_numbered = r->numbered && find_column(&t->file, first) >= 0;
    if (index < 0 && !has_numbered && !r->optional) {
        find_late_columns(b);
        index = find_column(&t->file, r->name);
        has_numbered = r->numbered && find_column(&t->file, first) >= 0;
    }
    if (index < 0 && !has_numbered && !r->optional) return fail_no_column(b, r->name);
    if ((index >= 0 || !fixed) && !data_table_add_binding(t, role, 0, r->name, index, false, b->err)) return false;
    if (!r->numbered) return true;
    if (!fixed) t->may_grow = true; /* the scan binds what it meets */
    for (int64_t k = 1; fixed; k++) {
        char name[64];
        snprintf(name, sizeof name, "%s_%" PRId64, r->name, k);
        const int64_t at = find_column(&t->file, name);
        if (at < 0) break;
        if (!data_table_add_binding(t, role, k, name, at, false, b->err)) return false;
    }
    return true;
}

static bool bind_roles(binder *b) {
    for (int64_t role = 0; role < b->wanted->n_roles; role++) {
        bool given = false;
        for (int64_t i = 0; i < b->n_entries; i++) {
            if (b->entries[i].role != role) continue;
            given = true;
            if (!bind_entry(b, &b->entries[i])) return false;
        }
        if (!given && !bind_by_name(b, role)) return false;
    }
    return true;
}

/* Columns by number mean "no header". When the first row then reads like one, the user must say which it is: training
 * on a row of column names would be a silent mistake. */
static bool check_header_guess(const binder *b) {
    const data_opened *file = &b->table->file;
    if (file->has_names || b->source->header != DATA_HEADER_AUTO) return true;
    data_record record = {0};
    data_cursor cursor = file->first;
    bool ok = true;
    const int got = file->reader->next(file, &cursor, &record, b->err);
    for (int64_t i = 0; got == 1 && ok && i < b->n_entries; i++) {
        const entry *e = &b->entries[i];
        data_field f;
        char name[48];
        if (e->role < 0 || e->name || e->column > file->n_columns) continue;
        if (!file->reader->field(file, &record, (data_column){NULL, e->column - 1}, &f, b->err)) break;
        if (f.n_bytes == 0 || f.n_bytes >= sizeof name) continue;
        memcpy(name, f.text, f.n_bytes);
        name[f.n_bytes] = '\0';
        if (!is_alias(b->wanted->roles[e->role].name, name)) continue;
        ok = senc_fail(b->err, SENC_BAD_INPUT, "%s:%" PRId64 ": the first row looks like a header (\"%s\"); %s",
                       file->path, record.start.line, name,
                       b->source->by_flags ? "is it one? --header yes or --header no says so"
                                           : "set header to \"yes\" or \"no\"");
    }
    data_record_free(&record);
    return ok && got >= 0;
}

static bool check_range(binder *b) {
    const senc_reals *range = &b->source->score_range;
    data_table *t = b->table;
    t->score_low = 0, t->score_high = 1;
    if (range->n == 0) return true;
    if (range->n != 2 || !(range->items[0] < range->items[1]) || !isfinite(range->items[0]) ||
        !isfinite(range->items[1])) {
        return senc_fail(b->err, SENC_BAD_INPUT, "%s: score_range: expected [low, high] with low < high",
                         b->source->path);
    }
    t->has_score_range = true;
    t->score_low = range->items[0];
    t->score_high = range->items[1];
    return true;
}

/* Whether labels of 0 and 1 are all that the map can be for. */
static bool wants_binary_only(const data_wanted *w) {
    bool binary = false, other = false;
    for (int64_t i = 0; w && i < w->n_roles; i++) {
        binary = binary || w->roles[i].kind == DATA_ROLE_BINARY;
        other = other || w->roles[i].kind == DATA_ROLE_SCORE || w->roles[i].kind == DATA_ROLE_NUMBER;
    }
    return binary && !other;
}

/* Numbers by words. */
static bool check_labels(binder *b) {
    const senc_value *map = b->source->label_map;
    b->table->label_map = map;
    b->table->skip_unknown_labels = b->source->on_unknown_label == DATA_UNKNOWN_LABEL_SKIP;
    b->table->positives = (data_positives)b->source->positives;
    if (!map) return true;
    char place[600];
    if (map->type != SENC_VALUE_TABLE || map->n == 0)
        return senc_fail(b->err, SENC_BAD_INPUT,
                         "%slabel_map: expected a table such as { entailment = 1, contradiction = 0 }, got %s",
                         senc_place_text(map->place, place, sizeof place),
                         map->type == SENC_VALUE_TABLE ? "an empty one" : senc_value_type_name(map->type));
    for (int64_t i = 0; i < map->n; i++) {
        double x;
        if (!data_label_map_value(map->pairs[i].value, &x))
            return senc_fail(b->err, SENC_BAD_INPUT, "%slabel_map.%.60s: expected a number, got %s",
                             senc_place_text(map->pairs[i].value->place, place, sizeof place), map->pairs[i].key,
                             senc_value_type_name(map->pairs[i].value->type));
        if (!isfinite(x) || (x != 0 && x != 1 && wants_binary_only(b->wanted)))
            return senc_fail(b->err, SENC_BAD_INPUT, "%slabel_map.%.60s: expected %s, got %g",
                             senc_place_text(map->pairs[i].value->place, place, sizeof place), map->pairs[i].key,
                             isfinite(x) ? "0 or 1" : "a finite number", x);
    }
    return true;
}

static bool check_part(binder *b) {
    const data_source *s = b->source;
    if (s->part != DATA_PART_ALL && !(s->held_out > 0 && s->held_out < 1))
        return senc_fail(b->err, SENC_BAD_INPUT, "%s: part = \"%s\" needs held_out, a share between 0 and 1; found %g",
                         s->path, s->part == DATA_PART_TRAIN ? "train" : "held_out", s->held_out);
    if (s->part == DATA_PART_ALL && s->held_out > 0)
        return senc_fail(b->err, SENC_BAD_INPUT, "%s: held_out = %g needs part = \"train\" or \"held_out\"", s->path,
                         s->held_out);
    b->table->skip_empty = s->on_empty == DATA_EMPTY_SKIP;
    b->table->held_out = s->held_out;
    b->table->part = (data_part)s->part;
    return true;
}

static bool open_file(binder *b, bool by_number) {
    data_opened *file = &b->table->file;
    file->reader = data_reader_choose(b->source, b->err);
    if (!file->reader) return false;
    file->path = senc_strdup(b->source->path);
    if (!file->path) return senc_fail_memory(b->err, 64, "a path");
    file->replace_utf8 = b->source->on_bad_utf8 == DATA_BAD_UTF8_REPLACE;
    if (!file->reader->open(b->source, by_number, file, b->err)) return false;
    return file->n_columns > 0 || senc_fail(b->err, SENC_BAD_INPUT, "%s: no rows", file->path);
}

bool data_table_bind(data_table *t, const data_source *source, const data_wanted *wanted, senc_error *err) {
    *t = (data_table){0};
    if (!source->path) return senc_fail(err, SENC_BAD_INPUT, "data: no path");
    binder b = {.source = source, .wanted = wanted, .table = t, .err = err};
    const bool ok = check_range(&b) && check_labels(&b) && check_part(&b) && read_entries(&b) &&
                    open_file(&b, is_by_number(&b)) && check_header_guess(&b) && bind_roles(&b);
    free(b.entries);
    return ok;
}

void data_table_close(data_table *t) {
    data_opened_close(&t->file);
    for (int64_t i = 0; i < t->n_bindings; i++) free(t->bindings[i].name);
    free(t->bindings);
    free(t->keys);
    free(t->items);
    free(t->line_marks);
    *t = (data_table){0};
}

bool data_source_columns(const data_source *source, senc_strings *out, senc_error *err) {
    *out = (senc_strings){0};
    data_table t = {0};
    binder b = {.source = source, .table = &t, .err = err};
    const bool ok = open_file(&b, false);
    if (ok) { /* the names change hands */
        *out = (senc_strings){t.file.columns, t.file.n_columns};
        t.file.columns = NULL;
        t.file.n_columns = 0;
    }
    data_table_close(&t);
    return ok;
}

void data_strings_free(senc_strings *s) {
    for (int64_t i = 0; i < s->n; i++) free(s->items[i]);
    free(s->items);
    *s = (senc_strings){0};
}
