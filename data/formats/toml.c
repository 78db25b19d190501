/* TOML documents: tables, headers, key/value pairs, arrays, inline tables. See toml.h for what is accepted. */
#include "data/formats/toml.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/toml_parser.h"
#include "data/formats/utf8.h"

#define MAX_FILE_BYTES ((size_t)64 << 20)

/* ---- tables ---- */

static bool fail_depth(data_toml_parser *p, senc_place place) {
    return data_toml_fail(p, place, "expected at most %d levels of tables and arrays, found more", DATA_TOML_MAX_DEPTH);
}

/* "key "a" is already defined in line 3". */
static bool fail_taken(data_toml_parser *p, senc_place place, const senc_pair *old, const char *what) {
    char line[32] = "";
    if (old->place.line > 0) snprintf(line, sizeof line, " in line %d", old->place.line);
    return data_toml_fail(p, place, "%s \"%.100s\" is already defined%s", what, old->key, line);
}

/* A new table or array under a key that is not there yet. */
static senc_value *put_container(data_toml_parser *p, senc_value *table, const char *key, senc_place place,
                                 senc_value_type type, int mark) {
    senc_value *child = senc_value_create(type, place);
    if (child) child->mark = mark;
    if (child && senc_value_put(table, key, place, child)) return child;
    data_toml_fail_memory(p);
    return NULL;
}

/* The table that a dotted key goes through. It may be new, made by a dotted key, or a super-table that only headers
 * below it have named so far; a table with a header or braces of its own is complete. */
static senc_value *dotted_child(data_toml_parser *p, senc_value *table, const char *key, senc_place place) {
    const senc_pair *old = senc_value_find_pair(table, key);
    if (!old) return put_container(p, table, key, place, SENC_VALUE_TABLE, DATA_TOML_DOTTED);
    senc_value *child = old->value;
    if (child->type == SENC_VALUE_TABLE && child->mark == DATA_TOML_OPEN) child->mark = DATA_TOML_DOTTED;
    if (child->type == SENC_VALUE_TABLE && child->mark == DATA_TOML_DOTTED) return child;
    fail_taken(p, place, old, child->type == SENC_VALUE_TABLE ? "table" : "key");
    return NULL;
}

/* The table that a header goes through: new, any table without braces, or the last element of an array of tables. */
static senc_value *header_child(data_toml_parser *p, senc_value *table, const char *key, senc_place place) {
    const senc_pair *old = senc_value_find_pair(table, key);
    if (!old) return put_container(p, table, key, place, SENC_VALUE_TABLE, DATA_TOML_OPEN);
    senc_value *child = old->value;
    if (child->type == SENC_VALUE_TABLE && child->mark != DATA_TOML_FROZEN) return child;
    if (child->type == SENC_VALUE_ARRAY && child->mark == DATA_TOML_TABLES) return child->items[child->n - 1];
    fail_taken(p, place, old, child->type == SENC_VALUE_TABLE ? "inline table" : "key");
    return NULL;
}

/* [table]: each table is defined once. */
static senc_value *define_table(data_toml_parser *p, senc_value *parent, const char *key, senc_place place,
                                senc_place header) {
    const senc_pair *old = senc_value_find_pair(parent, key);
    senc_value *table = old ? old->value : put_container(p, parent, key, place, SENC_VALUE_TABLE, DATA_TOML_OPEN);
    if (!table) return NULL;
    if (table->type != SENC_VALUE_TABLE || table->mark != DATA_TOML_OPEN) {
        fail_taken(p, place, old, table->type == SENC_VALUE_TABLE ? "table" : "key");
        return NULL;
    }
    table->mark = DATA_TOML_HEADER;
    table->place = header;
    return table;
}

