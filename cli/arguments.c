/* The command line of a command: see arguments.h. */
#include "cli/arguments.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/terminal.h"

#define HELP_COLUMNS 80
#define MAX_NAMES    64 /* flags of a command, the common ones included */

static const senc_option common_flags[] = {
    SENC_OPTION_BOOLEAN(cli_common, help, "false", "show this text"),
    SENC_OPTION_BOOLEAN(cli_common, quiet, "false", "no messages but errors"),
    SENC_OPTION_INTEGER(cli_common, threads, "0", 0, 256, "threads to compute with; 0: one for each CPU"),
    {0},
};

const char *cli_flag_name(const senc_option *flag, char *out, size_t out_bytes) {
    snprintf(out, out_bytes, "%s%s", flag->name[1] ? "--" : "-", flag->name);
    for (char *p = out; *p; p++) {
        if (*p == '_') *p = '-';
    }
    return out;
}

/* The tables that are searched for a flag, and the structs behind them. */
typedef struct flag_tables {
    const senc_option *rows[2];
    void *targets[2];
} flag_tables;

static bool is_named(const senc_option *flag, const char *text, size_t n_bytes) {
    char name[64];
    cli_flag_name(flag, name, sizeof name);
    return strlen(name) == n_bytes && memcmp(name, text, n_bytes) == 0;
}

/* The row of a flag given as "--name" or "--no-name" (negated), and the struct it belongs to. */
static const senc_option *find_flag(const flag_tables *tables, const char *text, size_t n_bytes, void **target,
                                    bool *negated) {
    for (int t = 0; t < 2; t++) {
        for (const senc_option *row = tables->rows[t]; row && row->name; row++) {
            *target = tables->targets[t];
            *negated = false;
            if (is_named(row, text, n_bytes)) return row;
            char positive[64] = "--";
            if (row->type != SENC_OPTION_TYPE_BOOLEAN || n_bytes < 6 || n_bytes >= sizeof positive) continue;
            if (memcmp(text, "--no-", 5) != 0) continue;
            memcpy(positive + 2, text + 5, n_bytes - 5);
            *negated = true;
            if (is_named(row, positive, n_bytes - 3)) return row;
        }
    }
    return NULL;
}

static bool fail_unknown(const cli_command *command, const flag_tables *tables, const char *text, size_t n_bytes,
                         senc_error *err) {
    static char spelled[MAX_NAMES][64];
    const char *names[MAX_NAMES];
    int64_t n = 0;
    for (int t = 0; t < 2; t++) {
        for (const senc_option *row = tables->rows[t]; row && row->name && n < MAX_NAMES; row++, n++)
            names[n] = cli_flag_name(row, spelled[n], sizeof spelled[n]);
    }
    char given[64];
    snprintf(given, sizeof given, "%.*s", (int)(n_bytes < 63 ? n_bytes : 63), text);
    const char *nearest = senc_nearest_name(given, names, n);
    if (nearest)
        return senc_fail(err, SENC_BAD_INPUT, "%s: unknown flag of senc %s; did you mean %s?", given, command->name,
                         nearest);
    return senc_fail(err, SENC_BAD_INPUT, "%s: unknown flag of senc %s", given, command->name);
}

static bool fail_value(const senc_option *flag, const char *name, const char *value, senc_error *err) {
    char expected[256];
    senc_option_describe(flag, expected, sizeof expected);
    return senc_fail(err, SENC_BAD_INPUT, "%s: expected %s, got \"%s\"", name, expected, value);
}

static bool set_number(const senc_option *flag, void *field, const char *name, const char *value, senc_error *err) {
    char *end;
    errno = 0;
    if (flag->type == SENC_OPTION_TYPE_INTEGER) {
        const long long number = strtoll(value, &end, 10);
        const bool ok =
            end != value && !*end && errno == 0 && (double)number >= flag->low && (double)number <= flag->high;
        if (!ok) return fail_value(flag, name, value, err);
        *(int64_t *)field = number;
        return true;
    }
    const double number = strtod(value, &end);
    if (end == value || *end || !(number >= flag->low && number <= flag->high))
        return fail_value(flag, name, value, err);
    *(double *)field = number;
    return true;
}

