/* Fuzz target: what a run left behind. The first byte chooses: a checkpoint (state.json, a NUL, state.safetensors) that
 * training goes on from, or the report, the log or the kept evaluation of a run folder as `senc history` and `senc
 * compare` read them. Whatever the bytes are, they are refused with one line of text or passed over. */
#include "tests/fuzz/fuzz_folder.h"

#include "data/sampler.h"
#include "eval/history.h"
#include "eval/reports/saved_report.h"
#include "train/checkpoint.h"
#include "train/run_inputs.h"

#define N_ROWS 9

typedef struct bench {
    ag_params params;
    train_optimizer optimizer;
} bench;

static void bench_open(bench *b) {
    senc_error err = {0};
    *b = (bench){0};
    SENC_ASSERT(ag_params_declare(&b->params, "weight", 2, 3, false, true, &err) &&
                    ag_params_alloc(&b->params, true, &err) &&
                    train_optimizer_init(&b->optimizer, kern_reference(), &b->params,
                                         (train_adamw_options){0.9, 0.999, 1e-8, 0.01, 1}, &err),
                "%s", err.text);
}

static void make_folder(const char *name) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    mkdir(path, 0777);
}

/* As train/run.c goes on: the place of the feed is taken from the checkpoint. */
static void check_place(const train_progress *p) {
    data_sampler sampler;
    senc_error err = {0};
    SENC_ASSERT(data_sampler_init(&sampler, N_ROWS, 1, true, false, &err), "%s", err.text);
    int64_t rows[N_ROWS];
    const bool ok = data_sampler_restore(&sampler, p->epoch, p->position, &err);
    fuzz_check_error(ok, &err);
    for (int64_t i = ok ? data_sampler_next(&sampler, 4, rows) - 1 : -1; i >= 0; i--)
        SENC_ASSERT(rows[i] >= 0 && rows[i] < N_ROWS, "row %lld", (long long)rows[i]);
    data_sampler_free(&sampler);
}

static void check_checkpoint(const uint8_t *data, size_t n_bytes) {
    const uint8_t *end = memchr(data, 0, n_bytes);
    const size_t n = end ? (size_t)(end - data) : n_bytes;
    make_folder("checkpoints");
    make_folder("checkpoints/step-000005");
    fuzz_file("checkpoints/step-000005/state.json", data, n);
    fuzz_file("checkpoints/step-000005/state.safetensors", end ? end + 1 : data, end ? n_bytes - n - 1 : 0);
    bench b;
    bench_open(&b);
    train_progress progress = {0};
    bool found;
    senc_error err = {0};
    data_json *inputs = NULL, *now = data_json_create_object();
    const bool ok = train_checkpoint_load(fuzz_folder(), &progress, &inputs, &b.optimizer, &found, &err);
    fuzz_check_error(ok, &err);
    SENC_ASSERT(found == ok, "found %d", found);
    if (ok) check_place(&progress);
    data_json_put_array(now, "inputs");
    senc_error changed = {0};
    if (inputs) fuzz_check_error(train_inputs_check_same(now, inputs, &changed), &changed);
    data_json_free(inputs);
    data_json_free(now);
    train_optimizer_free(&b.optimizer);
    ag_params_free(&b.params);
}

static void ignore(const char *text) {
    SENC_ASSERT(text[0] && !strchr(text, '\n'), "%s", text);
}

static void check_history(const char *name, const uint8_t *data, size_t n_bytes) {
    char path[300];
    make_folder("run");
    snprintf(path, sizeof path, "run/%s", name);
    fuzz_file(path, data, n_bytes);
    snprintf(path, sizeof path, "%s/run", fuzz_folder());
    eval_history h;
    senc_error err = {0};
    const bool ok = eval_history_load(path, ignore, &h, &err);
    fuzz_check_error(ok, &err);
    senc_buffer out = {0};
    if (ok) eval_history_print(&h, true, &out);
    data_json *o = data_json_create_object();
    if (ok) eval_history_put_json(&h, o);
    SENC_ASSERT(data_json_dump(o, 0, &out) && !out.failed, "%zu bytes", out.n_bytes);
    data_json_free(o);
    senc_buffer_free(&out);
    if (ok) eval_history_free(&h);
    snprintf(path, sizeof path, "%s/run/%s", fuzz_folder(), name);
    unlink(path);
}

static void check_kept_evaluation(const uint8_t *data, size_t n_bytes) {
    eval_saved_report r;
    senc_error err = {0};
    const bool ok = eval_saved_report_load(fuzz_file("baseline.json", data, n_bytes), &r, &err);
    fuzz_check_error(ok, &err);
    eval_saved_report_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
    if (n_bytes == 0) return 0;
    const int kind = data[0] % 4;
    fuzz_folder();
    if (kind == 0) check_checkpoint(data + 1, n_bytes - 1);
    if (kind == 1) check_history("report.json", data + 1, n_bytes - 1);
    if (kind == 2) check_history("log.jsonl", data + 1, n_bytes - 1);
    if (kind == 3) check_kept_evaluation(data + 1, n_bytes - 1);
    return 0;
}