/* [[array]]: another element. */
static senc_value *define_element(data_toml_parser *p, senc_value *parent, const char *key, senc_place place,
                                  senc_place header) {
    const senc_pair *old = senc_value_find_pair(parent, key);
    senc_value *array = old ? old->value : put_container(p, parent, key, place, SENC_VALUE_ARRAY, DATA_TOML_TABLES);
    if (!array) return NULL;
    if (array->type != SENC_VALUE_ARRAY || array->mark != DATA_TOML_TABLES) {
        const bool is_array = array->type == SENC_VALUE_ARRAY;
        fail_taken(p, place, old, is_array ? "array" : array->type == SENC_VALUE_TABLE ? "table" : "key");
        return NULL;
    }
    senc_value *table = senc_value_create(SENC_VALUE_TABLE, header);
    if (table) table->mark = DATA_TOML_HEADER;
    if (table && senc_value_append(array, table)) return table;
    data_toml_fail_memory(p);
    return NULL;
}

/* ---- key/value pairs ---- */

/* True, and the cursor behind it, when a dot continues the key. */
static bool take_dot(data_toml_parser *p) {
    data_toml_skip_spaces(p);
    if (data_toml_peek(p) != '.') return false;
    p->at++;
    data_toml_skip_spaces(p);
    return true;
}

/* Reads a dotted key from `table` on; *table and *depth become the table of its last part, which is returned (the
 * caller frees it). */
static char *parse_dotted_key(data_toml_parser *p, senc_value **table, int *depth, senc_place *place) {
    for (;;) {
        char *key = data_toml_parse_key_part(p, place);
        if (!key || !take_dot(p)) return key;
        *table = dotted_child(p, *table, key, *place);
        free(key);
        if (!*table) return NULL;
        if (++*depth > DATA_TOML_MAX_DEPTH) {
            fail_depth(p, *place);
            return NULL;
        }
    }
}

static bool parse_pair(data_toml_parser *p, senc_value *table, int depth) {
    senc_place place;
    char *key = parse_dotted_key(p, &table, &depth, &place);
    if (!key) return false;
    const senc_pair *old = senc_value_find_pair(table, key);
    bool ok = true;
    if (data_toml_peek(p) != '=')
        ok = data_toml_fail_expected(p, "\"=\" after the key");
    else if (old)
        ok = fail_taken(p, place, old, "key");
    if (ok) {
        p->at++;
        data_toml_skip_spaces(p);
        senc_value *value = data_toml_parse_value(p, depth + 1);
        ok = value && (senc_value_put(table, key, place, value) || data_toml_fail_memory(p));
    }
    free(key);
    return ok;
}

/* ---- arrays and inline tables ---- */

static bool parse_array_items(data_toml_parser *p, senc_value *array, int depth) {
    p->at++;
    for (;;) {
        if (!data_toml_skip_lines(p)) return false;
        if (data_toml_peek(p) == ']') break;
        senc_value *item = data_toml_parse_value(p, depth + 1);
        if (!item) return false;
        if (!senc_value_append(array, item)) return data_toml_fail_memory(p);
        if (!data_toml_skip_lines(p)) return false;
        if (data_toml_peek(p) == ']') break;
        if (data_toml_peek(p) != ',') return data_toml_fail_expected(p, "\",\" or \"]\" in an array");
        p->at++;
    }
    p->at++;
    return true;
}

static bool parse_inline_pairs(data_toml_parser *p, senc_value *table, int depth) {
    p->at++;
    data_toml_skip_spaces(p);
    if (data_toml_peek(p) == '}') {
        p->at++;
        return true;
    }
    for (;;) {
        data_toml_skip_spaces(p);
        if (!parse_pair(p, table, depth)) return false;
        data_toml_skip_spaces(p);
        if (data_toml_peek(p) == '}') break;
        if (data_toml_peek(p) != ',') return data_toml_fail_expected(p, "\",\" or \"}\" in an inline table");
        p->at++;
    }
    p->at++;
    return true;
}

static senc_value *parse_container(data_toml_parser *p, int depth) {
    const bool array = data_toml_peek(p) == '[';
    const senc_place place = data_toml_place(p);
    if (depth > DATA_TOML_MAX_DEPTH) {
        fail_depth(p, place);
        return NULL;
    }
    senc_value *v = senc_value_create(array ? SENC_VALUE_ARRAY : SENC_VALUE_TABLE, place);
    if (!v) {
        data_toml_fail_memory(p);
        return NULL;
    }
    const bool ok = array ? parse_array_items(p, v, depth) : parse_inline_pairs(p, v, depth);
    v->mark = DATA_TOML_FROZEN;
    if (ok) return v;
    senc_value_free(v);
    return NULL;
}