static bool set_choice(const senc_option *flag, int *field, const char *name, const char *value, senc_error *err) {
    const size_t n_bytes = strlen(value);
    int index = 0;
    for (const char *p = flag->choices; p; index++) {
        const size_t n = strcspn(p, "|");
        if (n == n_bytes && memcmp(p, value, n) == 0) {
            *field = index;
            return true;
        }
        p = p[n] ? p + n + 1 : NULL;
    }
    return fail_value(flag, name, value, err);
}

static bool set_switch(bool *field, const char *name, const char *value, senc_error *err) {
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(value, words[i]) != 0) continue;
        *field = i % 2 == 1;
        return true;
    }
    return senc_fail(err, SENC_BAD_INPUT, "%s: expected yes or no, got \"%s\"", name, value);
}

static bool add_string(senc_strings *list, const char *value, senc_error *err) {
    char *copy = senc_strdup(value);
    char **grown = copy ? senc_realloc(list->items, (size_t)list->n + 1, sizeof *grown) : NULL;
    if (grown) {
        list->items = grown;
        list->items[list->n++] = copy;
        return true;
    }
    free(copy);
    return senc_fail_memory(err, strlen(value), "an argument");
}

static bool set_flag(const senc_option *flag, void *target, const char *name, const char *value, senc_error *err) {
    void *field = (char *)target + flag->offset;
    switch (flag->type) {
    case SENC_OPTION_TYPE_INTEGER:
    case SENC_OPTION_TYPE_REAL:
        return set_number(flag, field, name, value, err);
    case SENC_OPTION_TYPE_BOOLEAN:
        return set_switch(field, name, value, err);
    case SENC_OPTION_TYPE_CHOICE:
        return set_choice(flag, field, name, value, err);
    case SENC_OPTION_TYPE_BYTES:
        if (senc_bytes_parse(value, field)) return true;
        return fail_value(flag, name, value, err);
    case SENC_OPTION_TYPE_STRINGS:
        return add_string(field, value, err);
    case SENC_OPTION_TYPE_STRING:
    case SENC_OPTION_TYPE_PATH: {
        char *copy = senc_strdup(value);
        if (!copy) return senc_fail_memory(err, strlen(value), "an argument");
        free(*(char **)field);
        *(char **)field = copy;
        return true;
    }
    default:
        SENC_ASSERT(false, "flag %s has type %d, which no command line has", flag->name, (int)flag->type);
    }
    return false;
}

static bool add_given(cli_call *call, const senc_option *flag, const char *value, senc_error *err) {
    cli_given *grown = senc_realloc(call->given, (size_t)call->n_given + 1, sizeof *grown);
    if (!grown) return senc_fail_memory(err, sizeof *grown, "an argument");
    call->given = grown;
    call->given[call->n_given++] = (cli_given){flag, value};
    return true;
}

/* Reads the flag at arguments[*at], and its value from there or from the next argument. */
static bool read_flag(const cli_command *command, const flag_tables *tables, int n_arguments, char **arguments, int *at,
                      cli_call *call, senc_error *err) {
    const char *text = arguments[*at], *value = NULL;
    const size_t n_bytes = strcspn(text, "=");
    if (text[n_bytes]) value = text + n_bytes + 1;
    void *target;
    bool negated;
    const bool is_short_help = strcmp(text, "-h") == 0;
    const senc_option *flag =
        find_flag(tables, is_short_help ? "--help" : text, is_short_help ? 6 : n_bytes, &target, &negated);
    if (!flag) return fail_unknown(command, tables, text, n_bytes, err);
    char name[64];
    cli_flag_name(flag, name, sizeof name);
    if (negated) {
        if (value) return senc_fail(err, SENC_BAD_INPUT, "%.*s: takes no value", (int)n_bytes, text);
        value = "no";
    } else if (!value && flag->type == SENC_OPTION_TYPE_BOOLEAN) {
        value = "yes";
    } else if (!value) {
        if (*at + 1 >= n_arguments) return senc_fail(err, SENC_BAD_INPUT, "%s: a value must follow", name);
        value = arguments[++*at];
        /* "--column --output f": the value was forgotten. "-" and negative numbers are values. */
        void *other;
        const size_t n_value = strcspn(value, "=");
        if (value[0] == '-' && value[1] && find_flag(tables, value, n_value, &other, &negated))
            return senc_fail(err, SENC_BAD_INPUT, "%s: a value must follow, got the flag %s", name, value);
    }
    return set_flag(flag, target, name, value, err) && add_given(call, flag, value, err);
}

