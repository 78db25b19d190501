/* senc encode: texts -> a file of vectors, as a stream, so that an input of any size fits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/threads.h"
#include "autograd/kernels/kernels.h"
#include "cli/command.h"
#include "cli/encode_run.h"
#include "cli/encode_stats.h"
#include "cli/interrupt.h"
#include "cli/model_argument.h"
#include "cli/output.h"
#include "cli/text_source.h"
#include "data/formats/sha256.h"
#include "data/formats/stream.h"
#include "eval/model_key.h"

typedef struct encode_flags {
    char *input, *output, *column, *prompt, *prompt_name, *ids, *id_column, *cache;
    int64_t batch_tokens, max_length;
    double save_every;
    bool normalize, stats, text, resume, overwrite;
    int to;        /* data_vector_kind, or -1 */
    int precision; /* nn_precision */
    cli_table_flags table;
} encode_flags;

static const senc_option flags[] = {
    SENC_OPTION_PATH(
        encode_flags, input, "!",
        "texts: txt (a text a line), jsonl, json, csv, tsv, a BEIR folder, .gz and .zst of them; - for lines of "
        "standard input"),
    SENC_OPTION_PATH(encode_flags, output, "!",
                     "file of the vectors, a row a text; its ending says the form: .npy, .jsonl, ..."),
    SENC_OPTION_CHOICE(encode_flags, to, NULL, DATA_VECTOR_KINDS, "form of the output; unset: by its ending"),
    SENC_OPTION_STRING(encode_flags, column, NULL, "column of the texts, by name or number from 1; unset: text"),
    SENC_OPTION_STRING(encode_flags, id_column, NULL, "column of the texts' ids; unset: _id or id, where there is one"),
    SENC_OPTION_PATH(encode_flags, ids, NULL, "ids of the texts, one a line, for an input without them"),
    SENC_OPTION_BOOLEAN(encode_flags, text, "false", "jsonl: the texts too"),
    SENC_OPTION_BOOLEAN(encode_flags, resume, "false",
                        "go on with an interrupted run; it ends with the same bytes as an uninterrupted one"),
    CLI_OVERWRITE_ROW(encode_flags),
    SENC_OPTION_REAL(encode_flags, save_every, "10", 0, 1e9, "seconds between the states that --resume goes on from"),
    SENC_OPTION_PATH(encode_flags, cache, NULL,
                     "folder in which vectors are kept by content: a text that this model has encoded before, with "
                     "these options, is not encoded again"),
    SENC_OPTION_STRING(
        encode_flags, prompt_name, NULL,
        "put this prompt of the model in front of every text: query, document, ...; unset: the model's default prompt"),
    SENC_OPTION_STRING(encode_flags, prompt, NULL, "put this text in front of every text; \"\": none"),
    SENC_OPTION_INTEGER(encode_flags, max_length, "0", 0, HUGE_VAL,
                        "longest text in tokens, special ones included; 0: what the model says"),
    SENC_OPTION_CHOICE(encode_flags, precision, "fp32", NN_PRECISIONS,
                       "auto: bf16 where the CPU has instructions for it"),
    SENC_OPTION_BOOLEAN(encode_flags, normalize, "false",
                        "vectors of length 1; --no-normalize: as pooled; neither: what the model says"),
    SENC_OPTION_INTEGER(encode_flags, batch_tokens, "0", 0, HUGE_VAL, "tokens of one forward pass; 0: a good number"),
    CLI_TEXT_ROWS(encode_flags),
    SENC_OPTION_BOOLEAN(
        encode_flags, stats, "false",
        "print texts, tokens and useful floating-point operations a second, and their share of what the "
        "machine can do, which is measured for that"),
    {0},
};

/* ---- what the output depends on ---- */

typedef struct encode_job {
    const encode_flags *flags;
    const cli_call *call;
    const char *prompt;
    char model_key[65]; /* "" until it is known */
    eval_model model;
    cli_encode_run run;
} encode_job;

static bool find_model_key(encode_job *job, senc_error *err) {
    char *folder;
    if (job->model_key[0]) return true;
    if (!cli_model_find(job->call->positionals[0], &folder, err)) return false;
    const bool ok = eval_model_key(folder, job->model_key, err);
    free(folder);
    return ok;
}

static void put_integer(data_json *o, const char *key, int64_t value) {
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", (long long)value);
    data_json_put_string(o, key, digits);
}

