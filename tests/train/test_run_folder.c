/* The run folder: whose it is, and how a run takes another's place, killed at any moment. No training here. */
#include "train/run_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include "autograd/base/file.h"
#include "tests/train/train_bench.h"

static const char config_text[] = "[model]\n"
                                  "architecture = \"bert\"\n"
                                  "[[data]]\n"
                                  "path = \"train.jsonl\"\n"
                                  "[loss]\n"
                                  "type = \"mnrl\"\n"
                                  "[output]\n"
                                  "dir = \"run\"\n";

static char *folder;
static train_config config, other; /* other: of another seed */

static void load(train_config *c, const char *set) {
    char *path = senc_path_join(folder, "c.toml"), dir[512];
    snprintf(dir, sizeof dir, "output.dir=%s/run", folder);
    const char *sets[] = {dir, set};
    TRAIN_BENCH_OK(train_config_load(c, path, sets, set ? 2 : 1, err));
    free(path);
}

static void start(void) {
    senc_log_set_level(SENC_LOG_WARNING);
    folder = model_bench_folder();
    model_bench_write_text(folder, "c.toml", config_text);
    load(&config, NULL);
    load(&other, "train.seed=7");
}

static void stop(void) {
    train_config_free(&config);
    train_config_free(&other);
    model_bench_remove(folder);
}

static const train_run_options fresh = {0}, resume = {.resume = true}, overwrite = {.overwrite = true},
                               dry = {.dry_run = true};

static bool exists(const char *name) {
    char *path = senc_path_join(folder, name);
    const bool found = senc_path_exists(path);
    free(path);
    return found;
}

static void write_text(const char *name, const char *text) {
    model_bench_write_text(folder, name, text);
}

static void check_text(const char *name, const char *want) {
    char *text = model_bench_read(folder, name, NULL);
    ck_assert_msg(strcmp(text, want) == 0, "%s: \"%s\", expected \"%s\"", name, text, want);
    free(text);
}

static bool begin(train_run_folder *f, const train_config *c, train_run_options options, senc_error *err) {
    return train_run_folder_check(f, c, &options, err) && train_run_folder_begin(f, c, &options, err);
}

/* A run by this configuration that has trained; `what` tells it from others. */
static void make_run(const train_config *c, const char *what) {
    train_run_folder f;
    TRAIN_BENCH_OK(begin(&f, c, fresh, err));
    write_text("run/log.jsonl", what);
    write_text("run/checkpoints/step-000004/state.json", what);
    write_text("run/best/config.json", what);
    write_text("run/notes.txt", "mine");
}

static void check_run(const char *what) {
    check_text("run/log.jsonl", what);
    check_text("run/checkpoints/step-000004/state.json", what);
    check_text("run/best/config.json", what);
    check_text("run/notes.txt", "mine");
    ck_assert(exists("run/config.toml") && exists("run/senc-run.json") && !exists("run/earlier") &&
              !exists("run/earlier.moving") && !exists("run/unfinished.moving"));
}

START_TEST(new_folder) {
    train_run_folder f;
    TRAIN_BENCH_OK(train_run_folder_check(&f, &config, &dry, err));
    ck_assert(!exists("run"));
    TRAIN_BENCH_OK(begin(&f, &config, fresh, err));
    ck_assert(!f.resumes && !f.has_earlier);
    char *mark = model_bench_read(folder, "run/senc-run.json", NULL);
    ck_assert_str_eq(mark, "{\n  \"senc\": \"" SENC_VERSION "\",\n  \"folder\": \"training run\"\n}\n");
    free(mark);
    ck_assert(exists("run/config.toml"));
    TRAIN_BENCH_OK(train_run_folder_commit(&f, err));
    /* Refused before it had anything to show: the next one may begin, with another configuration too. */
    TRAIN_BENCH_OK(begin(&f, &other, fresh, err));
    ck_assert(!f.resumes && f.has_earlier);
    TRAIN_BENCH_OK(train_run_folder_commit(&f, err));
    TRAIN_BENCH_OK(begin(&f, &config, fresh, err));
    TRAIN_BENCH_OK(train_run_folder_commit(&f, err));
    write_text("run/log.jsonl", "{\"step\": 0}\n");
    TRAIN_BENCH_FAILS(begin(&f, &config, fresh, err), SENC_BAD_INPUT, "run: holds an earlier run; --resume goes on");
    TRAIN_BENCH_OK(begin(&f, &config, resume, err));
    ck_assert(f.resumes);
    TRAIN_BENCH_FAILS(begin(&f, &other, resume, err), SENC_BAD_INPUT, "resume: train.seed");
    TRAIN_BENCH_OK(train_run_folder_check(&f, &other, &dry, err));
}
END_TEST

