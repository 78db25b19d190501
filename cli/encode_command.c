/* senc encode: texts -> a matrix of vectors (.npy), as a stream, so that an input of any size fits. */
#include <math.h>
#include <stdio.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/terminal.h"
#include "autograd/kernels/cpu/probe.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/model_argument.h"
#include "cli/output.h"
#include "cli/text_source.h"
#include "data/formats/npy.h"
#include "eval/embed.h"

typedef struct encode_flags {
    char *input, *output, *column, *format, *prompt, *prompt_name;
    int64_t batch_tokens, max_length;
    bool normalize, stats;
    int on_bad_utf8;
    int precision; /* nn_precision */
} encode_flags;

static const senc_option flags[] = {
    SENC_OPTION_PATH(encode_flags, input, "!",
                     "texts: txt (a text a line), jsonl, csv, tsv, a BEIR folder, .gz and .zst of them; - for lines of "
                     "standard input"),
    SENC_OPTION_PATH(encode_flags, output, "!", "float32 matrix in NumPy's .npy form, a row a text"),
    SENC_OPTION_STRING(encode_flags, format, NULL, "txt, jsonl, csv or tsv; unset: by the file name"),
    SENC_OPTION_STRING(encode_flags, column, NULL, "column of the texts, by name or number from 1; unset: text"),
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
    SENC_OPTION_CHOICE(encode_flags, on_bad_utf8, "error", "error|replace",
                       "ill-formed UTF-8 is an error or is read as U+FFFD"),
    SENC_OPTION_BOOLEAN(
        encode_flags, stats, "false",
        "print texts, tokens and useful floating-point operations a second, and their share of what the "
        "machine can do, which is measured for that"),
    {0},
};

/* Operations a second that the machine can do at most in the precision that was used, or, where it has no instructions
 * for that, in what stands in for them. */
static double measure_limit(bool int8, kern_storage storage, const char **what) {
    static const double seconds = 0.05; /* at most three of them */
    double limit = 0;
    *what = "int8 dot product";
    if (int8 && (limit = kern_probe_operations(KERN_PROBE_INT8, seconds)) > 0) return limit;
    *what = "bf16 dot product";
    if (storage == KERN_BF16 && (limit = kern_probe_operations(KERN_PROBE_BF16, seconds)) > 0) return limit;
    *what = "fp32 multiply-add";
    return kern_probe_operations(KERN_PROBE_FP32, seconds);
}

static void add_number(senc_grid *grid, const char *name, double value, int digits) {
    senc_grid_add(grid, "%s", name);
    senc_grid_add(grid, "%.*f", digits, value);
}

static bool print_stats(const eval_encoder_stats *stats, bool int8, kern_storage storage, senc_error *err) {
    const double seconds = stats->encode_ms / 1e3, per_second = seconds > 0 ? 1 / seconds : 0;
    const double rate = stats->flops * per_second;
    const char *what;
    const double limit = measure_limit(int8, storage, &what);
    senc_grid grid;
    senc_grid_init(&grid, "lr");
    add_number(&grid, "texts", (double)stats->n_texts, 0);
    add_number(&grid, "tokens", (double)stats->n_tokens, 0);
    add_number(&grid, "truncated", (double)stats->n_truncated, 0);
    add_number(&grid, "empty", (double)stats->n_empty, 0);
    add_number(&grid, "seconds", seconds, 3);
    add_number(&grid, "texts/s", (double)stats->n_texts * per_second, 1);
    add_number(&grid, "tokens/s", (double)stats->n_tokens * per_second, 0);
    add_number(&grid, "GF/s", rate / 1e9, 1);
    add_number(&grid, "limit GF/s", limit / 1e9, 1);
    senc_grid_add(&grid, "share");
    senc_grid_add(&grid, "%.1f %%", limit > 0 ? 100 * rate / limit : 0.0);
    senc_grid_add(&grid, "precision");
    senc_grid_add(&grid, "%s", int8 ? "int8" : storage == KERN_BF16 ? "bf16" : "fp32");
    senc_grid_add(&grid, "limit of");
    senc_grid_add(&grid, "%s", what);
    senc_buffer out = {0};
    senc_grid_print(&grid, 0, 0, &out);
    senc_grid_free(&grid);
    return cli_output_buffer(&out, err);
}

