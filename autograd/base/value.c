/* A tree of values with their places: see value.h. */
#include "autograd/base/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

void senc_value_free(senc_value *v) {
    if (!v) return;
    for (int64_t i = 0; i < v->n; i++) {
        if (v->type == SENC_VALUE_ARRAY) {
            senc_value_free(v->items[i]);
        } else if (v->type == SENC_VALUE_TABLE) {
            free(v->pairs[i].key);
            senc_value_free(v->pairs[i].value);
        }
    }
    free(v->items);
    free(v->pairs);
    free(v->string);
    free(v->file_name);
    free(v);
}

senc_value *senc_value_create(senc_value_type type, senc_place place) {
    senc_value *v = senc_alloc_zero(1, sizeof *v);
    if (!v) return NULL;
    v->type = type;
    v->place = place;
    return v;
}

senc_value *senc_value_create_string(const char *text, size_t n_bytes, senc_place place) {
    senc_value *v = senc_value_create(SENC_VALUE_STRING, place);
    if (!v) return NULL;
    v->string = senc_strndup(text, n_bytes);
    v->n_bytes = n_bytes;
    if (v->string) return v;
    senc_value_free(v);
    return NULL;
}

const senc_pair *senc_value_find_pair(const senc_value *table, const char *key) {
    if (!table || table->type != SENC_VALUE_TABLE) return NULL;
    for (int64_t i = 0; i < table->n; i++) {
        if (strcmp(table->pairs[i].key, key) == 0) return &table->pairs[i];
    }
    return NULL;
}

senc_value *senc_value_find(const senc_value *table, const char *key) {
    const senc_pair *pair = senc_value_find_pair(table, key);
    return pair ? pair->value : NULL;
}

/* Room for one more element behind n: the capacity is 4, 8, 16, ..., so it follows from n alone. */
static bool grow(void **elements, int64_t n, size_t element_bytes) {
    if (n != 0 && (n < 4 || (n & (n - 1)) != 0)) return true;
    void *grown = senc_realloc(*elements, n ? (size_t)n * 2 : 4, element_bytes);
    if (grown) *elements = grown;
    return grown != NULL;
}

bool senc_value_append(senc_value *array, senc_value *item) {
    SENC_ASSERT(array->type == SENC_VALUE_ARRAY, "append to %s", senc_value_type_name(array->type));
    void *items = array->items;
    if (!item || !grow(&items, array->n, sizeof *array->items)) {
        senc_value_free(item);
        return false;
    }
    array->items = items;
    array->items[array->n++] = item;
    return true;
}

/* A pair with a key that is known to be new. */
static bool push_pair(senc_value *table, const char *key, senc_place place, senc_value *value) {
    void *pairs = table->pairs;
    if (!value || !grow(&pairs, table->n, sizeof *table->pairs)) {
        senc_value_free(value);
        return false;
    }
    table->pairs = pairs;
    char *copy = senc_strdup(key);
    if (!copy) {
        senc_value_free(value);
        return false;
    }
    table->pairs[table->n++] = (senc_pair){copy, place, value};
    return true;
}

bool senc_value_put(senc_value *table, const char *key, senc_place place, senc_value *value) {
    SENC_ASSERT(table->type == SENC_VALUE_TABLE, "put into %s", senc_value_type_name(table->type));
    senc_pair *old = (senc_pair *)senc_value_find_pair(table, key);
    if (!old) return push_pair(table, key, place, value);
    if (!value) return false;
    if (old->value != value) senc_value_free(old->value);
    old->value = value;
    old->place = place;
    return true;
}

static senc_place renamed(senc_place place, const char *old_file, const char *new_file) {
    if (place.file == old_file) place.file = new_file;
    return place;
}

static senc_value *copy_tree(const senc_value *v, const char *old_file, const char *new_file) {
    senc_value *copy = senc_value_create(v->type, renamed(v->place, old_file, new_file));
    if (!copy) return NULL;
    copy->integer = v->integer;
    copy->number = v->number;
    copy->boolean = v->boolean;
    copy->mark = v->mark;
    copy->n_bytes = v->n_bytes;
    bool ok = !v->string || (copy->string = senc_strndup(v->string, v->n_bytes)) != NULL;
    for (int64_t i = 0; ok && i < v->n; i++) {
        if (v->type == SENC_VALUE_ARRAY) {
            ok = senc_value_append(copy, copy_tree(v->items[i], old_file, new_file));
        } else {
            const senc_pair *pair = &v->pairs[i];
            ok = push_pair(copy, pair->key, renamed(pair->place, old_file, new_file),
                           copy_tree(pair->value, old_file, new_file));
        }
    }
    if (ok) return copy;
    senc_value_free(copy);
    return NULL;
}