/* A folder with anything in it that is no run is nobody's to train in. */
START_TEST(strangers) {
    static const train_run_options all[] = {{0}, {.resume = true}, {.overwrite = true}, {.dry_run = true}};
    write_text("run/config.toml", "[train]\nseed = 1\n");
    write_text("run/best.old/x", "precious");
    write_text("run/x.tmp-1", "precious");
    write_text("run/checkpoints/step-5.tmp-1/x", "precious");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        train_run_folder f;
        TRAIN_BENCH_FAILS(
            train_run_folder_check(&f, &config, &all[i], err), SENC_BAD_INPUT,
            "run: holds files that are no run of senc (best.old, checkpoints, config.toml and 1 more); expected a new");
    }
    write_text("run/senc-run.json", "{\"senc\": \"mine\"}"); /* no mark */
    write_text("run/log.jsonl", "{\"step\": 3}\n");
    train_run_folder f;
    TRAIN_BENCH_FAILS(train_run_folder_check(&f, &config, &overwrite, err), SENC_BAD_INPUT, "no run of senc");
    check_text("run/config.toml", "[train]\nseed = 1\n");
    check_text("run/best.old/x", "precious");
    check_text("run/checkpoints/step-5.tmp-1/x", "precious");
}
END_TEST

/* Runs of the program before the mark: by what it wrote. */
START_TEST(older_runs) {
    train_run_folder f;
    make_run(&config, "{\"step\": 0}\n");
    char *mark = senc_path_join(folder, "run/senc-run.json");
    ck_assert_int_eq(unlink(mark), 0);
    free(mark);
    TRAIN_BENCH_FAILS(begin(&f, &config, fresh, err), SENC_BAD_INPUT, "holds an earlier run");
    TRAIN_BENCH_OK(begin(&f, &config, resume, err));
    check_run("{\"step\": 0}\n");
    /* a key that it did not know has its default there */
    char *text = model_bench_read(folder, "run/config.toml", NULL),
         *line = strstr(text, "\nmask_known_positives = true");
    ck_assert_ptr_nonnull(line);
    memmove(line, strchr(line + 1, '\n'), strlen(strchr(line + 1, '\n')) + 1);
    write_text("run/config.toml", text);
    free(text);
    TRAIN_BENCH_OK(begin(&f, &config, resume, err));
    train_config unmasked;
    load(&unmasked, "train.mask_known_positives=false");
    TRAIN_BENCH_FAILS(begin(&f, &unmasked, resume, err), SENC_BAD_INPUT, "train.mask_known_positives");
    train_config_free(&unmasked);
}
END_TEST

START_TEST(links) {
    train_run_folder f;
    make_run(&config, "a");
    char *checkpoints = senc_path_join(folder, "run/checkpoints");
    TRAIN_BENCH_OK(senc_path_remove(checkpoints, err));
    write_text("outside/step-000001.tmp-5/x", "precious");
    ck_assert_int_eq(symlink("../outside", checkpoints), 0);
    free(checkpoints);
    TRAIN_BENCH_FAILS(begin(&f, &config, resume, err), SENC_BAD_INPUT, "checkpoints: expected a folder, found a link");
    TRAIN_BENCH_FAILS(begin(&f, &config, overwrite, err), SENC_BAD_INPUT, "found a link");
    check_text("outside/step-000001.tmp-5/x", "precious");
}
END_TEST

