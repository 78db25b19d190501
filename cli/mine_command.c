/* senc mine: hard negatives for a data set of pairs. */
#include <math.h>

#include "autograd/base/log.h"
#include "cli/column_argument.h"
#include "cli/command.h"
#include "cli/model_argument.h"
#include "cli/output.h"
#include "cli/table_flags.h"
#include "train/mining.h"

typedef struct mine_flags {
    char *data, *output, *anchor, *positive;
    int64_t negatives, range_min, range_max, seed, max_length;
    double relative_margin;
    int sampling;
    int precision; /* nn_precision */
    cli_table_flags table;
    bool overwrite;
} mine_flags;

static const senc_option flags[] = {
    SENC_OPTION_PATH(mine_flags, data, "!", "pairs: jsonl, json, csv, tsv or a BEIR folder, .gz and .zst of them"),
    SENC_OPTION_PATH(mine_flags, output, "!", "JSON lines with anchor, positive, negative_1, ..."),
    SENC_OPTION_STRING(mine_flags, anchor, "anchor", "column of the anchors, by name or number from 1"),
    SENC_OPTION_STRING(mine_flags, positive, "positive", "column of the positives, by name or number from 1"),
    SENC_OPTION_INTEGER(mine_flags, negatives, "3", 1, 1000, "negatives for a row"),
    SENC_OPTION_INTEGER(mine_flags, range_min, "0", 0, 1000000, "pass over so many of the nearest candidates"),
    SENC_OPTION_INTEGER(mine_flags, range_max, "0", 0, 1000000,
                        "use candidates up to this rank; 0: range_min + 10 times negatives"),
    SENC_OPTION_REAL(mine_flags, relative_margin, "0.05", -1, 1,
                     "drop candidates that score more than (1 - margin) of the anchor's lowest positive; -1: keep "
                     "them"),
    SENC_OPTION_CHOICE(mine_flags, sampling, "top", "top|random",
                       "take the nearest of the range, or a random choice of it"),
    SENC_OPTION_INTEGER(mine_flags, seed, "42", 0, 9e18, "of the random choice"),
    SENC_OPTION_INTEGER(mine_flags, max_length, "0", 0, 1000000, "longest text in tokens; 0: what the model says"),
    SENC_OPTION_CHOICE(mine_flags, precision, "fp32", NN_PRECISIONS,
                       "auto: bf16 where the CPU has instructions for it"),
    CLI_PAIR_ROWS(mine_flags),
    CLI_OVERWRITE_ROW(mine_flags),
    {0},
};

static bool open_pairs(const mine_flags *f, data_set **set, senc_error *err) {
    static const data_role roles[] = {{.name = "anchor", .kind = DATA_ROLE_TEXT},
                                      {.name = "positive", .kind = DATA_ROLE_TEXT, .expands = true}};
    const data_column_map columns[] = {cli_column_map("anchor", f->anchor), cli_column_map("positive", f->positive)};
    data_source source = cli_table_source(&f->table, f->data);
    source.mapped = columns;
    source.n_mapped = 2;
    source.on_empty = f->table.on_empty;
    if (!data_set_open(&source, 1, roles, 2, "senc mine", set, err)) return false;
    if (data_set_n_skipped(*set) > 0)
        senc_info("%s: %lld rows with an empty text were left out", f->data, (long long)data_set_n_skipped(*set));
    return true;
}

static void tell(const mine_flags *f, const train_mining_report *r) {
    char rows[32], written[32];
    senc_info("%s: %s negatives for %s rows (%lld anchors, %lld candidates)", f->output,
              cli_count_text(r->n_written, written, sizeof written), cli_count_text(r->n_rows, rows, sizeof rows),
              (long long)r->n_anchors, (long long)r->n_candidates);
    senc_info("dropped: %lld known positives and duplicates, %lld within the margin of the positive",
              (long long)r->n_known, (long long)r->n_too_close);
    if (r->n_written > 0) senc_info("mean cosine: positives %.4f, negatives %.4f", r->mean_positive, r->mean_negative);
    if (r->n_rows_short)
        senc_warn("%lld rows got fewer than %lld negatives", (long long)r->n_rows_short, (long long)f->negatives);
}

static bool run_mine(cli_call *call, senc_error *err) {
    const mine_flags *f = call->flags;
    if (f->range_max && f->range_max < f->range_min + f->negatives)
        return senc_fail(err, SENC_BAD_INPUT,
                         "--range-max: expected 0 or at least range_min + negatives = %lld, got %lld",
                         (long long)(f->range_min + f->negatives), (long long)f->range_max);
    const train_mining_options options = {f->negatives, f->range_min,      f->range_max, f->relative_margin,
                                          f->sampling,  (uint64_t)f->seed, f->overwrite};
    nn_overrides overrides = NN_OVERRIDES_NONE;
    overrides.max_length = f->max_length;
    overrides.precision = (nn_precision)f->precision;
    data_set *set = NULL;
    eval_model model = {0};
    train_mining_report report;
    cli_outputs outputs = {.input = f->data, .overwrite = f->overwrite};
    const bool ok = cli_outputs_add(&outputs, f->output, err) && cli_start_threads(call, err) &&
                    open_pairs(f, &set, err) && cli_model_load(call->positionals[0], &overrides, 0, &model, err) &&
                    train_mine(set, &model, &options, f->output, &report, err);
    if (ok) tell(f, &report);
    eval_model_free(&model);
    if (set) data_set_close(set);
    return ok;
}

const cli_command cli_mine_command = {
    .name = "mine",
    .synopsis = "MODEL --data F --output F.jsonl [--negatives N]",
    .help = "hard negatives for a data set of pairs",
    .details =
        "Candidates are the positives of the data set. Known positives of the anchor and duplicates (texts of "
        "equal token ids) are never taken. An interrupted call leaves what was there, and gives the same bytes when it "
        "is run again.\n\n"
        "  senc mine models/m --data faq.jsonl --anchor question --positive answer --output mined.jsonl",
    .flags = flags,
    .flags_bytes = sizeof(mine_flags),
    .min_positionals = 1,
    .max_positionals = 1,
    .positional = "MODEL (a model folder)",
    .run = run_mine,
};
