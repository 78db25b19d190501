/* Whole training runs of a tiny fresh model on invented rows: going on after a stop gives the same bytes as never
 * stopping, the run folder is complete, nothing is overwritten, and mistakes are refused. */
#include "train/run.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "autograd/base/file.h"
#include "autograd/base/rng.h"
#include "data/pairs.h"
#include "data/formats/json.h"
#include "eval/embed.h"
#include "tests/train/train_bench.h"
#include "train/checkpoint.h"

/* 30 rows in batches of 4 are 8 batches, the last one of 2 rows; 3 batches a step are 3 steps an epoch; 4 epochs. */
#define N_STEPS 12

static const char config_text[] = "[model]\n"
                                  "architecture = \"bert\"\n"
                                  "vocab_size = 150\n"
                                  "hidden_size = 16\n"
                                  "layers = 1\n"
                                  "heads = 2\n"
                                  "intermediate_size = 32\n"
                                  "max_positions = 32\n"
                                  "query_prompt = \"find: \"\n"
                                  "[[data]]\n"
                                  "path = \"train.jsonl\"\n"
                                  "[loss]\n"
                                  "type = \"mnrl\"\n"
                                  "[train]\n"
                                  "epochs = 4\n"
                                  "batch_size = 4\n"
                                  "accumulation = 3\n"
                                  "learning_rate = 5e-3\n"
                                  "dropout = 0.2\n"
                                  "log_every = 1\n"
                                  "eval_every = 3\n"
                                  "checkpoint_every = 4\n"
                                  "keep_checkpoints = 99\n"
                                  "[[eval]]\n"
                                  "type = \"retrieval\"\n"
                                  "path = \"test.jsonl\"\n"
                                  "name = \"held\"\n"
                                  "[output]\n"
                                  "dir = \"run\"\n";

static char *folder, *config_path;
static int terminal;

static void start(void) {
    train_bench_threads(2);
    senc_log_set_level(SENC_LOG_WARNING);
    folder = model_bench_folder();
    senc_buffer rows = {0};
    train_bench_pairs(&rows, 28, 51);
    senc_buffer_append_text(&rows, "{\"anchor\": \"grey heron\", \"positive\": \"a heron is grey\"}\n"
                                   "{\"anchor\": \"grey heron\", \"positive\": \"the old heron\"}\n");
    model_bench_write_text(folder, "train.jsonl", rows.data);
    senc_buffer_clear(&rows);
    train_bench_pairs(&rows, 15, 51);
    model_bench_write_text(folder, "test.jsonl", rows.data);
    senc_buffer_free(&rows);
    model_bench_write_text(folder, "config.toml", config_text);
    config_path = senc_path_join(folder, "config.toml");
    fflush(stdout);
    terminal = dup(STDOUT_FILENO); /* the tables of metrics are not looked at here */
    ck_assert(freopen("/dev/null", "w", stdout) != NULL);
}

static void stop(void) {
    fflush(stdout);
    dup2(terminal, STDOUT_FILENO);
    close(terminal);
    free(config_path);
    model_bench_remove(folder);
    senc_threads_free();
}

/* One run into folder/name; up to three changes of the configuration, NULL: no more. */
typedef struct change {
    const char *set[3];
} change;

static bool run(const char *name, change changes, train_run_options options, senc_error *err) {
    char dir[1024];
    snprintf(dir, sizeof dir, "output.dir=%s/%s", folder, name);
    const char *sets[4] = {dir};
    int n = 1;
    for (int i = 0; i < 3 && changes.set[i]; i++) sets[n++] = changes.set[i];
    train_config config;
    if (!train_config_load(&config, config_path, sets, n, err)) return false;
    const bool ok = train_run(&config, &options, err);
    train_config_free(&config);
    return ok;
}

static const train_run_options fresh = {0}, resume = {.resume = true};
#define PLAIN ((change){{NULL}})

static bool exists(const char *name) {
    char *path = senc_path_join(folder, name);
    const bool found = senc_path_exists(path);
    free(path);
    return found;
}

static void remove_path(const char *name) {
    char *path = senc_path_join(folder, name);
    TRAIN_BENCH_OK(senc_path_remove(path, err));
    free(path);
}

static void check_same_file(const char *a, const char *b) {
    size_t n_a, n_b;
    char *x = model_bench_read(folder, a, &n_a), *y = model_bench_read(folder, b, &n_b);
    ck_assert_msg(n_a == n_b && memcmp(x, y, n_a) == 0, "%s and %s differ", a, b);
    free(x);
    free(y);
}

static bool differ(const char *a, const char *b) {
    size_t n_a, n_b;
    char *x = model_bench_read(folder, a, &n_a), *y = model_bench_read(folder, b, &n_b);
    const bool different = n_a != n_b || memcmp(x, y, n_a) != 0;
    free(x);
    free(y);
    return different;
}

static data_json *load_json(const char *name) {
    char *path = senc_path_join(folder, name);
    data_json *o = NULL;
    TRAIN_BENCH_OK(data_json_load(path, &o, err));
    free(path);
    return o;
}