START_TEST(without_config) {
    train_run_folder f;
    make_run(&config, "a");
    char *path = senc_path_join(folder, "run/config.toml");
    ck_assert_int_eq(unlink(path), 0);
    free(path);
    TRAIN_BENCH_FAILS(begin(&f, &config, resume, err), SENC_BAD_INPUT, "config.toml: is missing");
    check_text("run/best/config.json", "a");
}
END_TEST

/* A run that kept no checkpoints begins again, as one in its own place: its models stand until there are others. */
START_TEST(without_checkpoints) {
    train_run_folder f;
    make_run(&config, "old");
    char *checkpoints = senc_path_join(folder, "run/checkpoints");
    TRAIN_BENCH_OK(senc_path_remove(checkpoints, err));
    free(checkpoints);
    TRAIN_BENCH_FAILS(begin(&f, &other, resume, err), SENC_BAD_INPUT, "train.seed");
    TRAIN_BENCH_OK(begin(&f, &config, resume, err));
    ck_assert(!f.resumes && f.has_earlier && !exists("run/best"));
    check_text("run/earlier/best/config.json", "old");
    TRAIN_BENCH_OK(train_run_folder_check(&f, &config, &resume, err)); /* killed, and again */
    ck_assert(f.resumes && f.has_earlier);
    check_text("run/earlier/best/config.json", "old");
    TRAIN_BENCH_OK(train_run_folder_commit(&f, err));
    ck_assert(!exists("run/earlier"));
}
END_TEST

/* ---- one run in another's place ---- */

START_TEST(replaced) {
    train_run_folder f;
    make_run(&config, "old");
    TRAIN_BENCH_OK(begin(&f, &other, overwrite, err));
    ck_assert(f.has_earlier && exists("run/config.toml") && !exists("run/best") && !exists("run/checkpoints"));
    check_text("run/earlier/best/config.json", "old");
    write_text("run/earlier/thoughts.txt", "mine");
    write_text("run/log.jsonl", "new");
    TRAIN_BENCH_OK(train_run_folder_commit(&f, err));
    ck_assert(!exists("run/earlier/best") && !exists("run/earlier/config.toml") &&
              !exists("run/earlier/senc-run.json") && !exists("run/earlier/senc-run.removed.json"));
    check_text("run/earlier/thoughts.txt", "mine"); /* what senc did not make stays */
    check_text("run/log.jsonl", "new");
    check_text("run/notes.txt", "mine");
    TRAIN_BENCH_OK(begin(&f, &other, resume, err));
}
END_TEST

START_TEST(given_back) {
    train_run_folder f;
    senc_error failure = {0};
    make_run(&config, "old");
    TRAIN_BENCH_OK(begin(&f, &other, overwrite, err));
    write_text("run/log.jsonl", "new");
    write_text("run/baseline.json", "new");
    senc_fail(&failure, SENC_FAILED, "disk full");
    ck_assert(!train_run_folder_give_back(&f, &failure));
    ck_assert_msg(strstr(failure.text, "disk full; the earlier run is back in ") != NULL, "%s", failure.text);
    ck_assert(failure.kind == SENC_FAILED && !exists("run/baseline.json") && !exists("run/unfinished"));
    check_run("old");
    failure = (senc_error){0};
    TRAIN_BENCH_OK(begin(&f, &config, resume, err));
    senc_fail(&failure, SENC_FAILED, "disk full");
    ck_assert(!train_run_folder_give_back(&f, &failure)); /* nothing waits: nothing changes */
    ck_assert_str_eq(failure.text, "disk full");
    check_run("old");
}
END_TEST