senc_value *senc_value_copy(const senc_value *v) {
    const bool owns_name = v->place.file && v->place.line > 0; /* line 0: the name is a constant */
    char *name = owns_name ? senc_strdup(v->place.file) : NULL;
    if (owns_name && !name) return NULL;
    senc_value *copy = copy_tree(v, v->place.file, owns_name ? name : v->place.file);
    if (!copy) {
        free(name);
        return NULL;
    }
    copy->file_name = name;
    return copy;
}

/* The item of an array that a key "0", "1", ... names, or NULL. */
static senc_value **item_at(senc_value *array, const char *key) {
    int64_t index = 0;
    if (!key[0] || (key[0] == '0' && key[1])) return NULL;
    for (; *key; key++) {
        if (*key < '0' || *key > '9' || index > array->n) return NULL;
        index = index * 10 + (*key - '0');
    }
    return index < array->n ? &array->items[index] : NULL;
}

/* True when `over` changes single items of an array instead of replacing it. */
static bool names_items(const senc_value *array, const senc_value *over) {
    return array->type == SENC_VALUE_ARRAY && over->type == SENC_VALUE_TABLE;
}

static bool merge(senc_value *into, senc_value *from, senc_error *err);

static bool merge_pair(senc_value *into, senc_pair *pair, senc_error *err) {
    senc_value **slot = NULL;
    if (into->type == SENC_VALUE_ARRAY) {
        slot = item_at(into, pair->key);
        char place[512];
        if (!slot)
            return senc_fail(err, SENC_BAD_INPUT, "%s\"%s\" is no item of the array, which has %lld (counted from 0)",
                             senc_place_text(pair->place, place, sizeof place), pair->key, (long long)into->n);
    } else {
        senc_pair *old = (senc_pair *)senc_value_find_pair(into, pair->key);
        slot = old ? &old->value : NULL;
        if (old && pair->value->type != SENC_VALUE_TABLE) old->place = pair->place;
    }
    if (slot && pair->value->type == SENC_VALUE_TABLE &&
        ((*slot)->type == SENC_VALUE_TABLE || names_items(*slot, pair->value)))
        return merge(*slot, pair->value, err);
    senc_value *moved = pair->value;
    pair->value = NULL;
    if (slot) {
        senc_value_free(*slot);
        *slot = moved;
        return true;
    }
    if (push_pair(into, pair->key, pair->place, moved)) return true;
    return senc_fail_memory(err, sizeof *pair, pair->key);
}

static bool merge(senc_value *into, senc_value *from, senc_error *err) {
    for (int64_t i = 0; i < from->n; i++) {
        if (!merge_pair(into, &from->pairs[i], err)) return false;
    }
    return true;
}

bool senc_value_merge(senc_value *into, senc_value *from, senc_error *err) {
    SENC_ASSERT(into->type == SENC_VALUE_TABLE && from->type == SENC_VALUE_TABLE, "merge %s over %s",
                senc_value_type_name(from->type), senc_value_type_name(into->type));
    SENC_ASSERT(!from->file_name, "the places of a merged tree point to %s, which would be freed", from->file_name);
    const bool ok = merge(into, from, err);
    senc_value_free(from);
    return ok;
}

const char *senc_value_type_name(senc_value_type type) {
    switch (type) {
    case SENC_VALUE_STRING:
        return "a string";
    case SENC_VALUE_INTEGER:
        return "an integer";
    case SENC_VALUE_FLOAT:
        return "a float";
    case SENC_VALUE_BOOLEAN:
        return "a boolean";
    case SENC_VALUE_DATETIME:
        return "a date or time";
    case SENC_VALUE_ARRAY:
        return "an array";
    case SENC_VALUE_TABLE:
        return "a table";
    }
    return "a value";
}

