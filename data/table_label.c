/* Scores and labels: see table_label.h. */
#include "data/table_label.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "autograd/base/memory.h"

#define SHOWN_WORDS      8
#define SHOWN_WORD_BYTES 40
#define LOOKED_AT        200000 /* rows, for the words of a message */

/* Words for 1 and 0 that need no map. */
static const struct {
    const char *word;
    double value;
} plain_words[] = {{"true", 1},
                   {"false", 0},
                   {"yes", 1},
                   {"no", 0},
                   {"t", 1},
                   {"f", 0},
                   {"y", 1},
                   {"n", 0},
                   {"duplicate", 1},
                   {"not_duplicate", 0},
                   {"not duplicate", 0},
                   {"not-duplicate", 0},
                   {"non-duplicate", 0}};

/* Words that mean 1 in a map that is suggested. */
static const char positive_words[] =
    " entailment entails duplicate paraphrase similar relevant positive pos same match "
    "equivalent correct related true yes ";

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

void data_label_trim(const char **text, size_t *n_bytes) {
    while (*n_bytes > 0 && is_space((*text)[*n_bytes - 1])) --*n_bytes;
    for (; *n_bytes > 0 && is_space(**text); ++*text) --*n_bytes;
}

size_t data_label_whole_bytes(const char *name, size_t n_bytes) {
    size_t at = n_bytes > 0 && name[0] == '-';
    const size_t digits = at;
    while (at < n_bytes && name[at] >= '0' && name[at] <= '9') at++;
    if (at == digits || at + 1 >= n_bytes || name[at] != '.') return n_bytes;
    for (size_t i = at + 1; i < n_bytes; i++)
        if (name[i] != '0') return n_bytes;
    return at;
}

bool data_field_is_whole(const data_field *field) {
    return field->type == DATA_FIELD_NUMBER &&
           (field->is_integer || (fabs(field->number) < 1e15 && field->number == trunc(field->number)));
}

static bool parse_number(const char *text, size_t n_bytes, double *out) {
    char copy[64];
    if (n_bytes == 0 || n_bytes >= sizeof copy) return false;
    memcpy(copy, text, n_bytes);
    copy[n_bytes] = '\0';
    char *end;
    *out = strtod(copy, &end);
    return end == copy + n_bytes;
}

static bool is_word(const char *word, const char *text, size_t n_bytes, bool exactly) {
    if (strlen(word) != n_bytes) return false;
    return exactly ? memcmp(word, text, n_bytes) == 0 : strncasecmp(word, text, n_bytes) == 0;
}

bool data_label_map_value(const senc_value *value, double *x) {
    if (value->type != SENC_VALUE_INTEGER && value->type != SENC_VALUE_FLOAT && value->type != SENC_VALUE_BOOLEAN)
        return false;
    *x = value->type == SENC_VALUE_INTEGER ? (double)value->integer
         : value->type == SENC_VALUE_FLOAT ? value->number
                                           : value->boolean;
    return true;
}

static bool find_in_map(const senc_value *map, const char *text, size_t n_bytes, bool is_number, double number,
                        double *x) {
    for (int exactly = 1; exactly >= 0; exactly--) {
        for (int64_t i = 0; i < map->n; i++) {
            const char *key = map->pairs[i].key;
            double k;
            if (is_word(key, text, n_bytes, exactly) ||
                (is_number && parse_number(key, strlen(key), &k) && k == number))
                return data_label_map_value(map->pairs[i].value, x);
        }
    }
    return false;
}

static bool find_plain_word(const char *text, size_t n_bytes, double *x) {
    for (size_t i = 0; i < sizeof plain_words / sizeof *plain_words; i++) {
        if (!is_word(plain_words[i].word, text, n_bytes, false)) continue;
        *x = plain_words[i].value;
        return true;
    }
    return false;
}

/* The field's text, trimmed; of a boolean its name, of a number "". */
static const char *text_of(const data_field *field, size_t *n_bytes) {
    const char *text = "";
    *n_bytes = 0;
    if (field->type == DATA_FIELD_BOOL) {
        text = field->integer ? "true" : "false";
        *n_bytes = strlen(text);
    } else if (field->type == DATA_FIELD_TEXT) {
        text = field->text;
        *n_bytes = field->n_bytes;
        data_label_trim(&text, n_bytes);
    }
    return text;
}

data_label data_label_read(const data_table *t, data_role_kind kind, const data_field *field, double *x) {
    size_t n_bytes;
    const char *text = text_of(field, &n_bytes);
    if (field->type == DATA_FIELD_TEXT && n_bytes == 0) return DATA_LABEL_EMPTY;
    if (field->type == DATA_FIELD_LIST || field->type == DATA_FIELD_OBJECT) return DATA_LABEL_UNKNOWN;
    double number = field->number;
    bool known = field->type == DATA_FIELD_NUMBER || parse_number(text, n_bytes, &number);
    if (t->label_map)
        known = find_in_map(t->label_map, text, n_bytes, known, number, &number);
    else if (!known && (field->type == DATA_FIELD_BOOL || kind != DATA_ROLE_NUMBER))
        known = find_plain_word(text, n_bytes, &number);
    if (known && kind == DATA_ROLE_BINARY) known = number == 0 || number == 1;
    *x = number;
    return known ? DATA_LABEL_KNOWN : DATA_LABEL_UNKNOWN;
}

