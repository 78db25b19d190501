/* Configurations: the shipped ones load, what is printed loads again and prints the same, --set, messages with their
 * places, and what may change when a run goes on. No data and no model is opened. */
#include "train/config.h"

#include <dirent.h>

#include "tests/train/train_bench.h"

#define CONFIGS SENC_TESTS "/../configs"

static const char small[] = "[model]\n"
                            "architecture = \"bert\"\n"
                            "\n"
                            "[[data]]\n"
                            "path = \"a.jsonl\"\n"
                            "columns = { anchor = \"question\", positive = \"answer\" }\n"
                            "[[data]]\n"
                            "path = \"b.jsonl\"\n"
                            "[loss]\n"
                            "type = \"mnrl\"\n"
                            "[train]\n"
                            "batch_size = 16\n"
                            "[[eval]]\n"
                            "type = \"retrieval\"\n"
                            "path = \"test\"\n"
                            "[output]\n"
                            "dir = \"runs/x\"\n";

static char *folder;

static void start(void) {
    folder = model_bench_folder();
    setenv("SENC_MODELS", "/nowhere/models", 1);
    setenv("SENC_DATA", "/nowhere/data", 1);
}

static void stop(void) {
    model_bench_remove(folder);
}

/* text -> folder/name; the caller frees the path. */
static char *write_config(const char *name, const char *text) {
    model_bench_write_text(folder, name, text);
    return senc_path_join(folder, name);
}

static char *print(const train_config *c, bool with_help) {
    senc_buffer out = {0};
    TRAIN_BENCH_OK(train_config_print(c, with_help, &out, err));
    return senc_buffer_take(&out);
}

/* What is printed loads and prints the same, from another folder too, with and without help. */
static void check_prints_again(const train_config *c) {
    for (int help = 0; help < 2; help++) {
        char *first = print(c, help), *path = write_config("deeper/printed.toml", first);
        train_config again;
        TRAIN_BENCH_OK(train_config_load(&again, path, NULL, 0, err));
        char *second = print(&again, help);
        ck_assert_str_eq(first, second);
        TRAIN_BENCH_OK(train_config_check_same(c, path, false, err));
        TRAIN_BENCH_OK(train_config_check_same(&again, path, false, err));
        train_config_free(&again);
        free(second);
        free(path);
        free(first);
    }
}

START_TEST(shipped) {
    DIR *d = opendir(CONFIGS);
    ck_assert_msg(d != NULL, "no %s", CONFIGS);
    int n = 0;
    for (struct dirent *e; (e = readdir(d));) {
        const size_t length = strlen(e->d_name);
        if (length < 5 || strcmp(e->d_name + length - 5, ".toml") != 0) continue;
        char *path = senc_path_join(CONFIGS, e->d_name);
        train_config c;
        TRAIN_BENCH_OK(train_config_load(&c, path, NULL, 0, err));
        ck_assert_ptr_nonnull(c.loss);
        ck_assert_int_ge(c.n_sources, 1);
        ck_assert_int_ge(c.n_evals, 1);
        check_prints_again(&c);
        train_config_free(&c);
        free(path);
        n++;
    }
    closedir(d);
    ck_assert_int_ge(n, 5);
}
END_TEST

START_TEST(defaults_and_values) {
    char *path = write_config("c.toml", small);
    train_config c;
    TRAIN_BENCH_OK(train_config_load(&c, path, NULL, 0, err));
    ck_assert_str_eq(c.path, path);
    ck_assert_ptr_null(c.model.base);
    ck_assert_str_eq(c.model.architecture, "bert");
    ck_assert_int_eq(c.train.batch_size, 16);
    ck_assert_int_eq(c.train.epochs, 1);
    ck_assert_double_eq(c.train.learning_rate, 2e-5);
    ck_assert_double_eq(c.train.dropout, -1);
    ck_assert_int_eq(c.train.seed, 42);
    ck_assert_int_eq(c.train.memory_limit, 0);
    ck_assert_str_eq(c.loss->name, "mnrl");
    ck_assert_int_eq(c.roles.n_texts, 2);
    ck_assert_int_eq(c.n_sources, 2);
    ck_assert_int_eq(c.n_evals, 1);
    char *want = senc_path_join(folder, "b.jsonl"); /* relative to the file */
    ck_assert_str_eq(c.sources[1].path, want);
    free(want);
    want = senc_path_join(folder, "runs/x");
    ck_assert_str_eq(c.output.dir, want);
    free(want);
    check_prints_again(&c);
    train_config_free(&c);
    ck_assert_ptr_null(c.sources);
    free(path);
}
END_TEST