static bool is_given(const cli_call *call, const senc_option *flag) {
    for (int64_t i = 0; i < call->n_given; i++) {
        if (call->given[i].flag == flag) return true;
    }
    return false;
}

static bool check_complete(const cli_command *command, const cli_call *call, senc_error *err) {
    for (const senc_option *row = command->flags; row && row->name; row++) {
        if (!row->initial || strcmp(row->initial, "!") != 0 || is_given(call, row)) continue;
        char name[64];
        return senc_fail(err, SENC_BAD_INPUT, "%s: missing: %s", cli_flag_name(row, name, sizeof name), row->help);
    }
    if (call->n_positionals < command->min_positionals)
        return senc_fail(err, SENC_BAD_INPUT, "senc %s: %s is missing", command->name, command->positional);
    if (command->max_positionals >= 0 && call->n_positionals > command->max_positionals)
        return senc_fail(err, SENC_BAD_INPUT, "senc %s: unexpected argument \"%s\"", command->name,
                         call->positionals[command->max_positionals]);
    return true;
}

/* As senc_options_read sets them, but a required flag ("!") is looked for at the end, when all flags have been read. */
static bool set_defaults(const senc_option *rows, void *target, senc_error *err) {
    for (const senc_option *row = rows; row && row->name; row++) {
        void *field = (char *)target + row->offset;
        if (row->initial && strcmp(row->initial, "!") != 0) {
            if (!set_flag(row, target, row->name, row->initial, err)) return false;
        } else if (row->type == SENC_OPTION_TYPE_INTEGER || row->type == SENC_OPTION_TYPE_BYTES) {
            *(int64_t *)field = SENC_OPTION_UNSET;
        } else if (row->type == SENC_OPTION_TYPE_REAL) {
            *(double *)field = NAN;
        } else if (row->type == SENC_OPTION_TYPE_CHOICE) {
            *(int *)field = -1;
        }
    }
    return true;
}

bool cli_arguments_parse(const cli_command *command, int n_arguments, char **arguments, cli_call *call,
                         cli_common *common, senc_error *err) {
    const flag_tables tables = {{command->flags, common_flags}, {call->flags, common}};
    call->positionals = senc_alloc((size_t)n_arguments, sizeof *call->positionals);
    if (!call->positionals) return senc_fail_memory(err, (size_t)n_arguments, "the arguments");
    for (int t = 0; t < 2; t++) {
        if (!set_defaults(tables.rows[t], tables.targets[t], err)) return false;
    }
    bool flags_ended = false;
    for (int i = 0; i < n_arguments; i++) {
        char *text = arguments[i];
        if (!flags_ended && strcmp(text, "--") == 0) {
            flags_ended = true;
        } else if (!flags_ended && text[0] == '-' && text[1]) {
            if (!read_flag(command, &tables, n_arguments, arguments, &i, call, err)) return false;
        } else {
            call->positionals[call->n_positionals++] = text;
        }
    }
    call->threads = common->threads;
    return common->help || check_complete(command, call, err);
}