/* Interrupted with a checkpoint: both runs are kept, and each goes on by its configuration. */
START_TEST(unfinished) {
    train_run_folder f;
    senc_error stop = {0};
    make_run(&config, "old");
    TRAIN_BENCH_OK(begin(&f, &other, overwrite, err));
    write_text("run/log.jsonl", "new");
    write_text("run/checkpoints/step-000009/state.json", "new");
    senc_fail(&stop, SENC_INTERRUPTED, "interrupted: saved at step 9 in run");
    train_run_folder_give_back(&f, &stop);
    ck_assert_msg(strstr(stop.text, "this one in ") && strstr(stop.text, "/unfinished, where --resume finds it"), "%s",
                  stop.text);
    check_run("old");
    check_text("run/unfinished/log.jsonl", "new");
    TRAIN_BENCH_FAILS(begin(&f, &other, fresh, err), SENC_BAD_INPUT, "in unfinished/ one that was to replace it");
    TRAIN_BENCH_OK(begin(&f, &config, resume, err));
    ck_assert(f.resumes && !f.has_earlier);
    check_run("old");
    TRAIN_BENCH_OK(begin(&f, &other, resume, err));
    ck_assert(f.resumes && f.has_earlier);
    check_text("run/log.jsonl", "new");
    check_text("run/earlier/log.jsonl", "old");
    /* killed now: still unfinished, and the earlier one comes back when somebody else comes */
    TRAIN_BENCH_OK(train_run_folder_check(&f, &other, &resume, err));
    ck_assert(f.resumes && f.has_earlier);
    TRAIN_BENCH_FAILS(begin(&f, &config, fresh, err), SENC_BAD_INPUT, "in unfinished/");
    check_run("old");
    check_text("run/unfinished/log.jsonl", "new");
    TRAIN_BENCH_OK(
        begin(&f, &config, overwrite, err)); /* a third one takes both places, when it has come to something */
    check_text("run/unfinished/log.jsonl", "new");
    check_text("run/earlier/log.jsonl", "old");
    TRAIN_BENCH_OK(train_run_folder_commit(&f, err));
    ck_assert(!exists("run/unfinished") && !exists("run/earlier"));
}
END_TEST

/* ---- killed ---- */

static void move(const char *from, const char *to) {
    char *a = senc_path_join(folder, from), *b = senc_path_join(folder, to);
    ck_assert_msg(rename(a, b) == 0, "%s -> %s", a, b);
    free(a);
    free(b);
}

static const char *const moved[] = {"config.toml", "log.jsonl", "checkpoints", "best"};
enum { N_MOVED = sizeof moved / sizeof *moved };

/* The first n parts of the run are in `name`, as a kill within a move leaves it, there or back. */
static void move_some(const char *name, int n) {
    char to[128];
    snprintf(to, sizeof to, "run/%s/senc-run.json", name);
    char *mark = model_bench_read(folder, "run/senc-run.json", NULL);
    write_text(to, mark);
    free(mark);
    for (int i = 0; i < n; i++) {
        char from[128];
        snprintf(from, sizeof from, "run/%s", moved[i]);
        snprintf(to, sizeof to, "run/%s/%s", name, moved[i]);
        move(from, to);
    }
}

START_TEST(killed_while_moving) {
    static const train_run_options all[] = {{0}, {.resume = true}, {.overwrite = true}};
    for (int n = 0; n <= N_MOVED; n++) {
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
            train_run_folder f;
            senc_error failure = {0};
            make_run(&config, "old");
            move_some("earlier.moving", n);
            const bool ok = train_run_folder_check(&f, &config, &all[k], &failure);
            ck_assert_msg(ok == (k > 0), "%s", failure.text);
            if (!ok) ck_assert_msg(strstr(failure.text, "holds an earlier run") != NULL, "%s", failure.text);
            check_run("old");
            char *run = senc_path_join(folder, "run");
            TRAIN_BENCH_OK(senc_path_remove(run, err));
            free(run);
        }
    }
}
END_TEST