/* Every value the config can hold, also those that print awkwardly. */
START_TEST(odd_values) {
    static const char *const sets[] = {
        "model.query_prompt=\"a ${X} \\\"quoted\\\" \\\\ \\u00e9\\n\"",
        "model.pooling=cls+mean",
        "train.seed=9007199254740993",
        "train.memory_limit=1.5GiB",
        "train.epsilon=1e-12",
        "train.learning_rate=0.1",
        "train.warmup=3",
        "train.schedule=cosine",
        "train.best_metric=x_cosine_ndcg@10",
        "train.patience=2",
        "loss.temperature=0.07",
        "loss.symmetric=true",
        "data.1.columns={anchor = 1, positive = \"two words\", negative = [\"n 1\", \"n2\"]}",
        "data.1.held_out=0.25",
        "data.1.part=train",
        "data.1.on_empty=skip",
        "data.1.score_range=[0, 5]",
        "eval.0.name=other"};
    setenv("X", "value of X", 1);
    char *path = write_config("c.toml", small);
    train_config c;
    TRAIN_BENCH_OK(train_config_load(&c, path, sets, sizeof sets / sizeof sets[0], err));
    ck_assert_str_eq(c.model.query_prompt, "a value of X \"quoted\" \\ \xc3\xa9\n");
    ck_assert(c.train.seed == INT64_C(9007199254740993)); /* not rounded to a double */
    ck_assert_int_eq(c.train.memory_limit, 3LL << 29);
    ck_assert_double_eq(c.train.warmup, 3);
    ck_assert_int_eq(c.train.schedule, TRAIN_SCHEDULE_COSINE);
    unsetenv("X"); /* what is printed does not need it any more */
    check_prints_again(&c);
    train_config_free(&c);
    free(path);
}
END_TEST

START_TEST(set) {
    static const char *const sets[] = {"data.0.limit=7",
                                       "data.1.path=/data/other.jsonl",
                                       "train.batch_size=8",
                                       "train.batch_size=9",
                                       "output.dir=/elsewhere",
                                       "loss={type = \"triplet\", margin = 0.5}",
                                       "eval.0={type = \"sts\", path = \"/s\"}",
                                       "data.0.columns.anchor=other"};
    char *path = write_config("c.toml", small);
    train_config c;
    TRAIN_BENCH_OK(train_config_load(&c, path, sets, sizeof sets / sizeof sets[0], err));
    ck_assert_int_eq(c.sources[0].limit, 7);
    ck_assert_int_eq(c.sources[1].limit, 0);
    ck_assert_str_eq(c.sources[1].path, "/data/other.jsonl");
    ck_assert_int_eq(c.train.batch_size, 9); /* the last one counts */
    ck_assert_str_eq(c.output.dir, "/elsewhere");
    ck_assert_str_eq(c.loss->name, "triplet");
    ck_assert_str_eq(senc_value_find(c.sources[0].columns, "anchor")->string, "other");
    ck_assert_str_eq(senc_value_find(c.sources[0].columns, "positive")->string, "answer"); /* merged, not replaced */
    train_config_free(&c);
    free(path);
}
END_TEST

/* A path on the command line is relative to the current folder, one in the file to the file. */
START_TEST(set_path) {
    static const char *const sets[] = {"data.0.path=here.jsonl"};
    char *path = write_config("c.toml", small);
    train_config c;
    TRAIN_BENCH_OK(train_config_load(&c, path, sets, 1, err));
    ck_assert_str_eq(c.sources[0].path, "here.jsonl");
    check_prints_again(&c);
    train_config_free(&c);
    free(path);
}
END_TEST

