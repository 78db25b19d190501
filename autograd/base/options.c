/* Option tables, reading: see options.h. Printing is in options_print.c. */
#include "autograd/base/options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"

/* What one read is about: who is asked (scope.name), where the value stands. */
typedef struct read_context {
    const senc_option *option;
    const char *scope;
    senc_error *err;
} read_context;

static void *field_of(const senc_option *o, void *target) {
    return (char *)target + o->offset;
}

static bool is_required(const senc_option *o) {
    return o->initial && strcmp(o->initial, "!") == 0;
}

/* False: the field starts as "not set". */
static bool has_initial(const senc_option *o) {
    return o->initial && !is_required(o);
}

static bool is_list(senc_option_type type) {
    return type == SENC_OPTION_TYPE_INTEGERS || type == SENC_OPTION_TYPE_REALS || type == SENC_OPTION_TYPE_STRINGS;
}

/* ---- messages ---- */

/* Room for a shortened rendering of the user's value or of what a row expects. */
typedef struct short_text {
    char text[200];
} short_text;

/* At most 60 bytes of a string, cut between characters, as one quoted line. */
static short_text describe_string(const senc_value *v) {
    short_text out = {{0}};
    size_t n = v->n_bytes, at = 0;
    const bool cut = n > 60;
    if (cut) {
        n = 57;
        while (n > 0 && ((unsigned char)v->string[n] & 0xc0) == 0x80) n--;
    }
    out.text[at++] = '"';
    for (size_t i = 0; i < n; i++) {
        const char c = v->string[i];
        if (c == '\n' || c == '\t' || c == '"' || c == '\\') out.text[at++] = '\\';
        out.text[at++] = c == '\n' ? 'n' : c == '\t' ? 't' : c == '\0' ? ' ' : c;
    }
    snprintf(out.text + at, sizeof out.text - at, "%s\"", cut ? "..." : "");
    return out;
}

static short_text describe_value(const senc_value *v) {
    short_text out = {{0}};
    senc_buffer number = {0};
    switch (v->type) {
    case SENC_VALUE_STRING:
        return describe_string(v);
    case SENC_VALUE_INTEGER:
        snprintf(out.text, sizeof out.text, "%lld", (long long)v->integer);
        break;
    case SENC_VALUE_FLOAT:
        senc_value_print_number(v->number, &number);
        snprintf(out.text, sizeof out.text, "%s", number.failed ? "a float" : senc_buffer_text(&number));
        senc_buffer_free(&number);
        break;
    case SENC_VALUE_BOOLEAN:
        snprintf(out.text, sizeof out.text, "%s", v->boolean ? "true" : "false");
        break;
    case SENC_VALUE_DATETIME:
        snprintf(out.text, sizeof out.text, "the date %.60s", v->string);
        break;
    case SENC_VALUE_ARRAY:
        snprintf(out.text, sizeof out.text, v->n ? "an array" : "an empty array");
        break;
    case SENC_VALUE_TABLE:
        snprintf(out.text, sizeof out.text, "a table");
        break;
    }
    return out;
}

/* "an integer", "a number" with the row's bounds behind: " >= 1", " <= 5", " in [0, 1]". */
static short_text with_bounds(const senc_option *o, const char *what) {
    short_text out;
    const bool low = isfinite(o->low), high = isfinite(o->high);
    if (low && high)
        snprintf(out.text, sizeof out.text, "%s in [%.12g, %.12g]", what, o->low, o->high);
    else if (low)
        snprintf(out.text, sizeof out.text, "%s >= %.12g", what, o->low);
    else if (high)
        snprintf(out.text, sizeof out.text, "%s <= %.12g", what, o->high);
    else
        snprintf(out.text, sizeof out.text, "%s", what);
    return out;
}