/* Before its first evaluation: 0 right behind the move, 1 with a configuration, 2 with a baseline too. */
START_TEST(killed_before_it_came_to_something) {
    train_run_folder f;
    for (int stage = 0; stage < 3; stage++) {
        make_run(&config, "old");
        TRAIN_BENCH_OK(begin(&f, &other, overwrite, err));
        char *new_config = senc_path_join(folder, "run/config.toml");
        if (stage == 0) ck_assert_int_eq(unlink(new_config), 0);
        free(new_config);
        if (stage == 2) write_text("run/baseline.json", "new");
        if (stage > 0) { /* its own --resume goes on with it, from the beginning */
            TRAIN_BENCH_OK(train_run_folder_check(&f, &other, &resume, err));
            ck_assert(f.resumes && f.has_earlier && !f.resumes_unfinished);
        }
        TRAIN_BENCH_OK(train_run_folder_check(&f, &config, &dry, err)); /* changes nothing */
        ck_assert(exists("run/earlier/config.toml"));
        if (stage == 1) {
            TRAIN_BENCH_OK(begin(&f, &other, overwrite, err));
            check_text("run/earlier/log.jsonl", "old");
            TRAIN_BENCH_FAILS(begin(&f, &config, fresh, err), SENC_BAD_INPUT, "holds an earlier run; --resume goes on");
        } else {
            TRAIN_BENCH_OK(begin(&f, &config, resume, err));
        }
        ck_assert(!exists("run/baseline.json") && !exists("run/unfinished"));
        check_run("old");
        char *run = senc_path_join(folder, "run");
        TRAIN_BENCH_OK(senc_path_remove(run, err));
        free(run);
    }
}
END_TEST

START_TEST(killed_while_removing) {
    train_run_folder f;
    make_run(&config, "old");
    TRAIN_BENCH_OK(begin(&f, &other, overwrite, err));
    write_text("run/log.jsonl", "new");
    write_text("run/checkpoints/step-000002/state.json", "new");
    move("run/earlier/senc-run.json", "run/earlier/senc-run.removed.json");
    char *gone = senc_path_join(folder, "run/earlier/config.toml");
    ck_assert_int_eq(unlink(gone), 0);
    free(gone);
    TRAIN_BENCH_OK(train_run_folder_check(&f, &other, &resume, err));
    ck_assert(f.resumes && !f.has_earlier && !exists("run/earlier"));
    check_text("run/log.jsonl", "new");
}
END_TEST

/* Folders by these names that senc did not make. */
START_TEST(in_the_way) {
    train_run_folder f;
    make_run(&config, "old");
    write_text("run/earlier/config.toml", "mine");
    write_text("run/unfinished.moving/best/x", "mine");
    TRAIN_BENCH_OK(begin(&f, &config, resume, err));
    TRAIN_BENCH_FAILS(begin(&f, &other, overwrite, err), SENC_BAD_INPUT, "earlier: is in the way");
    check_text("run/best/config.json", "old");
    check_text("run/earlier/config.toml", "mine");
    check_text("run/unfinished.moving/best/x", "mine");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("run_folder");
    TCase *tests = tcase_create("run_folder");
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, new_folder);
    tcase_add_test(tests, strangers);
    tcase_add_test(tests, older_runs);
    tcase_add_test(tests, links);
    tcase_add_test(tests, without_config);
    tcase_add_test(tests, without_checkpoints);
    tcase_add_test(tests, replaced);
    tcase_add_test(tests, given_back);
    tcase_add_test(tests, unfinished);
    tcase_add_test(tests, killed_while_moving);
    tcase_add_test(tests, killed_before_it_came_to_something);
    tcase_add_test(tests, killed_while_removing);
    tcase_add_test(tests, in_the_way);
    suite_add_tcase(suite, tests);
    return train_bench_run(suite);
}