/* The log without what depends on the clock, one line a step, in order and without repeats. */
static char *log_of(const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/log.jsonl", name);
    char *text = model_bench_read(folder, path, NULL);
    senc_buffer out = {0};
    int64_t last = -1; /* 2 * step + 1 for an evaluation */
    for (char *line = text, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        ck_assert_msg(end != NULL, "%s ends within a line", path);
        data_json *o;
        TRAIN_BENCH_OK(data_json_parse(line, (size_t)(end - line), path, &o, err));
        const int64_t at = 2 * data_json_integer(data_json_find(o, "step")) + (data_json_find(o, "metrics") != NULL);
        ck_assert_msg(at > last, "%s: step %lld comes again or too late", path, (long long)at / 2);
        last = at;
        data_json_remove(o, "rows_per_second");
        ck_assert(data_json_dump(o, 0, &out));
        senc_buffer_append_text(&out, "\n");
        data_json_free(o);
    }
    free(text);
    return senc_buffer_take(&out);
}

static void check_same_log(const char *a, const char *b) {
    char *x = log_of(a), *y = log_of(b);
    size_t same = 0;
    while (x[same] && x[same] == y[same]) same++;
    while (same > 0 && x[same - 1] != '\n') same--;
    ck_assert_msg(strcmp(x, y) == 0, "the logs of %s and %s differ: %.300s ... %.300s", a, b, x + same, y + same);
    free(x);
    free(y);
}

/* The page without what depends on the clock and on the folder's name. */
static char *page_of(const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/report.html", name);
    char *text = model_bench_read(folder, path, NULL);
    const char *run = strstr(text, "<section id=\"run\">"), *behind = run ? strstr(run, "</section>") : NULL;
    ck_assert_msg(behind != NULL, "%s has no section on the run", path);
    senc_buffer out = {0};
    for (const char *at = text; *at;) {
        if (at == run) at = behind;
        if (strncmp(at, name, strlen(name)) == 0 && at[strlen(name)] == '/')
            at += strlen(name);
        else
            senc_buffer_append(&out, at++, 1);
    }
    free(text);
    return senc_buffer_take(&out);
}

static void check_same_page(const char *a, const char *b) {
    char *x = page_of(a), *y = page_of(b);
    size_t same = 0;
    while (x[same] && x[same] == y[same]) same++;
    ck_assert_msg(strcmp(x, y) == 0, "the pages of %s and %s differ: %.200s ... %.200s", a, b, x + same, y + same);
    free(x);
    free(y);
}

/* Two finished runs gave the same. */
static void check_same_run(const char *a, const char *b) {
    static const char *const files[] = {"final/model.safetensors", "best/model.safetensors", "best.json",
                                        "baseline.json", "final/tokenizer.json"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char x[128], y[128];
        snprintf(x, sizeof x, "%s/%s", a, files[i]);
        snprintf(y, sizeof y, "%s/%s", b, files[i]);
        check_same_file(x, y);
    }
    check_same_log(a, b);
    check_same_page(a, b);
    char x[128], y[128];
    snprintf(x, sizeof x, "%s/report.json", a);
    snprintf(y, sizeof y, "%s/report.json", b);
    data_json *p = load_json(x), *q = load_json(y);
    static const char *const counts[] = {"steps",  "best_step",       "texts",
                                         "tokens", "truncated_texts", "masked_negatives"};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        ck_assert_int_eq(data_json_integer(data_json_find(p, counts[i])),
                         data_json_integer(data_json_find(q, counts[i])));
    data_json_free(p);
    data_json_free(q);
}

static int64_t steps_of(const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/report.json", name);
    data_json *o = load_json(path);
    const int64_t steps = data_json_integer(data_json_find(o, "steps"));
    data_json_free(o);
    return steps;
}

/* As if the run had been killed behind the checkpoint of `step` (0: before the first), with everything that it wrote
 * later. */
static void cut_back(const char *name, int64_t step) {
    char path[128];
    for (int64_t later = step + 1; later <= N_STEPS; later++) {
        snprintf(path, sizeof path, "%s/checkpoints/step-%06lld", name, (long long)later);
        remove_path(path);
    }
    snprintf(path, sizeof path, "%s/final", name);
    remove_path(path);
    snprintf(path, sizeof path, "%s/report.json", name);
    remove_path(path);
    snprintf(path, sizeof path, "%s/report.html", name);
    remove_path(path);
}

/* ---- going on ---- */

static const change variants[] = {
    {{NULL}},
    {{"train.memory_limit=2GiB"}}, /* and steps of 100 KiB: in chunks, most of them run twice */
    {{"train.log_every=5"}},       /* checkpoints within the window of a line of the log */
    {{"loss.symmetric=true", "train.drop_last=true", "train.max_steps=11"}},
    {{"train.on_leakage=drop"}}, /* 15 rows are questions of the evaluation: 4 batches, 2 steps an epoch */
};
enum { N_VARIANTS = sizeof variants / sizeof variants[0] };

START_TEST(going_on_is_not_stopping) {
    const change c = variants[_i];
    const int64_t step_bytes = _i == 1 ? 100 * 1024 : 0;
    const train_run_options first = {.step_bytes = step_bytes}, going_on = {.resume = true, .step_bytes = step_bytes};
    TRAIN_BENCH_OK(run("straight", c, first, err));
    TRAIN_BENCH_OK(run("again", c, first, err));
    check_same_run("straight", "again");
    for (int64_t step = N_STEPS; step >= 0; step--) {
        char path[64];
        snprintf(path, sizeof path, "again/checkpoints/step-%06lld", (long long)step);
        if (step > 0 && !exists(path)) continue;
        cut_back("again", step);
        TRAIN_BENCH_OK(run("again", c, going_on, err));
        check_same_run("straight", "again");
    }
    ck_assert_int_eq(steps_of("straight"), _i == 3 ? 11 : _i == 4 ? 8 : N_STEPS);
}
END_TEST