/* What a value of this row, or an item of a list row, must be. */
static short_text expected_of(const senc_option *o) {
    short_text out = {{0}};
    switch (o->type) {
    case SENC_OPTION_TYPE_INTEGER:
    case SENC_OPTION_TYPE_INTEGERS:
        return with_bounds(o, "an integer");
    case SENC_OPTION_TYPE_REAL:
    case SENC_OPTION_TYPE_REALS:
        return with_bounds(o, "a number");
    case SENC_OPTION_TYPE_BOOLEAN:
        return (short_text){"true or false"};
    case SENC_OPTION_TYPE_STRING:
    case SENC_OPTION_TYPE_STRINGS:
        return (short_text){"a string"};
    case SENC_OPTION_TYPE_PATH:
        return (short_text){"a path (a string)"};
    case SENC_OPTION_TYPE_BYTES:
        return (short_text){"a size such as \"4GiB\", \"500MB\" or 1048576"};
    case SENC_OPTION_TYPE_VALUE:
        return (short_text){"a value"};
    case SENC_OPTION_TYPE_CHOICE:
        break;
    }
    snprintf(out.text, sizeof out.text, "one of \"");
    for (const char *c = o->choices; *c; c++) {
        const size_t at = strlen(out.text);
        snprintf(out.text + at, sizeof out.text - at, *c == '|' ? "\", \"" : "%c", *c);
    }
    const size_t at = strlen(out.text);
    snprintf(out.text + at, sizeof out.text - at, "\"");
    return out;
}

void senc_option_describe(const senc_option *o, char *out, size_t out_bytes) {
    snprintf(out, out_bytes, "%s%s", is_list(o->type) ? "a list, each " : "", expected_of(o).text);
}

static bool fail_at(const read_context *c, senc_place place, const char *what) {
    char at[600];
    const bool scoped = c->scope && c->scope[0];
    return senc_fail(c->err, SENC_BAD_INPUT, "%s%s%s%s: %s", senc_place_text(place, at, sizeof at),
                     scoped ? c->scope : "", scoped ? "." : "", c->option->name, what);
}

/* item: its number in a list from 1, or 0 for a value of its own. */
static bool fail_expected(const read_context *c, const senc_value *v, int64_t item, const char *hint) {
    char what[700], number[40] = "";
    if (item) snprintf(number, sizeof number, "item %lld: ", (long long)item);
    snprintf(what, sizeof what, "%sexpected %s, got %s%s%s%s", number, expected_of(c->option).text,
             describe_value(v).text, hint ? "; did you mean \"" : "", hint ? hint : "", hint ? "\"?" : "");
    return fail_at(c, v->place, what);
}

/* ---- single values ---- */

static bool read_integer(const read_context *c, const senc_value *v, int64_t item, int64_t *out) {
    if (v->type != SENC_VALUE_INTEGER) return fail_expected(c, v, item, NULL);
    if (!((double)v->integer >= c->option->low && (double)v->integer <= c->option->high))
        return fail_expected(c, v, item, NULL);
    *out = v->integer;
    return true;
}

/* "inf" is a value only where it is the default, which then means "no limit". */
static bool infinity_is_meant(const senc_option *o) {
    return o->initial && isinf(strtod(o->initial, NULL));
}

static bool read_real(const read_context *c, const senc_value *v, int64_t item, double *out) {
    if (v->type != SENC_VALUE_INTEGER && v->type != SENC_VALUE_FLOAT) return fail_expected(c, v, item, NULL);
    const double x = v->type == SENC_VALUE_INTEGER ? (double)v->integer : v->number;
    if (!(x >= c->option->low && x <= c->option->high)) return fail_expected(c, v, item, NULL);
    if (isinf(x) && !infinity_is_meant(c->option)) return fail_expected(c, v, item, NULL);
    *out = x;
    return true;
}

static bool read_string(const read_context *c, const senc_value *v, int64_t item, char **out) {
    if (v->type != SENC_VALUE_STRING) return fail_expected(c, v, item, NULL);
    if (memchr(v->string, '\0', v->n_bytes)) return fail_at(c, v->place, "the string holds the character U+0000");
    char *copy = senc_strndup(v->string, v->n_bytes);
    if (!copy) return senc_fail_memory(c->err, v->n_bytes + 1, c->option->name);
    free(*out);
    *out = copy;
    return true;
}

static bool read_path(const read_context *c, const senc_value *v, int64_t item, char **out) {
    if (v->type == SENC_VALUE_STRING && v->n_bytes == 0) return fail_at(c, v->place, "expected a path, got \"\"");
    char *path = NULL;
    if (!read_string(c, v, item, &path)) return false;
    if (v->place.line > 0 && v->place.file && path[0] != '/' && strchr(v->place.file, '/')) {
        char *folder = senc_path_folder(v->place.file);
        char *joined = folder ? senc_path_resolve(folder, path) : NULL;
        free(folder);
        free(path);
        path = joined;
        if (!path) return senc_fail_memory(c->err, v->n_bytes, c->option->name);
    }
    free(*out);
    *out = path;
    return true;
}