static const struct bad_set {
    const char *set, *part;
} bad_sets[] = {
    {"data.2.limit=7", "--set"},
    {"data.-1.limit=7", "--set"},
    {"data.limit=7", "--set"},
    {"data.0.limit=many", "data.limit: expected"},
    {"train.batch_size=0", "train.batch_size: expected an integer in [1, 1000000], got 0"},
    {"train.batch_size=16.5", "train.batch_size"},
    {"train.batchsize=16", "train.batchsize: unknown key"},
    {"train.batchsize=16", "did you mean \"batch_size\"?"},
    {"train.learning_rate=-1", "train.learning_rate"},
    {"train.learning_rate=nan", "train.learning_rate"},
    {"train.schedule=sine", "train.schedule"},
    {"train=3", "train: expected a table"},
    {"data=3", "data: expected an array of tables"},
    {"data=[1, 2]", "data: expected an array of tables"},
    {"data=[]", "[[data]]: missing"},
    {"eval=\"sts\"", "eval: expected an array of tables"},
    {"trian.batch_size=3", "trian: unknown table; did you mean \"train\"?"},
    {"zzzzzz.a=3", "zzzzzz: unknown table; expected model, data, loss, train, eval or output"},
    {"loss.type=mnlr", "loss.type: unknown loss \"mnlr\"; did you mean \"mnrl\"?"},
    {"loss.type=qqqqqqqqq", "unknown loss \"qqqqqqqqq\"; senc list losses shows all"},
    {"loss.type=3", "loss.type"},
    {"loss.margn=3", "loss.margn: unknown key for loss \"mnrl\""},
    {"loss.temperature=0", "loss.temperature"},
    {"model.base=m", "model: expected either base"},
    {"model.heads=5", "model.heads: expected a divisor of hidden_size = 128, got 5"},
    {"model.max_length=2", "model.max_length: expected 0 or an integer >= 3, got 2"},
    {"model.max_length=1000", "model.max_length: expected at most max_positions = 512, got 1000"},
    {"train.max_length=2", "train.max_length: expected 0 or an integer >= 3, got 2"},
    {"train.max_length=1000", "train.max_length: expected at most max_positions = 512, got 1000"},
    {"train.baselines=[\"bm26\"]", "train.baselines: expected [\"bm25\"] or [], got \"bm26\""},
    {"train.baselines=[\"bm25\", \"bm25?k1=2\"]", "got also \"bm25?k1=2\""},
    {"train.epochs=0", "nothing to do"},
    {"train.precision=fp64", "train.precision"},
    {"output.dir=\"\"", "output.dir: expected a path"},
    {"batch_size", "--set"},
    {"=3", "--set"},
    {"", "--set"},
};
enum { N_BAD_SETS = sizeof bad_sets / sizeof bad_sets[0] };

START_TEST(refused_set) {
    char *path = write_config("c.toml", small);
    train_config c;
    TRAIN_BENCH_FAILS(train_config_load(&c, path, &bad_sets[_i].set, 1, err), SENC_BAD_INPUT, bad_sets[_i].part);
    ck_assert_ptr_null(c.path); /* nothing is left to free */
    free(path);
}
END_TEST