/* ---- messages ---- */

void data_label_append(const data_field *field, senc_buffer *out) {
    size_t n_bytes;
    const char *text = text_of(field, &n_bytes);
    double number;
    if (field->type == DATA_FIELD_NUMBER)
        senc_buffer_printf(out, "%g", field->number);
    else if (parse_number(text, n_bytes, &number))
        senc_buffer_append(out, text, n_bytes);
    else if (field->type == DATA_FIELD_BOOL)
        senc_buffer_append(out, text, n_bytes);
    else
        senc_buffer_printf(out, "\"%.*s\"", (int)(n_bytes < 60 ? n_bytes : 60), text);
}

/* Words that say nothing without a map. */
typedef struct word_list {
    char words[SHOWN_WORDS][SHOWN_WORD_BYTES + 1];
    int n;
    bool more;
} word_list;

static void add_word(word_list *list, const char *text, size_t n_bytes) {
    for (int i = 0; i < list->n; i++)
        if (is_word(list->words[i], text, n_bytes, true)) return;
    list->more = list->more || list->n == SHOWN_WORDS || n_bytes > SHOWN_WORD_BYTES;
    if (list->n == SHOWN_WORDS || n_bytes > SHOWN_WORD_BYTES || memchr(text, '\0', n_bytes)) return;
    memcpy(list->words[list->n], text, n_bytes);
    list->words[list->n++][n_bytes] = '\0';
}

/* What else is wrong with the file is said when it is its turn. */
static void collect_words(const data_table *t, const data_binding *binding, data_role_kind kind, word_list *list) {
    data_record record = {0};
    data_cursor cursor = t->file.first;
    for (int64_t i = 0; i < LOOKED_AT && t->file.reader->next(&t->file, &cursor, &record, NULL) == 1; i++) {
        data_field field;
        double x;
        size_t n_bytes;
        if (!t->file.reader->field(&t->file, &record, binding->column, &field, NULL)) break;
        if (field.type != DATA_FIELD_TEXT || data_label_read(t, kind, &field, &x) != DATA_LABEL_UNKNOWN) continue;
        const char *text = text_of(&field, &n_bytes);
        if (!parse_number(text, n_bytes, &x)) add_word(list, text, n_bytes);
    }
    data_record_free(&record);
}

/* "-" and the like: no word, so no label. */
static bool has_letter(const char *word) {
    for (; *word; word++)
        if (((*word | 32) >= 'a' && (*word | 32) <= 'z') || (*word & 0x80) || (*word >= '0' && *word <= '9'))
            return true;
    return false;
}

static bool means_one(const char *word) {
    char wanted[SHOWN_WORD_BYTES + 3];
    snprintf(wanted, sizeof wanted, " %s ", word);
    return !strchr(word, ' ') && strcasestr(positive_words, wanted) != NULL;
}

static void append_map(const word_list *list, senc_buffer *out) {
    const char *separator = " ";
    senc_buffer_append_text(out, "label_map = {");
    for (int i = 0; i < list->n; i++) {
        if (!has_letter(list->words[i])) continue;
        senc_buffer_append_text(out, separator);
        senc_value_print_key(list->words[i], out);
        senc_buffer_append_text(out, means_one(list->words[i]) ? " = 1" : " = 0");
        separator = ", ";
    }
    senc_buffer_append_text(out, list->more ? ", ... }" : " }");
}

void data_label_append_advice(const data_table *t, const data_binding *binding, data_role_kind kind,
                              const data_field *field, senc_buffer *out) {
    if (kind == DATA_ROLE_NUMBER) return; /* who wants numbers of any size has no label_map */
    if (t->label_map) {
        senc_buffer_append_text(out, ", which is not in label_map; put it there, or leave such rows out by "
                                     "on_unknown_label = \"skip\"");
        return;
    }
    size_t n_bytes;
    double number;
    const char *text = text_of(field, &n_bytes);
    if (field->type != DATA_FIELD_TEXT || parse_number(text, n_bytes, &number)) {
        senc_buffer_append_text(out, "; label_map says what other numbers mean");
        return;
    }
    word_list list = {0};
    int n_words = 0;
    collect_words(t, binding, kind, &list);
    for (int i = 0; i < list.n; i++) n_words += has_letter(list.words[i]);
    if (n_words > 0) {
        senc_buffer_append_text(out, "; say what the words mean, for example by ");
        append_map(&list, out);
    }
    if (n_words == list.n) return;
    senc_buffer_append_text(out, "; on_unknown_label = \"skip\" leaves out rows with");
    const char *separator = " ";
    for (int i = 0; i < list.n; i++) {
        if (has_letter(list.words[i])) continue;
        senc_buffer_printf(out, "%s\"%s\"", separator, list.words[i]);
        separator = ", ";
    }
}