/* The index of a name of n bytes in "a|b|c", or -1. */
static int choice_index(const char *choices, const char *name, size_t n) {
    int index = 0;
    for (const char *c = choices;; index++) {
        const size_t length = strcspn(c, "|");
        if (length == n && memcmp(c, name, n) == 0) return index;
        if (!c[length]) return -1;
        c += length + 1;
    }
}

enum { MAX_CHOICES = 64, MAX_NAME_BYTES = 64 };

static bool read_choice(const read_context *c, const senc_value *v, int *out) {
    if (v->type != SENC_VALUE_STRING) return fail_expected(c, v, 0, NULL);
    const int index = choice_index(c->option->choices, v->string, v->n_bytes);
    if (index >= 0) {
        *out = index;
        return true;
    }
    char copies[MAX_CHOICES][MAX_NAME_BYTES];
    const char *names[MAX_CHOICES];
    int64_t n = 0;
    for (const char *at = c->option->choices; n < MAX_CHOICES;) {
        const size_t length = strcspn(at, "|");
        snprintf(copies[n], sizeof copies[n], "%.*s", (int)length, at);
        names[n] = copies[n];
        n++;
        if (!at[length]) break;
        at += length + 1;
    }
    return fail_expected(c, v, 0, senc_nearest_name(v->string, names, n));
}

static bool read_bytes(const read_context *c, const senc_value *v, int64_t *out) {
    int64_t bytes = -1;
    if (v->type == SENC_VALUE_INTEGER)
        bytes = v->integer;
    else if (v->type == SENC_VALUE_STRING && strlen(v->string) == v->n_bytes && !senc_bytes_parse(v->string, &bytes))
        bytes = -1;
    if (bytes < 0) return fail_expected(c, v, 0, NULL);
    *out = bytes;
    return true;
}

/* ---- lists ---- */

static void free_list(senc_option_type type, void *field) {
    if (type == SENC_OPTION_TYPE_STRINGS) {
        senc_strings *list = field;
        for (int64_t i = 0; i < list->n; i++) free(list->items[i]);
        free(list->items);
        *list = (senc_strings){0};
    } else if (type == SENC_OPTION_TYPE_INTEGERS) {
        senc_integers *list = field;
        free(list->items);
        *list = (senc_integers){0};
    } else {
        senc_reals *list = field;
        free(list->items);
        *list = (senc_reals){0};
    }
}

/* An empty list of n zeroed items. */
static bool allocate_list(const read_context *c, void *field, int64_t n) {
    const senc_option_type type = c->option->type;
    const size_t item_bytes = type == SENC_OPTION_TYPE_STRINGS    ? sizeof(char *)
                              : type == SENC_OPTION_TYPE_INTEGERS ? sizeof(int64_t)
                                                                  : sizeof(double);
    free_list(type, field);
    void *items = senc_alloc_zero((size_t)n, item_bytes);
    if (!items) return senc_fail_memory(c->err, (size_t)n * item_bytes, c->option->name);
    if (type == SENC_OPTION_TYPE_STRINGS)
        *(senc_strings *)field = (senc_strings){items, n};
    else if (type == SENC_OPTION_TYPE_INTEGERS)
        *(senc_integers *)field = (senc_integers){items, n};
    else
        *(senc_reals *)field = (senc_reals){items, n};
    return true;
}

static bool read_item(const read_context *c, const senc_value *v, int64_t item, int64_t index, void *field) {
    switch (c->option->type) {
    case SENC_OPTION_TYPE_INTEGERS:
        return read_integer(c, v, item, &((senc_integers *)field)->items[index]);
    case SENC_OPTION_TYPE_REALS:
        return read_real(c, v, item, &((senc_reals *)field)->items[index]);
    default:
        return (c->option->low == 1 ? read_path : read_string)(c, v, item, &((senc_strings *)field)->items[index]);
    }
}

/* One value alone is a list of one. */
static bool read_list(const read_context *c, const senc_value *v, void *field) {
    const bool array = v->type == SENC_VALUE_ARRAY;
    if (!allocate_list(c, field, array ? v->n : 1)) return false;
    if (!array) return read_item(c, v, 0, 0, field);
    for (int64_t i = 0; i < v->n; i++) {
        if (!read_item(c, v->items[i], i + 1, i, field)) return false;
    }
    return true;
}