/* A limit of the process in which a run fits gives what no limit gives, and says what it planned and took. */
START_TEST(a_limit_changes_nothing) {
    TRAIN_BENCH_OK(run("free", PLAIN, fresh, err));
    TRAIN_BENCH_OK(run("bound", (change){{"train.memory_limit=2GiB"}}, fresh, err));
    ck_assert(!differ("free/final/model.safetensors", "bound/final/model.safetensors"));
    senc_error failure = {0};
    char *path = senc_path_join(folder, "bound/report.json");
    data_json *o = NULL;
    int64_t planned = 0, training = 0, all = 0;
    ck_assert_msg(data_json_load(path, &o, &failure) &&
                      data_json_require_integer(o, "planned_memory_bytes", 1, INT64_MAX, &planned, &failure) &&
                      data_json_require_integer(o, "training_memory_bytes", 1, INT64_MAX, &training, &failure) &&
                      data_json_require_integer(o, "peak_memory_bytes", training, INT64_MAX, &all, &failure),
                  "%s", failure.text);
    ck_assert_int_gt(planned, 4 << 20);
    data_json_free(o);
    free(path);
}
END_TEST

/* The comparison above sees a difference: another seed is another model. */
START_TEST(seed) {
    TRAIN_BENCH_OK(run("a", PLAIN, fresh, err));
    TRAIN_BENCH_OK(run("b", (change){{"train.seed=7"}}, fresh, err));
    ck_assert(differ("a/final/model.safetensors", "b/final/model.safetensors"));
    TRAIN_BENCH_OK(run("c", (change){{"train.dropout=0"}}, fresh, err));
    ck_assert(differ("a/final/model.safetensors", "c/final/model.safetensors"));
}
END_TEST

/* A damaged newest checkpoint costs steps, not the result. */
START_TEST(damaged_checkpoint) {
    TRAIN_BENCH_OK(run("straight", PLAIN, fresh, err));
    TRAIN_BENCH_OK(run("again", PLAIN, fresh, err));
    cut_back("again", 8);
    model_bench_write_text(folder, "again/checkpoints/step-000008/state.json", "{");
    model_bench_write_text(folder, "again/best.tmp-77/config.json", "{");
    senc_log_set_level(SENC_LOG_QUIET);
    TRAIN_BENCH_OK(run("again", PLAIN, resume, err));
    check_same_run("straight", "again");
    ck_assert(!exists("again/best.tmp-77"));
}
END_TEST

/* The log's last line was half written, and lines behind the checkpoint are dropped. */
START_TEST(cut_log) {
    TRAIN_BENCH_OK(run("straight", PLAIN, fresh, err));
    TRAIN_BENCH_OK(run("again", PLAIN, fresh, err));
    cut_back("again", 8);
    size_t n;
    char *text = model_bench_read(folder, "again/log.jsonl", &n);
    model_bench_write(folder, "again/log.jsonl", text, n - 20);
    free(text);
    TRAIN_BENCH_OK(run("again", PLAIN, resume, err));
    check_same_run("straight", "again");
}
END_TEST

/* Stopping early is remembered: a run that was cut down right behind its last checkpoint does not train on. */
START_TEST(early_stop) {
    const change c = {{"train.learning_rate=0", "train.patience=2", "train.checkpoint_every=3"}};
    TRAIN_BENCH_OK(run("straight", c, fresh, err));
    ck_assert_int_eq(steps_of("straight"), 9); /* best at 3, not better at 6 and 9 */
    ck_assert(exists("straight/checkpoints/step-000009"));
    TRAIN_BENCH_OK(run("again", c, fresh, err));
    for (int64_t step = 9; step >= 6; step -= 3) {
        cut_back("again", step);
        TRAIN_BENCH_OK(run("again", c, resume, err));
        check_same_run("straight", "again");
    }
    TRAIN_BENCH_OK(
        run("patient", (change){{"train.learning_rate=0", "train.patience=3", "train.max_steps=8"}}, fresh, err));
    ck_assert_int_eq(steps_of("patient"), 8);
}
END_TEST

/* Going on with a finished run does no harm. */
START_TEST(resume_of_a_finished_run) {
    TRAIN_BENCH_OK(run("straight", PLAIN, fresh, err));
    TRAIN_BENCH_OK(run("again", PLAIN, fresh, err));
    TRAIN_BENCH_OK(run("again", PLAIN, resume, err));
    check_same_run("straight", "again");
    TRAIN_BENCH_OK(run("new", PLAIN, resume, err)); /* nothing to go on from: from the beginning */
    check_same_run("straight", "new");
}
END_TEST

/* ---- how long ---- */

START_TEST(max_steps) {
    TRAIN_BENCH_OK(
        run("one", (change){{"train.max_steps=1"}}, fresh, err)); /* less than an epoch, less than eval_every */
    ck_assert_int_eq(steps_of("one"), 1);
    data_json *o = load_json("one/report.json");
    ck_assert_int_eq(data_json_integer(data_json_find(o, "best_step")), 1);
    data_json_free(o);
    TRAIN_BENCH_OK(run("seven", (change){{"train.max_steps=7", "train.epochs=1", "train.eval_every=0"}}, fresh,
                       err)); /* over two ends of an epoch */
    ck_assert_int_eq(steps_of("seven"), 7);
    char *log = log_of("seven");
    int n_evaluations = 0;
    for (const char *at = log; (at = strstr(at, "\"metrics\"")); at++) n_evaluations++;
    ck_assert_int_eq(n_evaluations, 4); /* before, at the ends of both epochs (3 and 6), at the end */
    ck_assert(strstr(log, "{\"step\": 3, \"metrics\"") && strstr(log, "{\"step\": 6, \"metrics\"") &&
              strstr(log, "{\"step\": 7, \"metrics\""));
    free(log);
}
END_TEST

