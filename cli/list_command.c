/* senc list: what there is of each kind, from the registries, with the option tables that are also parser and check. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/terminal.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/output.h"
#include "data/readers/readers.h"
#include "data/tokenizers/tokenizer_parts.h"
#include "eval/evaluator.h"
#include "eval/system.h"
#include "losses/loss.h"
#include "nn/architecture.h"
#include "train/config.h"

#define LONG_DEFAULT 12 /* a longer one would leave no room for the meaning */

typedef struct list_flags {
    bool options, markdown;
} list_flags;

static const senc_option flags[] = {
    SENC_OPTION_BOOLEAN(list_flags, options, "false", "with the keys of each, their defaults and meaning"),
    SENC_OPTION_BOOLEAN(list_flags, markdown, "false", "as Markdown tables"),
    {0},
};

typedef struct list_entry {
    const char *name;
    const char *help;
    const senc_option *options; /* NULL: none */
    const char *aliases;        /* "a|b"; NULL: none */
} list_entry;

/* A kind's entry i; false behind the last. */
typedef bool list_get(int i, list_entry *out);

static bool get_architecture(int i, list_entry *out) {
    int n;
    const nn_architecture *const *all = nn_architecture_all(&n);
    if (i >= n) return false;
    *out = (list_entry){all[i]->name, "config.json's model_type", NULL, NULL};
    return true;
}

static bool get_command(int i, list_entry *out) {
    int n;
    const cli_command *const *all = cli_command_all(&n);
    if (i >= n) return false;
    *out = (list_entry){all[i]->name, all[i]->help, all[i]->flags, NULL};
    return true;
}

static bool get_config(int i, list_entry *out) {
    const list_entry sections[] = {
        {"[model]", "what to train", train_model_options, NULL},
        {"[[data]]", "what to train on; several tables are read one behind the other", data_source_options, NULL},
        {"[train]", "how to train", train_settings_options, NULL},
        {"[output]", "where the results go", train_output_options, NULL},
    };
    if (i >= (int)(sizeof sections / sizeof *sections)) return false;
    *out = sections[i];
    return true;
}

static bool get_evaluator(int i, list_entry *out) {
    int n;
    const eval_spec *const *all = eval_all(&n);
    if (i >= n) return false;
    *out = (list_entry){all[i]->name, all[i]->help, all[i]->options, NULL};
    return true;
}

static bool get_loss(int i, list_entry *out) {
    int n;
    const loss_spec *const *all = loss_all(&n);
    if (i >= n) return false;
    *out = (list_entry){all[i]->name, all[i]->help, all[i]->options, all[i]->aliases};
    return true;
}

static bool get_reader(int i, list_entry *out) {
    for (int j = 0; j <= i; j++) {
        if (!data_readers[j]) return false;
    }
    *out = (list_entry){data_readers[i]->name, data_readers[i]->help, NULL, NULL};
    return true;
}

static bool get_system(int i, list_entry *out) {
    *out = (list_entry){0};
    return eval_system_list(i, &out->name, &out->help, &out->options);
}

static bool get_tokenizer(int i, list_entry *out) {
#define DATA_MODEL(name) extern const data_model_kind data_model_##name;
#include "data/tokenizers.def"
#undef DATA_MODEL
    static const data_model_kind *const kinds[] = {
#define DATA_MODEL(name) &data_model_##name,
#include "data/tokenizers.def"
#undef DATA_MODEL
    };
    if (i >= (int)(sizeof kinds / sizeof *kinds)) return false;
    *out = (list_entry){kinds[i]->type, "model.type in tokenizer.json", NULL, NULL};
    return true;
}