static senc_value *parse_string_value(data_toml_parser *p) {
    const senc_place place = data_toml_place(p);
    senc_buffer text = {0};
    if (!data_toml_parse_string(p, &text)) {
        senc_buffer_free(&text);
        return NULL;
    }
    senc_value *v = senc_value_create(SENC_VALUE_STRING, place);
    if (v) {
        v->n_bytes = text.n_bytes;
        v->string = senc_buffer_take(&text);
    }
    senc_buffer_free(&text);
    if (v && v->string) return v;
    senc_value_free(v);
    data_toml_fail_memory(p);
    return NULL;
}

senc_value *data_toml_parse_value(data_toml_parser *p, int depth) {
    switch (data_toml_peek(p)) {
    case '"':
    case '\'':
        return parse_string_value(p);
    case '[':
    case '{':
        return parse_container(p, depth);
    default:
        return data_toml_parse_scalar(p);
    }
}

/* ---- the document ---- */

/* [a.b] or [[a.b]]: returns the table that the lines below it fill. *depth: its own. */
static senc_value *parse_header(data_toml_parser *p, senc_value *root, int *depth) {
    const senc_place header = data_toml_place(p);
    p->at++;
    const bool element = data_toml_peek(p) == '[';
    if (element) p->at++;
    data_toml_skip_spaces(p);
    senc_value *table = root;
    senc_place place;
    char *key = NULL;
    for (*depth = 2;; *depth += 2) { /* two: a part may stand for an array of tables and an element of it */
        key = data_toml_parse_key_part(p, &place);
        if (!key || !take_dot(p)) break;
        table = header_child(p, table, key, place);
        free(key);
        key = NULL;
        if (!table) return NULL;
        if (*depth > DATA_TOML_MAX_DEPTH) {
            fail_depth(p, place);
            return NULL;
        }
    }
    if (!key) return NULL;
    const char *close = element ? "]]" : "]";
    const size_t n_close = strlen(close);
    if ((size_t)(p->end - p->at) < n_close || memcmp(p->at, close, n_close) != 0) {
        data_toml_fail_expected(p, element ? "\"]]\" or \".\" in a header" : "\"]\" or \".\" in a header");
        table = NULL;
    } else {
        p->at += n_close;
        table = element ? define_element(p, table, key, place, header) : define_table(p, table, key, place, header);
    }
    free(key);
    return table;
}

/* Nothing but a comment may stand between a pair or header and the end of its line. */
static bool finish_line(data_toml_parser *p, const char *behind) {
    if (!data_toml_skip_comment(p)) return false;
    if (data_toml_peek(p) >= 0 && !data_toml_at_newline(p)) return data_toml_fail_expected(p, behind);
    return true;
}

static bool parse_document(data_toml_parser *p, senc_value *root) {
    senc_value *table = root;
    int depth = 1;
    for (;;) {
        if (!data_toml_skip_lines(p)) return false;
        const int c = data_toml_peek(p);
        if (c < 0) return true;
        if (c == '[') {
            table = parse_header(p, root, &depth);
            if (!table || !finish_line(p, "a newline after the header")) return false;
        } else {
            if (!parse_pair(p, table, depth) || !finish_line(p, "a newline after the value")) return false;
        }
    }
}

/* Line and byte column of the first ill-formed byte. */
static bool check_utf8(const char *text, size_t n_bytes, const char *file, bool has_lines, senc_error *err) {
    const size_t bad = data_utf8_check(text, n_bytes);
    if (bad == n_bytes) return true;
    const unsigned byte = (unsigned char)text[bad];
    if (!has_lines) return senc_fail(err, SENC_BAD_INPUT, "%s: expected UTF-8, found the byte 0x%02X", file, byte);
    size_t line = 1, line_start = 0;
    for (size_t i = 0; i < bad; i++) {
        if (text[i] != '\n') continue;
        line++;
        line_start = i + 1;
    }
    return senc_fail(err, SENC_BAD_INPUT, "%s:%zu:%zu: expected UTF-8, found the byte 0x%02X (the column counts bytes)",
                     file, line, bad - line_start + 1, byte);
}