static bool read_value(const read_context *c, const senc_value *v, void *field) {
    switch (c->option->type) {
    case SENC_OPTION_TYPE_INTEGER:
        return read_integer(c, v, 0, field);
    case SENC_OPTION_TYPE_REAL:
        return read_real(c, v, 0, field);
    case SENC_OPTION_TYPE_BOOLEAN:
        if (v->type != SENC_VALUE_BOOLEAN) return fail_expected(c, v, 0, NULL);
        *(bool *)field = v->boolean;
        return true;
    case SENC_OPTION_TYPE_STRING:
        return read_string(c, v, 0, field);
    case SENC_OPTION_TYPE_PATH:
        return read_path(c, v, 0, field);
    case SENC_OPTION_TYPE_CHOICE:
        return read_choice(c, v, field);
    case SENC_OPTION_TYPE_BYTES:
        return read_bytes(c, v, field);
    case SENC_OPTION_TYPE_INTEGERS:
    case SENC_OPTION_TYPE_STRINGS:
    case SENC_OPTION_TYPE_REALS:
        return read_list(c, v, field);
    case SENC_OPTION_TYPE_VALUE:
        *(const senc_value **)field = v;
        return true;
    }
    return false;
}

/* ---- defaults: written by the programmer, so what is wrong in them is an assert ---- */

static senc_value *initial_item(const senc_option *o, const char *text, size_t n) {
    const senc_place nowhere = {0};
    if (o->type == SENC_OPTION_TYPE_STRINGS) {
        SENC_ASSERT(n >= 2 && text[0] == '"' && text[n - 1] == '"', "default of %s: %s", o->name, o->initial);
        return senc_value_create_string(text + 1, n - 2, nowhere);
    }
    const bool integer = o->type == SENC_OPTION_TYPE_INTEGERS;
    senc_value *v = senc_value_create(integer ? SENC_VALUE_INTEGER : SENC_VALUE_FLOAT, nowhere);
    if (!v) return NULL;
    char *end;
    if (integer)
        v->integer = strtoll(text, &end, 10);
    else
        v->number = strtod(text, &end);
    SENC_ASSERT(end == text + n && n > 0, "default of %s: %s", o->name, o->initial);
    return v;
}

/* "[1, 10]" or "[\"a\", \"b\"]" (no comma and no escape inside the quotes) as an array. */
static senc_value *initial_list(const senc_option *o) {
    senc_value *array = senc_value_create(SENC_VALUE_ARRAY, (senc_place){0});
    if (!array) return NULL;
    const size_t length = strlen(o->initial);
    SENC_ASSERT(length >= 2 && o->initial[0] == '[' && o->initial[length - 1] == ']', "default of %s: %s", o->name,
                o->initial);
    for (const char *at = o->initial + 1; *at != ']';) {
        at += strspn(at, " ");
        const size_t n = strcspn(at, ",]");
        if (!senc_value_append(array, initial_item(o, at, n))) {
            senc_value_free(array);
            return NULL;
        }
        at += n;
        if (*at == ',') at += 1 + strspn(at + 1, " ");
    }
    return array;
}

static int64_t initial_integer(const senc_option *o) {
    if (!has_initial(o)) return SENC_OPTION_UNSET;
    char *end;
    int64_t value = strtoll(o->initial, &end, 10);
    const bool ok = *end == '\0' || (o->type == SENC_OPTION_TYPE_BYTES && senc_bytes_parse(o->initial, &value));
    SENC_ASSERT(ok, "default of %s: %s", o->name, o->initial);
    return value;
}

static bool set_initial_list(const read_context *c, void *field) {
    const senc_option *o = c->option;
    free_list(o->type, field);
    if (!has_initial(o)) return true;
    senc_value *list = initial_list(o);
    if (!list) return senc_fail_memory(c->err, sizeof *list, o->name);
    senc_option unbounded = *o; /* a default need not lie in the row's range */
    unbounded.low = -HUGE_VAL;
    unbounded.high = HUGE_VAL;
    const read_context free_context = {&unbounded, c->scope, c->err};
    const bool ok = read_list(&free_context, list, field);
    senc_value_free(list);
    return ok;
}