/* What a vector depends on, besides its text. */
static bool describe_vectors(encode_job *job, data_json *o, senc_error *err) {
    const encode_flags *f = job->flags;
    static const char *const storages[] = {"fp32", "bf16"};
    if (!find_model_key(job, err)) return false;
    data_json_put_string(o, "model", job->model_key);
    data_json_put_string(o, "prompt", job->prompt ? job->prompt : "");
    put_integer(o, "max_length", nn_model_max_length(job->model.model));
    data_json_put_string(o, "normalize",
                         cli_is_given(job->call, "normalize") ? (f->normalize ? "yes" : "no") : "as the model says");
    put_integer(o, "precision", f->precision);
    data_json_put_string(o, "storage", storages[nn_model_storage(job->model.model) != KERN_REAL]);
    return true;
}

static bool input_key(const encode_flags *f, char out[65], senc_error *err) {
    if (!senc_path_is_folder(f->input)) return data_sha256_file(f->input, out, err);
    char *path = data_path_find_packed(f->input, "corpus.jsonl");
    const bool ok = path && data_sha256_file(path, out, err);
    free(path);
    return ok || senc_fail(err, SENC_FAILED, "%s: the folder changed while it was being read", f->input);
}

/* What the file depends on, bit by bit: kernels and threads decide how sums are cut. */
static bool describe_run(void *context, data_json *o, senc_error *err) {
    encode_job *job = context;
    const encode_flags *f = job->flags;
    char digest[65], ids[65] = "none";
    if (!describe_vectors(job, o, err) || !input_key(f, digest, err)) return false;
    if (f->ids && !data_sha256_file(f->ids, ids, err)) return false;
    data_json_put_string(o, "input", digest);
    data_json_put_string(o, "format", f->table.format ? f->table.format : "by the name");
    data_json_put_string(o, "delimiter", f->table.delimiter ? f->table.delimiter : "by the format");
    put_integer(o, "header", f->table.header);
    put_integer(o, "quoting", f->table.quoting);
    put_integer(o, "limit", f->table.limit);
    put_integer(o, "on_empty", f->table.on_empty);
    data_json_put_string(o, "column", f->column ? f->column : "text");
    data_json_put_string(o, "ids", ids);
    data_json_put_string(o, "id_column", f->id_column ? f->id_column : "by itself");
    data_json_put_string(o, "to", data_vector_kind_name(job->run.kind));
    data_json_put_string(o, "text", f->text ? "yes" : "no");
    put_integer(o, "on_bad_utf8", f->table.on_bad_utf8);
    put_integer(o, "batch_tokens", f->batch_tokens);
    put_integer(o, "threads", senc_threads_count());
    data_json_put_string(o, "kernels", kern_best()->name);
    return true;
}

static bool open_cache(encode_job *job, senc_error *err) {
    if (!job->flags->cache) return true;
    data_json *o = data_json_create_object();
    senc_buffer text = {0};
    char key[65];
    bool ok = describe_vectors(job, o, err);
    if (ok && !data_json_dump(o, 0, &text)) ok = senc_fail_memory(err, text.n_bytes, "the cache");
    if (ok) data_sha256_hex(senc_buffer_text(&text), text.n_bytes, key);
    ok = ok && eval_vector_cache_open(job->flags->cache, key, nn_model_width(job->model.model), &job->run.cache, err);
    senc_buffer_free(&text);
    data_json_free(o);
    return ok;
}

/* ---- the run ---- */

static void tell_result(const encode_job *job) {
    const eval_encoder_stats *stats = eval_encoder_get_stats(job->model.encoder);
    const int64_t n = stats->n_texts + job->run.n_cached + job->run.n_resumed;
    char texts[32], some[32];
    cli_warn_about_texts(stats->n_texts, stats->n_truncated, nn_model_max_length(job->model.model), stats->n_empty);
    if (job->run.cache)
        senc_info("%s: %s of %s vectors came from the cache", job->flags->cache,
                  cli_count_text(job->run.n_cached, some, sizeof some), cli_count_text(n, texts, sizeof texts));
    senc_info("%s: %s vectors of width %lld, %.1f s", job->flags->output, cli_count_text(n, texts, sizeof texts),
              (long long)nn_model_width(job->model.model), stats->encode_ms / 1e3);
}

static bool open_inputs(encode_job *job, senc_error *err) {
    const encode_flags *f = job->flags;
    const cli_text_options options = {.table = &f->table, .column = f->column};
    const cli_text_options again = {.table = &f->table, .column = f->column, .again = true};
    cli_encode_run *run = &job->run;
    if (!cli_text_source_open(f->input, &options, &run->source, err)) return false;
    const int64_t n = cli_text_source_count(run->source);
    if (f->text && n < 0) return senc_fail(err, SENC_BAD_INPUT, "--text: expected an input file, got standard input");
    if (f->text && run->kind == DATA_VECTOR_JSONL && !cli_text_source_open(f->input, &again, &run->shown, err))
        return false;
    return cli_text_ids_open(f->input, &options, f->id_column, f->ids, n, &run->ids, err);
}