static const struct bad_file {
    const char *text, *part; /* part begins behind the path */
} bad_files[] = {
    {"", ": output.dir: "},
    {"[output]\ndir = \"r\"\n", ": loss.type: missing"},
    {"[model]\nbase = \"m\"\n[loss]\ntype = \"mnrl\"\n[output]\ndir = \"r\"\n", ": [[data]]: missing"},
    {"[model]\nbase = \"m\"\n[[data]]\npath = \"d\"\n[loss]\ntype = \"mnrl\"\n", ": output.dir: "},
    {"[[data]]\npath = \"d\"\n[loss]\ntype = \"mnrl\"\n[output]\ndir = \"r\"\n", "got neither"},
    {"[model]\nbase = \"m\"\narchitecture = \"bert\"\n[[data]]\npath = \"d\"\n[loss]\ntype = \"mnrl\"\n[output]\ndir = "
     "\"r\"\n",
     "got both"},
    {"[model]\nbase = \"m\"\n[[data]]\npath = \"d\"\n[loss]\ntype = \"mnrl\"\n[train]\npatience = 2\n[output]\ndir = "
     "\"r\"\n",
     ": train.patience: needs an [[eval]] table"},
    {"[model]\nbase = \"m\"\n[[data]]\npath = \"d\"\n[loss]\ntype = \"mnrl\"\n[train]\nbest_metric = "
     "\"x\"\n[output]\ndir = \"r\"\n",
     ": train.best_metric: needs an [[eval]] table"},
    {"[model]\nbase = \"m\"\n[train]\nbatch_size = \"sixteen\"\n",
     ":4:14: train.batch_size: expected an integer in [1, 1000000], got \"sixteen\""},
    {"[model]\nbase = \"m\"\n\n[trian]\nbatch_size = 16\n", ":4:2: trian: unknown table; did you mean \"train\"?"},
    {"[model]\nbse = \"m\"\n", ":2:1: model.bse: unknown key; did you mean \"base\"?"},
    {"[model]\nbase = \"${SENC_TEST_UNSET}\"\n", ":2:8: "},
    {"[model\nbase = 3\n", ":1:7: "},
    {"data = 3\n[loss]\ntype = \"mnrl\"\n[output]\ndir = \"r\"\n",
     ":1:8: data: expected an array of tables ([[data]]), got an integer"},
};
enum { N_BAD_FILES = sizeof bad_files / sizeof bad_files[0] };

START_TEST(refused_file) {
    unsetenv("SENC_TEST_UNSET");
    char *path = write_config("c.toml", bad_files[_i].text);
    train_config c;
    TRAIN_BENCH_FAILS(train_config_load(&c, path, NULL, 0, err), SENC_BAD_INPUT, bad_files[_i].part);
    senc_error failure = {0};
    ck_assert(!train_config_load(&c, path, NULL, 0, &failure));
    ck_assert_msg(strncmp(failure.text, path, strlen(path)) == 0, "expected the path first, got \"%s\"", failure.text);
    free(path);
}
END_TEST

START_TEST(no_file) {
    train_config c;
    TRAIN_BENCH_FAILS(train_config_load(&c, "no/such.toml", NULL, 0, err), SENC_BAD_INPUT, "no/such.toml");
}
END_TEST

/* ---- going on ---- */

static const struct change {
    const char *set, *key; /* key NULL: it may change */
} changes[] = {
    {"train.batch_size=17", "train.batch_size"},
    {"train.seed=43", "train.seed"},
    {"train.learning_rate=3e-5", "train.learning_rate"},
    {"train.epochs=2", "train.epochs"},
    {"train.eval_every=5", "train.eval_every"},
    {"train.memory_limit=1GiB", "train.memory_limit"},
    {"train.dropout=0.2", "train.dropout"},
    {"train.patience=3", "train.patience"},
    {"train.best_metric=x", "train.best_metric"},
    {"model.hidden_size=64", "model.hidden_size"},
    {"model.query_prompt=q", "model.query_prompt"},
    {"loss.temperature=0.06", "loss.temperature"},
    {"loss.type=triplet", "loss."},
    {"data.0.limit=5", "data.0.limit"},
    {"data.1.path=/other", "data.1.path"},
    {"data.0.columns.anchor=q", "data.0.columns.anchor"},
    {"data=[{path = \"/other\"}]", "data"},
    {"eval.0.name=n", "eval.0.name"},
    {"eval=[]", "eval"},
    {"train.log_every=7", NULL},
    {"train.checkpoint_every=7", NULL},
    {"train.keep_checkpoints=7", NULL},
    {"train.threads=7", NULL},
    {"output.dir=/moved", NULL},
};
enum { N_CHANGES = sizeof changes / sizeof changes[0] };