const char *senc_place_text(senc_place place, char *out, size_t out_bytes) {
    const char *file = place.file ? place.file : "";
    if (place.line > 0)
        snprintf(out, out_bytes, "%s:%d:%d: ", file, place.line, place.column);
    else
        snprintf(out, out_bytes, "%s%s", file, file[0] ? ": " : "");
    return out;
}

static void print_quoted(const char *text, size_t n_bytes, bool double_dollars, senc_buffer *out) {
    senc_buffer_append_text(out, "\"");
    for (size_t i = 0; i < n_bytes; i++) {
        const unsigned char c = (unsigned char)text[i];
        switch (c) {
        case '"':
            senc_buffer_append_text(out, "\\\"");
            break;
        case '\\':
            senc_buffer_append_text(out, "\\\\");
            break;
        case '\n':
            senc_buffer_append_text(out, "\\n");
            break;
        case '\t':
            senc_buffer_append_text(out, "\\t");
            break;
        case '\r':
            senc_buffer_append_text(out, "\\r");
            break;
        case '\b':
            senc_buffer_append_text(out, "\\b");
            break;
        case '\f':
            senc_buffer_append_text(out, "\\f");
            break;
        default:
            if (double_dollars && c == '$' && i + 1 < n_bytes && text[i + 1] == '{') senc_buffer_append_text(out, "$");
            if (c < 0x20 || c == 0x7f)
                senc_buffer_printf(out, "\\u%04X", c);
            else
                senc_buffer_append(out, &text[i], 1);
        }
    }
    senc_buffer_append_text(out, "\"");
}

void senc_value_print_string(const char *text, size_t n_bytes, senc_buffer *out) {
    print_quoted(text, n_bytes, true, out);
}

void senc_value_print_key(const char *key, senc_buffer *out) {
    const char *const bare = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    if (key[0] && key[strspn(key, bare)] == '\0')
        senc_buffer_append_text(out, key);
    else
        print_quoted(key, strlen(key), false, out); /* the environment is not expanded in keys */
}

/* printf's %g with as many digits as it takes to read the same number; "2e-05" becomes "2e-5", "3" becomes "3.0". */
void senc_value_print_number(double number, senc_buffer *out) {
    char text[40];
    if (isnan(number)) {
        senc_buffer_append_text(out, "nan");
        return;
    }
    if (isinf(number)) {
        senc_buffer_append_text(out, number < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) break;
    }
    const char *exponent = strchr(text, 'e');
    if (!exponent) {
        senc_buffer_printf(out, "%s%s", text, strchr(text, '.') ? "" : ".0");
        return;
    }
    const char *digits = exponent + 1 + (exponent[1] == '-' || exponent[1] == '+');
    senc_buffer_append(out, text, (size_t)(exponent - text));
    senc_buffer_printf(out, "e%s%s", exponent[1] == '-' ? "-" : "", digits + (digits[0] == '0'));
}

void senc_value_print(const senc_value *v, senc_buffer *out) {
    switch (v->type) {
    case SENC_VALUE_STRING:
        senc_value_print_string(v->string, v->n_bytes, out);
        return;
    case SENC_VALUE_INTEGER:
        senc_buffer_printf(out, "%lld", (long long)v->integer);
        return;
    case SENC_VALUE_FLOAT:
        senc_value_print_number(v->number, out);
        return;
    case SENC_VALUE_BOOLEAN:
        senc_buffer_append_text(out, v->boolean ? "true" : "false");
        return;
    case SENC_VALUE_DATETIME:
        senc_buffer_append(out, v->string, v->n_bytes);
        return;
    case SENC_VALUE_ARRAY:
        break;
    case SENC_VALUE_TABLE:
        break;
    }
    const bool table = v->type == SENC_VALUE_TABLE;
    senc_buffer_append_text(out, table ? "{" : "[");
    for (int64_t i = 0; i < v->n; i++) {
        senc_buffer_append_text(out, i ? ", " : table ? " " : "");
        if (table) {
            senc_value_print_key(v->pairs[i].key, out);
            senc_buffer_append_text(out, " = ");
        }
        senc_value_print(table ? v->pairs[i].value : v->items[i], out);
    }
    senc_buffer_append_text(out, !table ? "]" : v->n ? " }" : "}");
}
