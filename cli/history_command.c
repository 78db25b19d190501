/* senc history: the runs and reports under a folder in one table. */
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "cli/command.h"
#include "cli/output.h"
#include "eval/history.h"

typedef struct history_flags {
    char *json;
    bool before, overwrite;
} history_flags;

static const senc_option flags[] = {
    SENC_OPTION_PATH(history_flags, json, NULL, "all metrics of all runs as JSON; - for standard output"),
    SENC_OPTION_BOOLEAN(history_flags, before, "false", "also what the untouched model of each run had"),
    CLI_OVERWRITE_ROW(history_flags),
    {0},
};

static void warn(const char *text) {
    senc_warn("left out: %s", text);
}

static bool write_json(const eval_history *h, const history_flags *f, senc_error *err) {
    data_json *o = data_json_create_object();
    eval_history_put_json(h, o);
    senc_buffer out = {0};
    bool ok = data_json_dump(o, 2, &out) || senc_fail_memory(err, out.n_bytes, "the history");
    senc_buffer_append_text(&out, "\n");
    ok = ok && cli_output_file(f->json, f->overwrite, &out, err);
    senc_buffer_free(&out);
    data_json_free(o);
    return ok;
}

static bool run_history(cli_call *call, senc_error *err) {
    const history_flags *f = call->flags;
    const char *folder = call->n_positionals ? call->positionals[0] : ".";
    eval_history h;
    cli_outputs outputs = {.overwrite = f->overwrite};
    if (!cli_outputs_add(&outputs, f->json, err) || !eval_history_load(folder, warn, &h, err)) return false;
    bool ok = true;
    if (h.n_entries == 0)
        ok = senc_fail(err, SENC_BAD_INPUT,
                       "%s: expected runs or reports below it (report.json, log.jsonl), found none", folder);
    if (ok && f->json) ok = write_json(&h, f, err);
    if (ok && !(f->json && strcmp(f->json, "-") == 0)) {
        senc_buffer out = {0};
        eval_history_print(&h, f->before, &out);
        ok = cli_output_buffer(&out, err);
    }
    eval_history_free(&h);
    return ok;
}

const cli_command cli_history_command = {
    .name = "history",
    .synopsis = "[DIR] [--before] [--json OUT]",
    .help = "the runs and reports under a folder, compared",
    .details = "DIR (unset: the current folder) is searched for run folders and for the folders of senc eval --report. "
               "Newest last; the best of each data set's headline metric has a *.\n\n"
               "  senc history runs",
    .flags = flags,
    .flags_bytes = sizeof(history_flags),
    .min_positionals = 0,
    .max_positionals = 1,
    .positional = "DIR",
    .run = run_history,
};