void cli_arguments_free(const cli_command *command, cli_call *call) {
    for (const senc_option *row = command->flags; row && row->name; row++) {
        void *field = (char *)call->flags + row->offset;
        if (row->type == SENC_OPTION_TYPE_STRING || row->type == SENC_OPTION_TYPE_PATH) free(*(char **)field);
        if (row->type != SENC_OPTION_TYPE_STRINGS) continue;
        senc_strings *list = field;
        for (int64_t i = 0; i < list->n; i++) free(list->items[i]);
        free(list->items);
    }
    free(call->positionals);
    free(call->given);
    free(call->flags);
    *call = (cli_call){0};
}

/* What stands behind a flag in --help: " N", " FILE", " cosine|dot". */
static const char *value_word(const senc_option *flag) {
    switch (flag->type) {
    case SENC_OPTION_TYPE_INTEGER:
        return " N";
    case SENC_OPTION_TYPE_REAL:
        return " X";
    case SENC_OPTION_TYPE_PATH:
        return " PATH";
    case SENC_OPTION_TYPE_CHOICE:
        return " WORD";
    case SENC_OPTION_TYPE_BYTES:
        return " SIZE";
    case SENC_OPTION_TYPE_BOOLEAN:
        return "";
    default:
        return " TEXT";
    }
}

static void append_choices(senc_buffer *text, const char *choices) {
    for (const char *p = choices; *p;) {
        const size_t n = strcspn(p, "|");
        if (p != choices) senc_buffer_append_text(text, ", ");
        senc_buffer_append(text, p, n);
        p += p[n] ? n + 1 : n;
    }
}

static void add_help_rows(const senc_option *rows, senc_grid *grid) {
    for (const senc_option *row = rows; row && row->name; row++) {
        char name[64];
        cli_flag_name(row, name, sizeof name);
        const bool has_word = row->choices && row->type != SENC_OPTION_TYPE_CHOICE;
        senc_grid_add(grid, "%s%s%s", name, has_word ? " " : "", has_word ? row->choices : value_word(row));
        const bool is_switch = row->type == SENC_OPTION_TYPE_BOOLEAN && strcmp(row->initial, "false") == 0;
        const bool shows_default = row->initial && row->initial[0] && row->initial[0] != '[' && !is_switch;
        senc_buffer text = {0};
        senc_buffer_append_text(&text, row->help);
        if (row->type == SENC_OPTION_TYPE_CHOICE) {
            senc_buffer_append_text(&text, ": ");
            append_choices(&text, row->choices);
        }
        if (row->type == SENC_OPTION_TYPE_STRINGS && !strstr(row->help, "repeated"))
            senc_buffer_append_text(&text, "; may be repeated");
        if (row->initial && strcmp(row->initial, "!") == 0)
            senc_buffer_append_text(&text, " (required)");
        else if (shows_default)
            senc_buffer_printf(&text, " (default %s)", row->initial);
        senc_grid_add(grid, "%s", senc_buffer_text(&text));
        grid->failed = grid->failed || text.failed;
        senc_buffer_free(&text);
    }
}

void cli_arguments_help(const cli_command *command, senc_buffer *out) {
    char usage[64];
    snprintf(usage, sizeof usage, "usage: senc %s ", command->name);
    senc_buffer_append_text(out, usage);
    senc_text_wrap(out, command->synopsis, (int64_t)strlen(usage), 4, HELP_COLUMNS);
    senc_buffer_append_text(out, "\n");
    senc_text_wrap(out, command->help, 0, 0, HELP_COLUMNS);
    senc_buffer_append_text(out, "\n");
    senc_grid grid;
    senc_grid_init(&grid, "ll");
    add_help_rows(command->flags, &grid);
    add_help_rows(common_flags, &grid);
    senc_grid_print(&grid, 2, HELP_COLUMNS, out);
    senc_grid_free(&grid);
    if (!command->details) return;
    senc_buffer_append_text(out, "\n");
    senc_text_wrap(out, command->details, 0, 0, HELP_COLUMNS);
}