/* ---- public ---- */

static data_toml_parser parser_at(const char *text, size_t n_bytes, const char *file, int line, senc_error *err) {
    return (data_toml_parser){.at = text,
                              .end = text + n_bytes,
                              .line = line,
                              .column_at = text,
                              .column = 1,
                              .file = file,
                              .end_name = line ? "end of file" : "end of text",
                              .err = err};
}

bool data_toml_parse(const char *text, size_t n_bytes, const char *file_name, senc_value **out, senc_error *err) {
    *out = NULL;
    if (!check_utf8(text, n_bytes, file_name, true, err)) return false;
    senc_value *root = senc_value_create(SENC_VALUE_TABLE, (senc_place){NULL, 1, 1});
    if (root) root->file_name = senc_strdup(file_name);
    if (!root || !root->file_name) {
        senc_value_free(root);
        return senc_fail(err, SENC_FAILED, "%s: out of memory", file_name);
    }
    root->place.file = root->file_name;
    root->mark = DATA_TOML_HEADER;
    const size_t mark_bytes = n_bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    data_toml_parser p = parser_at(text + mark_bytes, n_bytes - mark_bytes, root->file_name, 1, err);
    if (parse_document(&p, root)) {
        *out = root;
        return true;
    }
    senc_value_free(root);
    return false;
}

bool data_toml_load(const char *path, senc_value **out, senc_error *err) {
    size_t n_bytes;
    *out = NULL;
    char *text = senc_file_read(path, MAX_FILE_BYTES, &n_bytes, err);
    if (!text) return false;
    const bool ok = data_toml_parse(text, n_bytes, path, out, err);
    free(text);
    return ok;
}

/* A value up to the end of the text; the rest of the text as a string when it is no TOML and does not try to be. */
static senc_value *parse_assigned_value(data_toml_parser *p) {
    const int c = data_toml_peek(p);
    if (c < 0) {
        data_toml_fail_expected(p, "a value (for an empty string write \"\" with its quotes)");
        return NULL;
    }
    const bool must_be_toml = c == '"' || c == '\'' || c == '[' || c == '{';
    senc_error word_error = {0};
    data_toml_parser attempt = *p;
    if (!must_be_toml) attempt.err = &word_error;
    senc_value *value = data_toml_parse_value(&attempt, 1);
    if (value) {
        data_toml_skip_spaces(&attempt);
        if (attempt.at == attempt.end) return value;
        senc_value_free(value);
        if (must_be_toml) data_toml_fail_expected(&attempt, "nothing after the value");
    }
    if (word_error.kind == SENC_FAILED) data_toml_fail_memory(p);
    if (must_be_toml || word_error.kind == SENC_FAILED) return NULL;
    size_t n_bytes = (size_t)(p->end - p->at);
    while (p->at[n_bytes - 1] == ' ' || p->at[n_bytes - 1] == '\t') n_bytes--;
    value = senc_value_create_string(p->at, n_bytes, data_toml_place(p));
    if (!value) data_toml_fail_memory(p);
    return value;
}

bool data_toml_parse_assignment(const char *text, senc_value **out, senc_error *err) {
    static const char file[] = "--set";
    *out = NULL;
    if (!check_utf8(text, strlen(text), file, false, err)) return false;
    data_toml_parser p = parser_at(text, strlen(text), file, 0, err);
    senc_value *root = senc_value_create(SENC_VALUE_TABLE, (senc_place){.file = file});
    if (!root) return data_toml_fail_memory(&p);
    senc_value *table = root;
    senc_place place;
    int depth = 1;
    data_toml_skip_spaces(&p);
    char *key = parse_dotted_key(&p, &table, &depth, &place);
    bool ok = key != NULL;
    if (ok && data_toml_peek(&p) != '=') ok = data_toml_fail_expected(&p, "\"=\" after the key");
    if (ok) {
        p.at++;
        data_toml_skip_spaces(&p);
        senc_value *value = parse_assigned_value(&p);
        ok = value && (senc_value_put(table, key, place, value) || data_toml_fail_memory(&p));
    }
    free(key);
    if (ok)
        *out = root;
    else
        senc_value_free(root);
    return ok;
}