/* What runs from the input to the output. */
typedef struct encode_stream {
    cli_text_source *source;
    data_npy_writer *writer;
} encode_stream;

static bool read_texts(void *context, eval_text_chunk *chunk, senc_error *err) {
    const encode_stream *s = context;
    return cli_text_source_fill(s->source, chunk, err);
}

static bool write_vectors(void *context, const float *rows, int64_t n, senc_error *err) {
    const encode_stream *s = context;
    return data_npy_writer_append(s->writer, rows, n, err);
}

static bool check_interrupt(void *context, senc_error *err) {
    (void)context;
    return cli_interrupt_check(err);
}

static bool encode_all(eval_encoder *encoder, const char *prompt, cli_text_source *source, data_npy_writer *writer,
                       senc_error *err) {
    encode_stream ends = {source, writer};
    const eval_text_stream stream = {read_texts, write_vectors, check_interrupt, &ends};
    cli_progress progress = {.n_all = cli_text_source_count(source)};
    cli_progress_watch(&progress, encoder);
    const bool ok = eval_encoder_stream(encoder, prompt, &stream, err);
    eval_encoder_watch(encoder, NULL, NULL);
    senc_log_status("%s", "");
    return ok && cli_interrupt_check(err);
}

static bool encode_input(const encode_flags *f, const char *model_name, const eval_model *m, cli_text_source *source,
                         senc_error *err) {
    const char *prompt = f->prompt;
    if (!prompt && !cli_model_prompt(m, model_name, f->prompt_name, &prompt, err)) return false;
    cli_interrupt_watch();
    data_npy_writer writer;
    if (!data_npy_writer_open(&writer, f->output, nn_model_width(m->model), err)) return false;
    const bool ok = encode_all(m->encoder, prompt, source, &writer, err) && data_npy_writer_commit(&writer, err);
    data_npy_writer_close(&writer);
    if (!ok) return false;
    const eval_encoder_stats *stats = eval_encoder_get_stats(m->encoder);
    cli_warn_about_texts(stats->n_texts, stats->n_truncated, nn_model_max_length(m->model), stats->n_empty);
    char texts[32];
    senc_info("%s: %s vectors of width %lld, %.1f s", f->output, cli_count_text(stats->n_texts, texts, sizeof texts),
              (long long)nn_model_width(m->model), stats->encode_ms / 1e3);
    return !f->stats || print_stats(stats, f->precision == NN_INT8, nn_model_storage(m->model), err);
}

static bool run_encode(cli_call *call, senc_error *err) {
    const encode_flags *f = call->flags;
    if (f->prompt && f->prompt_name)
        return senc_fail(err, SENC_BAD_INPUT, "--prompt and --prompt-name: give one of them");
    nn_overrides overrides = NN_OVERRIDES_NONE;
    overrides.max_length = f->max_length;
    overrides.precision = (nn_precision)f->precision;
    if (cli_is_given(call, "normalize")) overrides.normalize = f->normalize;
    const cli_text_options text_options = {f->format, f->column, f->on_bad_utf8};
    cli_text_source *source = NULL;
    eval_model model = {0};
    bool ok = cli_output_check(f->output, f->input, err) && cli_start_threads(call, err) &&
              cli_text_source_open(f->input, &text_options, &source, err) &&
              cli_model_load(call->positionals[0], &overrides, f->batch_tokens, &model, err);
    ok = ok && encode_input(f, call->positionals[0], &model, source, err);
    eval_model_free(&model);
    cli_text_source_close(source);
    return ok;
}

const cli_command cli_encode_command = {
    .name = "encode",
    .synopsis = "MODEL --input PATH --output F.npy [--column NAME] [--prompt-name NAME]",
    .help = "texts to vectors",
    .details = "MODEL is a model folder or a run folder. Row i of the output is the vector of text i. An empty text is "
               "encoded as "
               "its special tokens alone.\n\n"
               "  senc encode models/m --input texts.txt --output vectors.npy\n"
               "  senc encode models/m --input faq.jsonl.gz --column question --output q.npy",
    .flags = flags,
    .flags_bytes = sizeof(encode_flags),
    .min_positionals = 1,
    .max_positionals = 1,
    .positional = "MODEL (a model folder)",
    .run = run_encode,
};