/* The lines that load the model can be copied whatever the folder is called. */
START_TEST(loading_is_quoted) {
    TRAIN_BENCH_OK(run("it's \"here\"", (change){{"train.max_steps=1"}}, fresh, err));
    char *text = model_bench_read(folder, "it's \"here\"/report.md", NULL);
    ck_assert_msg(strstr(text, "it'\\''s \"here\"/best' --input texts.txt") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "/it's \\\"here\\\"/best\")\n") != NULL, "%s", text);
    free(text);
}
END_TEST

/* ---- what is there afterwards ---- */

static void check_model_folder(const char *name) {
    static const char *const files[] = {"config.json",
                                        "model.safetensors",
                                        "modules.json",
                                        "sentence_bert_config.json",
                                        "1_Pooling/config.json",
                                        "tokenizer.json",
                                        "vocab.txt",
                                        "tokenizer_config.json",
                                        "config_sentence_transformers.json"};
    char path[256];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", name, files[i]);
        ck_assert_msg(exists(path), "no %s", path);
    }
    char *whole = senc_path_join(folder, name);
    eval_model model;
    TRAIN_BENCH_OK(eval_model_load(&model, whole, &NN_OVERRIDES_NONE, err));
    ck_assert_str_eq(nn_model_prompt(model.model, "query"), "find: ");
    float vector[16];
    const eval_text text = {"grey heron", 10};
    TRAIN_BENCH_OK(eval_encoder_embed(model.encoder, NULL, &text, 1, vector, err));
    eval_model_free(&model);
    free(whole);
}