static bool check_flags(encode_job *job, senc_error *err) {
    const encode_flags *f = job->flags;
    if (f->prompt && f->prompt_name)
        return senc_fail(err, SENC_BAD_INPUT, "--prompt and --prompt-name: give one of them");
    if (f->ids && f->id_column) return senc_fail(err, SENC_BAD_INPUT, "--ids and --id-column: give one of them");
    if (strcmp(f->input, "-") != 0 && !cli_input_check("--input: ", f->input, err)) return false;
    if (f->resume && strcmp(f->input, "-") == 0)
        return senc_fail(err, SENC_BAD_INPUT, "--resume: expected an input file, got standard input");
    job->run.kind = (data_vector_kind)f->to;
    if (f->to < 0 && !data_vector_kind_of_path(f->output, &job->run.kind, err))
        return senc_error_prefix(err, "--output: ");
    if (f->text && job->run.kind != DATA_VECTOR_JSONL)
        return senc_fail(err, SENC_BAD_INPUT, "--text: expected a jsonl output, got %s",
                         data_vector_kind_name(job->run.kind));
    return true;
}

static bool encode_input(encode_job *job, senc_error *err) {
    const encode_flags *f = job->flags;
    job->prompt = f->prompt;
    if (!job->prompt && !cli_model_prompt(&job->model, job->call->positionals[0], f->prompt_name, &job->prompt, err))
        return false;
    cli_encode_run *run = &job->run;
    run->input = f->input;
    run->output = f->output;
    run->prompt = job->prompt;
    run->model = &job->model;
    run->resume = f->resume;
    run->overwrite = f->overwrite;
    run->save_every_ms = f->save_every * 1e3;
    run->describe = describe_run;
    run->describe_context = job;
    cli_interrupt_watch();
    if (!open_cache(job, err) || !cli_encode_run_all(run, err)) return false;
    tell_result(job);
    return !f->stats || cli_encode_stats_print(eval_encoder_get_stats(job->model.encoder), f->precision == NN_INT8,
                                               nn_model_storage(job->model.model), err);
}

static bool run_encode(cli_call *call, senc_error *err) {
    const encode_flags *f = call->flags;
    encode_job job = {.flags = f, .call = call};
    nn_overrides overrides = NN_OVERRIDES_NONE;
    overrides.max_length = f->max_length;
    overrides.precision = (nn_precision)f->precision;
    if (cli_is_given(call, "normalize")) overrides.normalize = f->normalize;
    cli_outputs outputs = {.input = f->input, .overwrite = f->overwrite || f->resume};
    const bool ok = cli_outputs_add(&outputs, f->output, err) && check_flags(&job, err) &&
                    cli_start_threads(call, err) && open_inputs(&job, err) &&
                    cli_model_load(call->positionals[0], &overrides, f->batch_tokens, &job.model, err) &&
                    encode_input(&job, err);
    cli_encode_run_free(&job.run);
    eval_vector_cache_close(job.run.cache);
    cli_text_ids_close(job.run.ids);
    cli_text_source_close(job.run.shown);
    cli_text_source_close(job.run.source);
    eval_model_free(&job.model);
    return ok;
}

const cli_command cli_encode_command = {
    .name = "encode",
    .synopsis = "MODEL --input PATH --output F.npy [--column NAME] [--prompt-name NAME] [--resume] [--cache DIR]",
    .help = "texts to vectors",
    .details =
        "MODEL is a model folder or a run folder. Row i of the output is the vector of text i. An empty text is "
        "encoded as "
        "its special tokens alone.\n\n"
        "npy: float32 for NumPy. jsonl: {\"id\", \"text\", \"embedding\"} a line. f32, f16: rows of numbers, "
        "nothing else. i8: int8, times a float32 a row in OUTPUT.scales.f32. bin: a bit a dimension, 1 for a "
        "positive number. The last four have OUTPUT.json beside them, with rows and width. Ids go to "
        "OUTPUT.ids.txt, one a line, or into the jsonl; what reads vectors looks for them there.\n\n"
        "A run that was interrupted leaves OUTPUT.partial and OUTPUT.partial.json for --resume. Into a device or "
        "a pipe (/dev/stdout with --to) go the rows alone.\n\n"
        "  senc encode models/m --input texts.txt --output vectors.npy\n"
        "  senc encode models/m --input faq.jsonl.gz --column question --output q.npy\n"
        "  senc encode models/m --input corpus.jsonl.zst --output corpus.f16 --cache ~/.cache/vectors --resume",
    .flags = flags,
    .flags_bytes = sizeof(encode_flags),
    .min_positionals = 1,
    .max_positionals = 1,
    .positional = "MODEL (a model folder)",
    .run = run_encode,
};