static bool set_initial(const read_context *c, void *field) {
    const senc_option *o = c->option;
    const bool set = has_initial(o);
    if (is_list(o->type)) return set_initial_list(c, field);
    switch (o->type) {
    case SENC_OPTION_TYPE_INTEGER:
    case SENC_OPTION_TYPE_BYTES:
        *(int64_t *)field = initial_integer(o);
        return true;
    case SENC_OPTION_TYPE_REAL:
        *(double *)field = set ? strtod(o->initial, NULL) : (double)NAN;
        return true;
    case SENC_OPTION_TYPE_BOOLEAN:
        *(bool *)field = set && strcmp(o->initial, "true") == 0;
        return true;
    case SENC_OPTION_TYPE_CHOICE:
        *(int *)field = set ? choice_index(o->choices, o->initial, strlen(o->initial)) : -1;
        SENC_ASSERT(!set || *(int *)field >= 0, "default of %s: %s is not in %s", o->name, o->initial, o->choices);
        return true;
    case SENC_OPTION_TYPE_STRING:
    case SENC_OPTION_TYPE_PATH:
        *(char **)field = set ? senc_strdup(o->initial) : NULL;
        return !set || *(char **)field || senc_fail_memory(c->err, strlen(o->initial), o->name);
    default:
        *(const senc_value **)field = NULL;
        return true;
    }
}

/* ---- the table ---- */

static const senc_option *find_option(const senc_option *options, const char *name) {
    for (; options->name; options++) {
        if (strcmp(options->name, name) == 0) return options;
    }
    return NULL;
}

static bool is_ignored(const char *const *ignore, const char *name) {
    for (; ignore && *ignore; ignore++) {
        if (strcmp(*ignore, name) == 0) return true;
    }
    return false;
}

enum { MAX_KNOWN_NAMES = 128 };

static bool fail_unknown(const senc_option *options, const senc_pair *pair, const char *scope, const char *owner,
                         const char *const *ignore, senc_error *err) {
    const char *names[MAX_KNOWN_NAMES];
    int64_t n = 0;
    for (const senc_option *o = options; o->name && n < MAX_KNOWN_NAMES; o++) names[n++] = o->name;
    for (; ignore && *ignore && n < MAX_KNOWN_NAMES; ignore++) names[n++] = *ignore;
    const char *near = senc_nearest_name(pair->key, names, n);
    char what[400];
    snprintf(what, sizeof what, "unknown key%s%s%s%s%s", owner ? " for " : "", owner ? owner : "",
             near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    const senc_option stranger = {.name = pair->key};
    const read_context context = {&stranger, scope, err};
    return fail_at(&context, pair->place, what);
}

static bool read_pairs(const senc_option *options, void *target, const senc_value *table, const char *scope,
                       const char *owner, const char *const *ignore, senc_error *err) {
    for (int64_t i = 0; i < table->n; i++) {
        const senc_pair *pair = &table->pairs[i];
        const senc_option *o = find_option(options, pair->key);
        if (!o && is_ignored(ignore, pair->key)) continue;
        if (!o) return fail_unknown(options, pair, scope, owner, ignore, err);
        const read_context context = {o, scope, err};
        if (!read_value(&context, pair->value, field_of(o, target))) return false;
    }
    return true;
}

bool senc_options_read(const senc_option *options, void *target, const senc_value *table, const char *scope,
                       const char *owner, const char *const *ignore, senc_error *err) {
    for (const senc_option *o = options; o->name; o++) {
        const read_context context = {o, scope, err};
        if (!set_initial(&context, field_of(o, target))) return false;
    }
    if (table && table->type != SENC_VALUE_TABLE) {
        char at[600];
        return senc_fail(err, SENC_BAD_INPUT, "%s%s: expected a table, got %s",
                         senc_place_text(table->place, at, sizeof at), scope ? scope : "", describe_value(table).text);
    }
    if (table && !read_pairs(options, target, table, scope, owner, ignore, err)) return false;
    for (const senc_option *o = options; o->name; o++) {
        const read_context context = {o, scope, err};
        if (is_required(o) && !senc_value_find(table, o->name))
            return fail_at(&context, table ? table->place : (senc_place){0}, "this required key is missing");
    }
    return true;
}

void senc_options_free(const senc_option *options, void *target) {
    for (const senc_option *o = options; o->name; o++) {
        void *field = field_of(o, target);
        if (is_list(o->type)) free_list(o->type, field);
        if (o->type != SENC_OPTION_TYPE_STRING && o->type != SENC_OPTION_TYPE_PATH) continue;
        free(*(char **)field);
        *(char **)field = NULL;
    }
}