static const struct list_kind {
    const char *name, *help;
    list_get *get;
} kinds[] = {
    {"architectures", "encoders that can be read, trained and written", get_architecture},
    {"commands", "commands of senc and their flags", get_command},
    {"config", "sections of a training configuration and their keys", get_config},
    {"evaluators", "[[eval]] type", get_evaluator},
    {"losses", "[loss] type", get_loss},
    {"readers", "formats of data files", get_reader},
    {"systems", "what senc eval and compare measure", get_system},
    {"tokenizers", "kinds of tokenizer", get_tokenizer},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

/* "integer", "a | b", ...: the types as a reader of documentation wants them; the parser's messages say more. */
static void append_type(const senc_option *option, senc_buffer *out) {
    switch (option->type) {
    case SENC_OPTION_TYPE_INTEGER:
        senc_buffer_append_text(out, "integer");
        break;
    case SENC_OPTION_TYPE_REAL:
        senc_buffer_append_text(out, "number");
        break;
    case SENC_OPTION_TYPE_BOOLEAN:
        senc_buffer_append_text(out, "true or false");
        break;
    case SENC_OPTION_TYPE_STRING:
        senc_buffer_append_text(out, "text");
        break;
    case SENC_OPTION_TYPE_PATH:
        senc_buffer_append_text(out, "path");
        break;
    case SENC_OPTION_TYPE_BYTES:
        senc_buffer_append_text(out, "size");
        break;
    case SENC_OPTION_TYPE_INTEGERS:
        senc_buffer_append_text(out, "integers");
        break;
    case SENC_OPTION_TYPE_STRINGS:
        senc_buffer_append_text(out, "texts");
        break;
    case SENC_OPTION_TYPE_REALS:
        senc_buffer_append_text(out, "numbers");
        break;
    case SENC_OPTION_TYPE_VALUE:
        senc_buffer_append_text(out, "table");
        break;
    case SENC_OPTION_TYPE_CHOICE:
        for (const char *p = option->choices; *p; p++) {
            if (*p == '|')
                senc_buffer_append_text(out, ", ");
            else
                senc_buffer_append(out, p, 1);
        }
    }
}

/* Key, default, meaning; for Markdown also the type, which is clear from the default for most. */
static void add_option(const senc_option *option, bool is_command, bool markdown, senc_grid *grid) {
    char name[64];
    senc_buffer type = {0};
    append_type(option, &type);
    if (is_command) cli_flag_name(option, name, sizeof name);
    senc_grid_add(grid, "%s", is_command ? name : option->name);
    if (markdown) senc_grid_add(grid, "%s", senc_buffer_text(&type));
    const bool is_required = option->initial && strcmp(option->initial, "!") == 0;
    const char *initial = is_required ? "required" : option->initial ? option->initial : "-";
    const bool is_long = !markdown && strlen(initial) > LONG_DEFAULT;
    senc_grid_add(grid, "%s", is_long ? "" : initial);
    if (!markdown && option->type == SENC_OPTION_TYPE_CHOICE)
        senc_grid_add(grid, "%s (%s)", option->help, senc_buffer_text(&type));
    else if (is_long)
        senc_grid_add(grid, "%s (default %s)", option->help, initial);
    else
        senc_grid_add(grid, "%s", option->help);
    grid->failed = grid->failed || type.failed;
    senc_buffer_free(&type);
}

static void append_options(const list_entry *entry, bool is_command, bool markdown, senc_buffer *out) {
    senc_grid grid;
    senc_grid_init(&grid, markdown ? "llll" : "lll");
    static const char *const head[] = {"type", "default", "meaning"};
    if (markdown) senc_grid_add(&grid, is_command ? "flag" : "key");
    for (int i = 0; markdown && i < 3; i++) senc_grid_add(&grid, "%s", head[i]);
    bool any = false;
    for (const senc_option *o = entry->options; o && o->name; o++, any = true)
        add_option(o, is_command, markdown, &grid);
    if (any && markdown)
        senc_grid_print_markdown(&grid, out);
    else if (any)
        senc_grid_print(&grid, 2, 80, out);
    senc_grid_free(&grid);
}

static void append_entries(list_get *get, const char *head, bool markdown, senc_buffer *out) {
    senc_grid grid;
    senc_grid_init(&grid, "ll");
    if (markdown) {
        senc_grid_add(&grid, "%s", head);
        senc_grid_add(&grid, "%s", "");
    }
    list_entry entry;
    for (int i = 0; get(i, &entry); i++) {
        senc_grid_add(&grid, "%s", entry.name);
        if (entry.aliases)
            senc_grid_add(&grid, "%s (also called %s)", entry.help, entry.aliases);
        else
            senc_grid_add(&grid, "%s", entry.help);
    }
    if (markdown)
        senc_grid_print_markdown(&grid, out);
    else
        senc_grid_print(&grid, 0, 80, out);
    senc_grid_free(&grid);
}

static void append_with_options(const struct list_kind *kind, bool markdown, senc_buffer *out) {
    list_entry entry;
    for (int i = 0; kind->get(i, &entry); i++) {
        if (i > 0) senc_buffer_append_text(out, "\n");
        if (markdown) {
            senc_buffer_printf(out, "**`%s`**: %s\n\n", entry.name, entry.help);
        } else {
            senc_buffer_printf(out, "%s: ", entry.name);
            senc_text_wrap(out, entry.help, (int64_t)strlen(entry.name) + 2, 4, 80);
        }
        append_options(&entry, kind->get == get_command, markdown, out);
    }
}

static bool get_kind(int i, list_entry *out) {
    if (i >= N_KINDS) return false;
    *out = (list_entry){kinds[i].name, kinds[i].help, NULL, NULL};
    return true;
}

static bool run_list(cli_call *call, senc_error *err) {
    const list_flags *f = call->flags;
    senc_buffer out = {0};
    if (call->n_positionals == 0) {
        append_entries(get_kind, "kind", f->markdown, &out);
        return cli_output_buffer(&out, err);
    }
    const char *names[N_KINDS];
    const struct list_kind *kind = NULL;
    for (int i = 0; i < N_KINDS; i++) {
        names[i] = kinds[i].name;
        if (strcmp(kinds[i].name, call->positionals[0]) == 0) kind = &kinds[i];
    }
    if (!kind) {
        const char *nearest = senc_nearest_name(call->positionals[0], names, N_KINDS);
        return senc_fail(err, SENC_BAD_INPUT, "senc list: no kind \"%s\"%s%s%s", call->positionals[0],
                         nearest ? "; did you mean \"" : "; senc list shows the kinds", nearest ? nearest : "",
                         nearest ? "\"?" : "");
    }
    if (f->options)
        append_with_options(kind, f->markdown, &out);
    else
        append_entries(kind->get, kind->name, f->markdown, &out);
    return cli_output_buffer(&out, err);
}

const cli_command cli_list_command = {
    .name = "list",
    .synopsis = "[KIND] [--options] [--markdown]",
    .help = "what there is: losses, evaluators, readers, ...",
    .details = "KIND is one of architectures, commands, config, evaluators, losses, readers, tokenizers.\n\n"
               "  senc list losses\n"
               "  senc list evaluators --options",
    .flags = flags,
    .flags_bytes = sizeof(list_flags),
    .max_positionals = 1,
    .positional = "a kind",
    .run = run_list,
};