START_TEST(run_folder) {
    TRAIN_BENCH_OK(run("r", PLAIN, fresh, err));
    check_model_folder("r/best");
    check_model_folder("r/final");
    ck_assert(exists("r/config.toml") && exists("r/report.md") && exists("r/log.jsonl") &&
              exists("r/checkpoints/step-000012"));
    data_json *o = load_json("r/report.json"), *baseline = load_json("r/baseline.json");
    const char *key = data_json_text(data_json_find(o, "best_metric"), NULL);
    ck_assert_msg(key && strncmp(key, "held_cosine_", 12) == 0, "best_metric %s", key ? key : "is missing");
    const data_json *before = data_json_find(data_json_find(o, "before"), "metrics"),
                    *after = data_json_find(data_json_find(o, "after"), "metrics");
    ck_assert_int_gt(data_json_count(before), 5);
    ck_assert_int_eq(data_json_count(before), data_json_count(after));
    const double first = data_json_number(data_json_find(before, key)),
                 last = data_json_number(data_json_find(after, key));
    ck_assert_msg(last > first, "training on the test's own rows helps: %s %g -> %g", key, first, last);
    ck_assert_double_eq(first, data_json_number(data_json_find(data_json_find(baseline, "metrics"), key)));
    ck_assert_int_eq(data_json_integer(data_json_find(o, "rows")), 30);
    ck_assert_int_eq(data_json_integer(data_json_find(o, "texts")), 4 * 30 * 2);
    ck_assert_int_gt(data_json_integer(data_json_find(o, "masked_negatives")), -1);
    const data_json *comparison = data_json_find(o, "comparison"),
                    *first_change = data_json_first(
                        data_json_find(data_json_first(data_json_find(comparison, "candidates")), "changes"));
    ck_assert_str_eq(data_json_text(data_json_find(first_change, "key"), NULL), key);
    ck_assert_double_eq(data_json_number(data_json_find(first_change, "difference")), last - first);
    const data_json *detail = data_json_find(data_json_first(data_json_find(baseline, "results")), "detail");
    ck_assert_int_gt(data_json_count(data_json_find(detail, "units")), 5);
    data_json_free(o);
    data_json_free(baseline);
    char *page = model_bench_read(folder, "r/report.html", NULL);
    static const char *const wanted[] = {"<h1>No verdict: ",
                                         "Was the evaluation trained on?",

                                         "held: most improved",
                                         "Loss over the steps",
                                         "Headline metric over the steps",
                                         "the first answer is right",
                                         "What was trained",
                                         "learning rate",
                                         "&quot;find: &quot; before queries and anchors",
                                         "SentenceTransformer(&quot;/",
                                         "/r/best&quot;)",
                                         "/r/best --corpus",
                                         "training time",
                                         "<dt>machine</dt>",
                                         "<dt>nDCG@k</dt>"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        ck_assert_msg(strstr(page, wanted[i]) != NULL, "%s", wanted[i]);
    free(page);
    /* no temporary path is written anywhere, and the stored configuration is a configuration */
    char *text = model_bench_read(folder, "r/report.json", NULL);
    ck_assert(!strstr(text, ".tmp-"));
    free(text);
    char *path = senc_path_join(folder, "r/config.toml");
    train_config config;
    TRAIN_BENCH_OK(train_config_load(&config, path, NULL, 0, err));
    ck_assert_int_eq(config.train.accumulation, 3);
    train_config_free(&config);
    free(path);
}
END_TEST

START_TEST(without_evaluation) {
    senc_log_set_level(SENC_LOG_QUIET);
    TRAIN_BENCH_OK(run("straight", (change){{"eval=[]"}}, fresh, err));
    check_model_folder("straight/final");
    ck_assert(!exists("straight/best") && !exists("straight/baseline.json") && exists("straight/report.html"));
    TRAIN_BENCH_OK(run("again", (change){{"eval=[]"}}, fresh, err));
    cut_back("again", 4);
    TRAIN_BENCH_OK(run("again", (change){{"eval=[]"}}, resume, err));
    check_same_file("straight/final/model.safetensors", "again/final/model.safetensors");
    check_same_log("straight", "again");
}
END_TEST

/* ---- leakage ---- */

static const char *text_of(const data_json *v) {
    size_t n_bytes;
    return data_json_text(v, &n_bytes);
}

static int64_t integer_of(const data_json *o, const char *key) {
    return data_json_integer(data_json_find(o, key));
}

/* All 15 questions of the evaluation are trained on: said in the log and the report, and there is no verdict. */
START_TEST(leakage_is_told) {
    TRAIN_BENCH_OK(run("r", PLAIN, fresh, err));
    data_json *report = load_json("r/report.json");
    const data_json *leakage = data_json_find(report, "leakage");
    const data_json *held = data_json_first(data_json_find(leakage, "evaluations"));
    const data_json *candidate = data_json_first(data_json_find(data_json_find(report, "comparison"), "candidates"));
    ck_assert_int_eq(integer_of(leakage, "dropped_rows"), 0);
    ck_assert_int_eq(integer_of(held, "units"), 15);
    ck_assert_int_eq(integer_of(held, "exact"), 15);
    ck_assert_str_eq(text_of(data_json_find(candidate, "verdict")), "no verdict");
    data_json_free(report);
    data_json *best = load_json("r/best.json");
    const data_json *trained_on = data_json_first(data_json_find(best, "trained_on"));
    ck_assert_str_eq(text_of(data_json_find(trained_on, "name")), "held");
    ck_assert_int_eq(integer_of(trained_on, "trained_on"), 15);
    data_json_free(best);
    char *log = model_bench_read(folder, "r/log.jsonl", NULL);
    ck_assert(strncmp(log, "{\"step\": 0, \"leakage\": ", 23) == 0);
    free(log);
}
END_TEST

START_TEST(leakage_is_dropped) {
    TRAIN_BENCH_OK(run("r", (change){{"train.on_leakage=drop"}}, fresh, err));
    data_json *report = load_json("r/report.json");
    const data_json *leakage = data_json_find(report, "leakage");
    const data_json *candidate = data_json_first(data_json_find(data_json_find(report, "comparison"), "candidates"));
    ck_assert_int_eq(integer_of(report, "rows"), 15);
    ck_assert_int_eq(integer_of(leakage, "rows"), 30);
    ck_assert_int_eq(integer_of(leakage, "dropped_rows"), 15);
    ck_assert_str_ne(text_of(data_json_find(candidate, "verdict")), "no verdict");
    data_json_free(report);
    TRAIN_BENCH_FAILS(run("r", PLAIN, resume, err), SENC_BAD_INPUT, "train.on_leakage");
}
END_TEST

START_TEST(leakage_stops) {
    TRAIN_BENCH_FAILS(run("r", (change){{"train.on_leakage=stop"}}, fresh, err), SENC_BAD_INPUT,
                      "15 of 15 questions of evaluation \"held\" are in the training data");
    ck_assert(!exists("r"));
    char path[256];
    snprintf(path, sizeof path, "eval.0.path=%s/train.jsonl", folder);
    TRAIN_BENCH_FAILS(run("r", (change){{"train.on_leakage=drop", path}}, fresh, err), SENC_BAD_INPUT,
                      "nothing is left to train on");
}
END_TEST

START_TEST(dry_run) {
    TRAIN_BENCH_OK(run("r", PLAIN, (train_run_options){.dry_run = true}, err));
    ck_assert(!exists("r"));
}
END_TEST

/* ---- refused ---- */

START_TEST(never_overwritten) {
    TRAIN_BENCH_OK(run("r", PLAIN, fresh, err));
    model_bench_write_text(folder, "r/mine.txt", "notes");
    model_bench_write_text(folder, "r/final/marker", "old");
    TRAIN_BENCH_FAILS(run("r", PLAIN, fresh, err), SENC_BAD_INPUT,
                      "holds an earlier run; --resume goes on with it, --overwrite replaces it");
    ck_assert(exists("r/final/marker"));
    TRAIN_BENCH_OK(run("r", (change){{"train.max_steps=2"}}, (train_run_options){.overwrite = true}, err));
    ck_assert_int_eq(steps_of("r"), 2);
    ck_assert(!exists("r/final/marker") && !exists("r/checkpoints/step-000012") && exists("r/mine.txt"));
    free(log_of("r"));
}
END_TEST

START_TEST(changed_config) {
    TRAIN_BENCH_OK(run("r", PLAIN, fresh, err));
    TRAIN_BENCH_FAILS(run("r", (change){{"train.batch_size=5"}}, resume, err), SENC_BAD_INPUT, "train.batch_size");
    TRAIN_BENCH_FAILS(run("r", (change){{"loss.temperature=0.1"}}, resume, err), SENC_BAD_INPUT, "loss.temperature");
    TRAIN_BENCH_OK(run("r", (change){{"train.log_every=5", "train.keep_checkpoints=1"}}, resume, err));
}
END_TEST

START_TEST(changed_threads_or_data) {
    TRAIN_BENCH_OK(run("r", PLAIN, fresh, err));
    train_bench_threads(1);
    TRAIN_BENCH_FAILS(run("r", PLAIN, resume, err), SENC_BAD_INPUT,
                      "the run was started with 2 threads, there are 1 now");
    train_bench_threads(2);
    char *rows = model_bench_read(folder, "train.jsonl", NULL);
    *strrchr(rows, '{') = '\0';
    model_bench_write_text(folder, "train.jsonl", rows);
    free(rows);
    TRAIN_BENCH_FAILS(run("r", PLAIN, resume, err), SENC_BAD_INPUT,
                      "train.jsonl: has changed since the run was started");
}
END_TEST

/* ---- what a run reads ---- */

static void set_time(const char *name, time_t seconds) {
    char *path = senc_path_join(folder, name);
    const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    free(path);
}

/* A file of another time and the same content is the same; one of the same size and another content is not. */
static void check_input(const char *name, const char *from, const char *to) {
    char message[128];
    snprintf(message, sizeof message, "%s: has changed since the run was started",
             strrchr(name, '/') ? strrchr(name, '/') : name);
    set_time(name, 1000000);
    TRAIN_BENCH_OK(run("r", PLAIN, resume, err));
    ck_assert_int_eq(strlen(from), strlen(to));
    model_bench_replace(folder, name, from, to);
    TRAIN_BENCH_FAILS(run("r", PLAIN, resume, err), SENC_BAD_INPUT, message);
    model_bench_replace(folder, name, to, from);
    set_time(name, 2000000);
    TRAIN_BENCH_OK(run("r", PLAIN, resume, err));
}

START_TEST(changed_inputs) {
    TRAIN_BENCH_OK(run("base", PLAIN, fresh, err));
    model_bench_replace(folder, "config.toml", "architecture = \"bert\"", "base = \"base/final\"");
    TRAIN_BENCH_OK(run("r", PLAIN, fresh, err));
    check_input("train.jsonl", "the old heron", "the odd heron");
    check_input("test.jsonl", "\"anchor\": \"", "\"anchor\":\t\"");
    check_input("base/final/config.json", "\"num_hidden_layers\": ", "\"num_hidden_layers\":\t");
    check_input("base/final/tokenizer.json", "\"version\": ", "\"version\":\t");
    model_bench_write_text(folder, "base/final/added_tokens.json", "{}");
    TRAIN_BENCH_FAILS(run("r", PLAIN, resume, err), SENC_BAD_INPUT,
                      "added_tokens.json: has come since the run was started");
    remove_path("base/final/added_tokens.json");
    remove_path("base/final/vocab.txt");
    TRAIN_BENCH_FAILS(run("r", PLAIN, resume, err), SENC_BAD_INPUT, "vocab.txt: has gone since the run was started");
}
END_TEST

/* A checkpoint of the program that did not note them. */
START_TEST(unknown_inputs) {
    TRAIN_BENCH_OK(run("again", PLAIN, fresh, err));
    cut_back("again", 8);
    model_bench_replace(folder, "again/checkpoints/step-000008/state.json", "\"inputs\"", "\"nothing\"");
    remove_path("again/senc-run.json");
    senc_log_set_level(SENC_LOG_QUIET);
    TRAIN_BENCH_OK(run("again", PLAIN, resume, err));
    ck_assert(exists("again/senc-run.json"));
    TRAIN_BENCH_OK(run("straight", PLAIN, fresh, err));
    check_same_run("straight", "again");
}
END_TEST

/* ---- longer ---- */

/* With a constant rate a run that is extended is the one that was meant to be as long from the start. */
START_TEST(extended) {
    static const change two = {{"train.schedule=constant", "train.warmup=0", "train.epochs=2"}},
                        four = {{"train.schedule=constant", "train.warmup=0", "train.epochs=4"}},
                        three_steps = {{"train.schedule=constant", "train.warmup=0", "train.max_steps=3"}};
    const train_run_options longer = {.resume = true, .extend = true};
    TRAIN_BENCH_OK(run("straight", four, fresh, err));
    TRAIN_BENCH_OK(run("again", two, fresh, err));
    ck_assert_int_eq(steps_of("again"), 6);
    TRAIN_BENCH_FAILS(
        run("again", four, resume, err), SENC_BAD_INPUT,
        "resume: train.epochs: the run was started with 2, the config says 4; change it back, add --extend");
    TRAIN_BENCH_FAILS(
        run("again", (change){{"train.schedule=linear", "train.warmup=0", "train.epochs=4"}}, longer, err),
        SENC_BAD_INPUT, "train.schedule");
    TRAIN_BENCH_FAILS(run("again", three_steps, longer, err), SENC_BAD_INPUT, "--extend: the run is at step 6");
    TRAIN_BENCH_OK(run("again", four, longer, err));
    check_same_run("straight", "again");
    TRAIN_BENCH_OK(run("again", four, resume, err)); /* config.toml says what the run is now */
    TRAIN_BENCH_FAILS(run("again", two, resume, err), SENC_BAD_INPUT, "train.epochs: the run was started with 4");
}
END_TEST

/* Behind the checkpoint from which it goes on the run had found a better model, and will not find it again. */
START_TEST(extended_from_an_older_checkpoint) {
    TRAIN_BENCH_OK(run("r", PLAIN, fresh, err));
    data_json *o = load_json("r/report.json");
    const int64_t best_step = data_json_integer(data_json_find(o, "best_step"));
    data_json_free(o);
    ck_assert_int_gt(best_step, 4);
    cut_back("r", 4);
    TRAIN_BENCH_OK(run("r", (change){{"train.max_steps=4"}}, (train_run_options){.resume = true, .extend = true}, err));
    o = load_json("r/report.json");
    ck_assert_int_eq(data_json_integer(data_json_find(o, "best_step")), best_step);
    data_json_free(o);
}
END_TEST

/* ---- replaced ---- */

static const char *const run_files[] = {"config.toml",
                                        "log.jsonl",
                                        "baseline.json",
                                        "best.json",
                                        "report.json",
                                        "report.html",
                                        "best/model.safetensors",
                                        "final/model.safetensors",
                                        "checkpoints/step-000012/state.safetensors",
                                        "senc-run.json"};
enum { N_RUN_FILES = sizeof run_files / sizeof *run_files };

/* Every file of a run in one number. */
static uint64_t sum_of(const char *name) {
    uint64_t sum = 0;
    for (int i = 0; i < N_RUN_FILES; i++) {
        char path[256];
        size_t n;
        snprintf(path, sizeof path, "%s/%s", name, run_files[i]);
        char *bytes = model_bench_read(folder, path, &n);
        sum = senc_rng_mix(sum ^ data_text_hash(bytes, n));
        free(bytes);
    }
    return sum;
}

/* The new run fails at the baseline: the earlier one is as it was. */
START_TEST(replacement_fails) {
    TRAIN_BENCH_OK(run("r", PLAIN, fresh, err));
    model_bench_write_text(folder, "r/mine.txt", "notes");
    const uint64_t sum = sum_of("r");
    model_bench_write_text(folder, "equal.csv", "a,b,0.5\nc,d,0.5\n");
    const change equal = {{"eval=[{type=\"sts\", path=\"equal.csv\"}]"}};
    char *here = getcwd(NULL, 0);
    ck_assert_int_eq(chdir(folder), 0);
    TRAIN_BENCH_FAILS(run("r", equal, (train_run_options){.overwrite = true}, err), SENC_BAD_INPUT,
                      "the earlier run is back in ");
    ck_assert_int_eq(chdir(here), 0);
    free(here);
    ck_assert(sum_of("r") == sum && exists("r/mine.txt") && !exists("r/earlier") && !exists("r/unfinished"));
    TRAIN_BENCH_OK(run("r", PLAIN, resume, err));
}
END_TEST

static const struct bad_run {
    change c;
    senc_error_kind kind;
    const char *part;
} bad_runs[] = {
    {{{"data.0.path=absent.jsonl"}}, SENC_BAD_INPUT, "absent.jsonl"},
    {{{"eval.0.path=absent.jsonl"}}, SENC_BAD_INPUT, "absent.jsonl"},
    {{{"eval.0.type=retreival"}}, SENC_BAD_INPUT, "retreival"},
    {{{"loss={type = \"cosine\"}"}}, SENC_BAD_INPUT, "sentence1"},
    {{{"train.best_metric=held_cosine_ndgc@10"}}, SENC_BAD_INPUT, "did you mean \"held_cosine_ndcg@10\"?"},
    {{{"train.memory_limit=1KiB"}}, SENC_BAD_INPUT, "train.memory_limit: weights, gradients and AdamW take "},
    {{{"train.batch_size=1"}}, SENC_BAD_INPUT, "train.batch_size: loss \"mnrl\" takes the other rows"},
};
enum { N_BAD_RUNS = sizeof bad_runs / sizeof bad_runs[0] };

START_TEST(refused) {
    const struct bad_run *b = &bad_runs[_i];
    TRAIN_BENCH_FAILS(run("r", b->c, fresh, err), b->kind, b->part);
}
END_TEST

START_TEST(no_base_model) {
    model_bench_replace(folder, "config.toml", "architecture = \"bert\"", "base = \"absent-model\"");
    TRAIN_BENCH_FAILS(run("r", PLAIN, fresh, err), SENC_BAD_INPUT,
                      "config.toml: model.base: absent-model: no such model");
    ck_assert(!exists("r"));
}
END_TEST

START_TEST(output_under_a_file) {
    model_bench_write_text(folder, "file", "x");
    senc_error failure = {0};
    ck_assert(!run("file/run", PLAIN, fresh, &failure));
    ck_assert_msg(strstr(failure.text, "file") != NULL && failure.kind != SENC_OK, "%s", failure.text);
    failure = (senc_error){0};
    ck_assert(!run("file", PLAIN, fresh, &failure)); /* the folder itself is a file */
    ck_assert_msg(strstr(failure.text, "file") != NULL, "%s", failure.text);
    failure = (senc_error){0};
    ck_assert(!run("file", PLAIN, resume, &failure));
    char *text = model_bench_read(folder, "file", NULL);
    ck_assert_str_eq(text, "x");
    free(text);
}
END_TEST

/* ---- signals ---- */

static volatile sig_atomic_t ticks_to_wait, raised;

/* Raises SIGINT at the n-th tick at which the run listens for it: before that it would end this process. */
static void tick(int number) {
    (void)number;
    struct sigaction action;
    sigaction(SIGINT, NULL, &action);
    if (raised || action.sa_handler == SIG_DFL || ticks_to_wait-- > 0) return;
    raised = 1;
    raise(SIGINT);
}

static void ticks(long every_us) {
    struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    const struct itimerval timer = {{0, every_us}, {0, every_us}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

START_TEST(interrupted) {
    static const change c = {{"train.max_steps=150", "train.eval_every=40", "train.checkpoint_every=0"}};
    TRAIN_BENCH_OK(run("straight", c, fresh, err));
    int n_interrupted = 0;
    bool ok = false;
    for (int attempt = 0; !ok; attempt++) {
        senc_error failure = {0};
        raised = 0;
        ticks_to_wait = attempt % 4;
        ticks(attempt < 12 ? 4000 : 0); /* then it may finish */
        ok = run("again", c, attempt ? resume : fresh, &failure);
        ticks(0);
        if (ok) break;
        n_interrupted++;
        ck_assert_msg(failure.kind == SENC_INTERRUPTED, "%s", failure.text);
        if (strncmp(failure.text, "interrupted: no step", 20) == 0) {
            ck_assert(!exists("again/best") && !exists("again/final"));
            continue;
        }
        ck_assert_msg(strncmp(failure.text, "interrupted: saved at step ", 27) == 0 && strstr(failure.text, "--resume"),
                      "%s", failure.text);
        const long long step = strtoll(failure.text + 27, NULL, 10);
        char path[64];
        snprintf(path, sizeof path, "again/checkpoints/step-%06lld", step);
        ck_assert_msg(exists(path), "no %s", path);
        ck_assert(!exists("again/final"));
        struct sigaction action;
        sigaction(SIGINT, NULL, &action);
        ck_assert(action.sa_handler == SIG_DFL); /* given back */
    }
    ck_assert_int_ge(n_interrupted, 1);
    check_same_run("straight", "again");
}
END_TEST

/* Interrupted before its first evaluation: the earlier run is back, the new one goes on from where it was. */
START_TEST(replacement_is_interrupted) {
    static const change c = {{"train.max_steps=150", "train.eval_every=140", "train.checkpoint_every=0"}};
    TRAIN_BENCH_OK(run("straight", c, fresh, err));
    TRAIN_BENCH_OK(run("again", PLAIN, fresh, err));
    int n_interrupted = 0;
    for (int attempt = 0; attempt < 12 && n_interrupted < 3; attempt++) {
        senc_error failure = {0};
        const uint64_t sum = sum_of("again");
        const bool begun = exists("again/unfinished");
        raised = 0;
        ticks_to_wait = 2 + attempt;
        ticks(4000);
        const bool ok = run("again", c, begun ? resume : (train_run_options){.overwrite = true}, &failure);
        ticks(0);
        if (ok) break;
        ck_assert_msg(failure.kind == SENC_INTERRUPTED && strstr(failure.text, "the earlier run is back in "), "%s",
                      failure.text);
        if (strncmp(failure.text, "interrupted: no step", 20) == 0) { /* there is nothing to go on with */
            ck_assert(sum_of("again") == sum && !begun && !exists("again/unfinished") && !exists("again/earlier"));
            continue;
        }
        n_interrupted++;
        ck_assert(sum_of("again") == sum && exists("again/unfinished/checkpoints") && !exists("again/earlier"));
        TRAIN_BENCH_FAILS(run("again", c, fresh, err), SENC_BAD_INPUT, "--resume goes on with that one");
        TRAIN_BENCH_OK(run("again", PLAIN, resume, err)); /* the earlier one's own configuration is the earlier one */
    }
    ck_assert_int_ge(n_interrupted, 1);
    TRAIN_BENCH_OK(run("again", c, resume, err));
    check_same_run("straight", "again");
    ck_assert(!exists("again/unfinished") && !exists("again/earlier"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("run");
    TCase *tests = tcase_create("run");
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, a_limit_changes_nothing);
    tcase_add_loop_test(tests, going_on_is_not_stopping, 0, N_VARIANTS);
    tcase_add_test(tests, seed);
    tcase_add_test(tests, damaged_checkpoint);
    tcase_add_test(tests, cut_log);
    tcase_add_test(tests, early_stop);
    tcase_add_test(tests, resume_of_a_finished_run);
    tcase_add_test(tests, max_steps);
    tcase_add_test(tests, loading_is_quoted);
    tcase_add_test(tests, run_folder);
    tcase_add_test(tests, without_evaluation);
    tcase_add_test(tests, dry_run);
    tcase_add_test(tests, leakage_is_told);
    tcase_add_test(tests, leakage_is_dropped);
    tcase_add_test(tests, leakage_stops);
    tcase_add_test(tests, never_overwritten);
    tcase_add_test(tests, changed_config);
    tcase_add_test(tests, changed_threads_or_data);
    tcase_add_loop_test(tests, refused, 0, N_BAD_RUNS);
    tcase_add_test(tests, no_base_model);
    tcase_add_test(tests, output_under_a_file);
    tcase_add_test(tests, interrupted);
    tcase_add_test(tests, changed_inputs);
    tcase_add_test(tests, unknown_inputs);
    tcase_add_test(tests, extended);
    tcase_add_test(tests, extended_from_an_older_checkpoint);
    tcase_add_test(tests, replacement_fails);
    tcase_add_test(tests, replacement_is_interrupted);
    suite_add_tcase(suite, tests);
    return train_bench_run(suite);
}
