/* Option tables: printing as TOML, names nearest to a wrong one, sizes in bytes. See options.h. */
#include "autograd/base/options.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- printing ---- */

static void print_text(const char *text, senc_buffer *out) {
    senc_value_print_string(text, strlen(text), out);
}

/* A relative path as an absolute one; as it is where the current folder is unknown. */
static void print_path(const char *path, senc_buffer *out) {
    char *folder = path[0] == '/' ? NULL : getcwd(NULL, 0);
    senc_buffer full = {0};
    if (folder) senc_buffer_printf(&full, "%s/", strcmp(folder, "/") == 0 ? "" : folder);
    senc_buffer_append_text(&full, strncmp(path, "./", 2) == 0 && folder ? path + 2 : path);
    if (full.failed)
        out->failed = true;
    else
        print_text(full.data, out);
    senc_buffer_free(&full);
    free(folder);
}

/* An exact size in the largest unit that divides it. */
static void print_bytes(int64_t bytes, senc_buffer *out) {
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    int unit = -1;
    while (bytes != 0 && unit < 3 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    if (unit < 0)
        senc_buffer_printf(out, "%lld", (long long)bytes);
    else
        senc_buffer_printf(out, "\"%lld%s\"", (long long)bytes, units[unit]);
}

static int64_t list_length(senc_option_type type, const void *field) {
    if (type == SENC_OPTION_TYPE_INTEGERS) return ((const senc_integers *)field)->n;
    if (type == SENC_OPTION_TYPE_REALS) return ((const senc_reals *)field)->n;
    return ((const senc_strings *)field)->n;
}

static void print_list(const senc_option *o, const void *field, senc_buffer *out) {
    senc_buffer_append_text(out, "[");
    for (int64_t i = 0; i < list_length(o->type, field); i++) {
        if (i) senc_buffer_append_text(out, ", ");
        if (o->type == SENC_OPTION_TYPE_INTEGERS)
            senc_buffer_printf(out, "%lld", (long long)((const senc_integers *)field)->items[i]);
        else if (o->type == SENC_OPTION_TYPE_REALS)
            senc_value_print_number(((const senc_reals *)field)->items[i], out);
        else if (o->low == 1)
            print_path(((const senc_strings *)field)->items[i], out);
        else
            print_text(((const senc_strings *)field)->items[i], out);
    }
    senc_buffer_append_text(out, "]");
}

static void print_choice(const char *choices, int index, senc_buffer *out) {
    for (; index > 0 && *choices; index--) {
        choices += strcspn(choices, "|");
        if (*choices) choices++;
    }
    senc_value_print_string(choices, strcspn(choices, "|"), out);
}

static bool in_range(const senc_option *o, double x) {
    return x >= o->low && x <= o->high;
}

/* False: not set, or a default outside the range that a user's value must keep to. */
static bool is_printable(const senc_option *o, const void *field) {
    switch (o->type) {
    case SENC_OPTION_TYPE_INTEGER: {
        const int64_t value = *(const int64_t *)field;
        return value != SENC_OPTION_UNSET && in_range(o, (double)value);
    }
    case SENC_OPTION_TYPE_REAL:
        return in_range(o, *(const double *)field);
    case SENC_OPTION_TYPE_BYTES:
        return *(const int64_t *)field >= 0;
    case SENC_OPTION_TYPE_CHOICE:
        return *(const int *)field >= 0;
    case SENC_OPTION_TYPE_STRING:
    case SENC_OPTION_TYPE_PATH:
        return *(char *const *)field != NULL;
    case SENC_OPTION_TYPE_VALUE:
        return *(const senc_value *const *)field != NULL;
    case SENC_OPTION_TYPE_BOOLEAN:
    case SENC_OPTION_TYPE_INTEGERS:
    case SENC_OPTION_TYPE_STRINGS:
    case SENC_OPTION_TYPE_REALS:
        break;
    }
    return true;
}

static void print_field(const senc_option *o, const void *field, senc_buffer *out) {
    switch (o->type) {
    case SENC_OPTION_TYPE_INTEGER:
        senc_buffer_printf(out, "%lld", (long long)*(const int64_t *)field);
        break;
    case SENC_OPTION_TYPE_REAL:
        senc_value_print_number(*(const double *)field, out);
        break;
    case SENC_OPTION_TYPE_BOOLEAN:
        senc_buffer_append_text(out, *(const bool *)field ? "true" : "false");
        break;
    case SENC_OPTION_TYPE_STRING:
        print_text(*(char *const *)field, out);
        break;
    case SENC_OPTION_TYPE_PATH:
        print_path(*(char *const *)field, out);
        break;
    case SENC_OPTION_TYPE_CHOICE:
        print_choice(o->choices, *(const int *)field, out);
        break;
    case SENC_OPTION_TYPE_BYTES:
        print_bytes(*(const int64_t *)field, out);
        break;
    case SENC_OPTION_TYPE_INTEGERS:
    case SENC_OPTION_TYPE_STRINGS:
    case SENC_OPTION_TYPE_REALS:
        print_list(o, field, out);
        break;
    case SENC_OPTION_TYPE_VALUE:
        senc_value_print(*(const senc_value *const *)field, out);
        break;
    }
}

static void print_help(const senc_option *o, size_t line_bytes, senc_buffer *out) {
    const size_t column = 36; /* help starts here, or three spaces behind a longer value */
    const int gap = line_bytes + 3 > column ? 3 : (int)(column - line_bytes);
    senc_buffer_printf(out, "%*s# %s", gap, "", o->help ? o->help : "");
    if (o->type == SENC_OPTION_TYPE_CHOICE || o->choices) {
        senc_buffer_append_text(out, " (");
        for (const char *c = o->choices; *c; c++) {
            if (*c == '|')
                senc_buffer_append_text(out, ", ");
            else
                senc_buffer_append(out, c, 1);
        }
        senc_buffer_append_text(out, ")");
    }
}

void senc_options_print(const senc_option *options, const void *target, bool with_help, senc_buffer *out) {
    size_t width = 0;
    for (const senc_option *o = options; o->name; o++) width = strlen(o->name) > width ? strlen(o->name) : width;
    for (const senc_option *o = options; o->name; o++) {
        const void *field = (const char *)target + o->offset;
        const size_t start = out->n_bytes;
        if (is_printable(o, field)) {
            senc_buffer_printf(out, "%-*s = ", (int)width, o->name);
            print_field(o, field, out);
        } else {
            char expected[300];
            senc_option_describe(o, expected, sizeof expected);
            senc_buffer_printf(out, "# %-*s = (not set: %s)", (int)width, o->name, expected);
        }
        if (with_help) print_help(o, out->n_bytes - start, out);
        senc_buffer_append_text(out, "\n");
    }
}

/* ---- the nearest name ---- */

enum { MAX_NAME = 64 };

static int lower(char c) {
    return tolower((unsigned char)c);
}

static int least(int a, int b) {
    return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap of two neighbours) that turn a into b; the restricted Damerau-Levenshtein
 * distance by three rows of its table. Both are shorter than MAX_NAME. */
static int edit_distance(const char *a, const char *b) {
    int rows[3][MAX_NAME + 1];
    const int n_a = (int)strlen(a), n_b = (int)strlen(b);
    for (int j = 0; j <= n_b; j++) rows[0][j] = j;
    for (int i = 1; i <= n_a; i++) {
        int *row = rows[i % 3];
        const int *above = rows[(i + 2) % 3], *above_that = rows[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= n_b; j++) {
            const bool same = lower(a[i - 1]) == lower(b[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
                row[j] = least(row[j], above_that[j - 2] + 1);
        }
    }
    return rows[n_a % 3][n_b];
}

const char *senc_nearest_name(const char *wrong, const char *const *names, int64_t n) {
    const int length = (int)strnlen(wrong, MAX_NAME);
    if (length >= MAX_NAME) return NULL;
    const char *best = NULL;
    int best_distance = (length / 3 > 2 ? length / 3 : 2) + 1;
    for (int64_t i = 0; i < n; i++) {
        const int other = (int)strnlen(names[i], MAX_NAME);
        if (other >= MAX_NAME) continue;
        const int distance = edit_distance(wrong, names[i]);
        if (distance < best_distance && distance < least(length, other)) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best;
}

/* ---- sizes ---- */

/* The factor of "", "B", "kB", "KiB", ...; 0 for anything else. */
static double unit_factor(const char *unit) {
    static const char letters[] = "KMGT";
    if (!unit[0] || strcasecmp(unit, "B") == 0) return 1;
    const char *letter = strchr(letters, toupper((unsigned char)unit[0]));
    const bool binary = strcasecmp(unit + 1, "iB") == 0;
    if (!letter || (!binary && strcasecmp(unit + 1, "B") != 0)) return 0;
    return pow(binary ? 1024 : 1000, (double)(letter - letters + 1));
}

bool senc_bytes_parse(const char *text, int64_t *bytes) {
    const size_t n_digits = strspn(text, "0123456789");
    const size_t n_fraction = n_digits && text[n_digits] == '.' ? strspn(text + n_digits + 1, "0123456789") : 0;
    const char *unit = text + n_digits + (n_fraction ? n_fraction + 1 : 0);
    if (!n_digits) return false;
    unit += strspn(unit, " ");
    const double factor = unit_factor(unit);
    if (factor == 0) return false;
    if (!n_fraction) { /* whole numbers stay exact beyond 2^53 */
        int64_t whole = 0;
        for (const char *c = text; c < text + n_digits; c++) {
            if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, *c - '0', &whole))
                return false;
        }
        return !__builtin_mul_overflow(whole, (int64_t)factor, bytes);
    }
    const double total = strtod(text, NULL) * factor;
    if (!(total < 0x1p63)) return false;
    *bytes = (int64_t)total;
    return true;
}

const char *senc_bytes_text(int64_t bytes, char *out, size_t out_bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    int unit = 0;
    while (unit < 4 && fabs(value) >= 1024) {
        value /= 1024;
        unit++;
    }
    if (unit == 0)
        snprintf(out, out_bytes, "%lld B", (long long)bytes);
    else
        snprintf(out, out_bytes, "%.*f %s", fabs(value) < 10 && value != floor(value) ? 1 : 0, value, units[unit]);
    return out;
}