START_TEST(changed) {
    const struct change *change = &changes[_i];
    char *path = write_config("c.toml", small);
    train_config before, after;
    TRAIN_BENCH_OK(train_config_load(&before, path, NULL, 0, err));
    char *text = print(&before, true), *stored = write_config("stored.toml", text);
    TRAIN_BENCH_OK(train_config_load(&after, path, &change->set, 1, err));
    if (change->key) {
        char part[128];
        snprintf(part, sizeof part, "resume: %s", change->key);
        TRAIN_BENCH_FAILS(train_config_check_same(&after, stored, false, err), SENC_BAD_INPUT, part);
    } else {
        TRAIN_BENCH_OK(train_config_check_same(&after, stored, false, err));
    }
    train_config_free(&before);
    train_config_free(&after);
    free(text);
    free(stored);
    free(path);
}
END_TEST

/* Both values are in the message; a stored file that is gone or broken is an error too. */
START_TEST(changed_message) {
    static const char *const sets[] = {"train.batch_size=17"};
    char *path = write_config("c.toml", small);
    train_config c;
    TRAIN_BENCH_OK(train_config_load(&c, path, NULL, 0, err));
    char *text = print(&c, false), *stored = write_config("stored.toml", text);
    train_config_free(&c);
    TRAIN_BENCH_OK(train_config_load(&c, path, sets, 1, err));
    TRAIN_BENCH_FAILS(train_config_check_same(&c, stored, false, err), SENC_BAD_INPUT,
                      "started with 16, the config says 17");
    model_bench_write_text(folder, "stored.toml", "[train\n");
    TRAIN_BENCH_FAILS(train_config_check_same(&c, stored, false, err), SENC_BAD_INPUT, "stored.toml:1");
    TRAIN_BENCH_FAILS(train_config_check_same(&c, "no/stored.toml", false, err), SENC_BAD_INPUT, "no/stored.toml");
    train_config_free(&c);
    free(text);
    free(stored);
    free(path);
}
END_TEST

/* Every allocation fails once, in loading and in printing. */
START_TEST(out_of_memory) {
    static const char *const sets[] = {"data.0.limit=7", "model.query_prompt=q"};
    char *path = write_config("c.toml", small);
    bool done = false;
    int n = 0;
    while (!done) {
        train_config c;
        senc_error failure = {0};
        senc_buffer out = {0};
        senc_alloc_fail_at(++n);
        bool ok = train_config_load(&c, path, sets, 2, &failure);
        const bool loaded = ok;
        ok = ok && train_config_print(&c, false, &out, &failure);
        senc_alloc_fail_at(0);
        if (loaded) train_config_free(&c);
        ck_assert_msg(ok == (failure.kind == SENC_OK), "allocation %d: %s", n, failure.text);
        ck_assert_msg(ok || strstr(failure.text, "memory"), "allocation %d: %s", n, failure.text);
        done = ok && strstr(senc_buffer_text(&out), "dir = ") != NULL;
        senc_buffer_free(&out);
        ck_assert_int_lt(n, 100000);
    }
    ck_assert_int_gt(n, 30);
    free(path);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("config");
    TCase *tests = tcase_create("config");
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, shipped);
    tcase_add_test(tests, defaults_and_values);
    tcase_add_test(tests, odd_values);
    tcase_add_test(tests, set);
    tcase_add_test(tests, set_path);
    tcase_add_loop_test(tests, refused_set, 0, N_BAD_SETS);
    tcase_add_loop_test(tests, refused_file, 0, N_BAD_FILES);
    tcase_add_test(tests, no_file);
    tcase_add_loop_test(tests, changed, 0, N_CHANGES);
    tcase_add_test(tests, changed_message);
    tcase_add_test(tests, out_of_memory);
    suite_add_tcase(suite, tests);
    return train_bench_run(suite);
}
