/* Checkpoints: bit for bit there and back, damaged ones are passed over, old ones removed, leftovers of a killed run
 * cleaned; folders are replaced whole or not at all. */
#include "train/checkpoint.h"

#include <dirent.h>

#include "tests/train/train_bench.h"

static char *run_dir;

static void start(void) {
    train_bench_threads(1);
    run_dir = model_bench_folder();
}

static void stop(void) {
    model_bench_remove(run_dir);
    senc_threads_free();
}

typedef struct bench {
    ag_params params;
    train_optimizer o;
} bench;

/* Parameters, moments and progress that follow from `seed`; seed 0: zeros. */
static bench *bench_open(uint64_t seed) {
    bench *b = senc_alloc_zero(1, sizeof *b);
    const train_adamw_options options = {0.9, 0.999, 1e-8, 0.01, 1};
    TRAIN_BENCH_OK(ag_params_declare(&b->params, "weight", 3, 11, false, true, err) != NULL);
    TRAIN_BENCH_OK(ag_params_declare(&b->params, "bias", 1, 5, true, false, err) != NULL);
    TRAIN_BENCH_OK(ag_params_alloc(&b->params, true, err));
    TRAIN_BENCH_OK(train_optimizer_init(&b->o, kern_reference(), &b->params, options, err));
    senc_rng rng;
    senc_rng_init(&rng, seed);
    for (int64_t i = 0; seed && i < b->params.n_numbers; i++) {
        b->params.values[i] = (real)senc_rng_normal(&rng);
        b->o.m[i] = (real)(1e-3 * senc_rng_normal(&rng));
        b->o.v[i] = (real)(1e-42 * senc_rng_uniform(&rng)); /* subnormal numbers come back too */
    }
    b->o.n_updates = (int64_t)seed;
    return b;
}

static void bench_close(bench *b) {
    train_optimizer_free(&b->o);
    ag_params_free(&b->params);
    free(b);
}

static train_progress progress_at(int64_t step) {
    return (train_progress){.step = step,
                            .batch = 2 * step,
                            .epoch = 3,
                            .position = 17,
                            .n_updates = step + 1,
                            .evaluated_step = -1,
                            .best_value = 0.1 + (double)step / 3,
                            .best_step = step - 1,
                            .evaluations_without_best = 2,
                            .n_masked = 5,
                            .n_truncated = 6,
                            .n_texts = 7000000000,
                            .n_tokens = 8,
                            .elapsed_ms = 1.0 / 3,
                            .window_loss = 0.7,
                            .window_ms = 1e-17,
                            .window_steps = 4,
                            .window_rows = 64,
                            .threads = 2,
                            .n_rows = 99,
                            .n_steps = 400};
}

static void save(int64_t step, uint64_t seed, int64_t keep) {
    bench *b = bench_open(seed);
    const train_progress p = progress_at(step);
    TRAIN_BENCH_OK(train_checkpoint_save(run_dir, &p, NULL, &b->o, keep, err));
    bench_close(b);
}

static bool same_block(const real *a, const real *b, int64_t n) {
    return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

/* What is loaded is what save(step, seed) wrote, bit for bit. */
static void check_load(int64_t step, uint64_t seed) {
    bench *got = bench_open(0), *want = bench_open(seed);
    train_progress p = {0};
    const train_progress w = progress_at(step);
    bool found = false;
    TRAIN_BENCH_OK(train_checkpoint_load(run_dir, &p, NULL, &got->o, &found, err));
    ck_assert(found);
    ck_assert_int_eq(p.step, w.step);
    ck_assert(memcmp(&p, &w, sizeof p) == 0); /* every field: all are 8 bytes wide */
    ck_assert_int_eq(got->o.n_updates, w.n_updates);
    ck_assert(same_block(got->params.values, want->params.values, want->params.n_numbers));
    ck_assert(same_block(got->o.m, want->o.m, want->params.n_numbers));
    ck_assert(same_block(got->o.v, want->o.v, want->params.n_numbers));
    bench_close(got);
    bench_close(want);
}

/* Names in a folder of the run, sorted, in one string. */
static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *list(const char *folder) {
    char *path = senc_path_join(run_dir, folder), *names[64];
    int n = 0;
    DIR *d = opendir(path);
    ck_assert_msg(d != NULL, "%s cannot be read", path);
    for (struct dirent *e; (e = readdir(d)) && n < 64;) {
        if (e->d_name[0] != '.') names[n++] = senc_strdup(e->d_name);
    }
    closedir(d);
    free(path);
    qsort(names, (size_t)n, sizeof *names, by_text);
    senc_buffer out = {0};
    senc_buffer_append_text(&out, "");
    for (int i = 0; i < n; i++) {
        senc_buffer_printf(&out, "%s%s", i ? " " : "", names[i]);
        free(names[i]);
    }
    return senc_buffer_take(&out);
}

static void check_list(const char *folder, const char *want) {
    char *got = list(folder);
    ck_assert_str_eq(got, want);
    free(got);
}

START_TEST(there_and_back) {
    save(12, 7, 2);
    check_list("checkpoints", "step-000012");
    check_list("checkpoints/step-000012", "state.json state.safetensors");
    check_load(12, 7);
    /* a best value that is not there yet is NaN, and stays it */
    bench *b = bench_open(3);
    train_progress p = progress_at(13), got = {0};
    p.best_value = NAN;
    bool found;
    TRAIN_BENCH_OK(train_checkpoint_save(run_dir, &p, NULL, &b->o, 2, err));
    TRAIN_BENCH_OK(train_checkpoint_load(run_dir, &got, NULL, &b->o, &found, err));
    ck_assert(found && isnan(got.best_value));
    ck_assert_int_eq(got.step, 13);
    bench_close(b);
}
END_TEST

START_TEST(none_yet) {
    bench *b = bench_open(4);
    train_progress p = progress_at(1);
    bool found = true;
    TRAIN_BENCH_OK(train_checkpoint_load(run_dir, &p, NULL, &b->o, &found, err));
    ck_assert(!found);
    ck_assert_int_eq(p.step, 1);
    model_bench_write_text(run_dir, "checkpoints/notes.txt", "step-7");
    model_bench_write_text(run_dir, "checkpoints/step-", "");
    model_bench_write_text(run_dir, "checkpoints/step-7x", "");
    TRAIN_BENCH_OK(train_checkpoint_load(run_dir, &p, NULL, &b->o, &found, err));
    ck_assert(!found);
    bench_close(b);
}
END_TEST

/* The newest by its number, not by its name; more digits than six too. */
START_TEST(newest) {
    save(999999, 1, 9);
    save(1000000, 2, 9);
    save(50, 3, 9);
    check_load(1000000, 2);
}
END_TEST

START_TEST(keep) {
    for (int64_t step = 1; step <= 5; step++) save(step, (uint64_t)step, 2);
    check_list("checkpoints", "step-000004 step-000005");
    save(6, 6, 1);
    check_list("checkpoints", "step-000006");
    save(6, 66, 1); /* the same step once more takes the old one's place */
    check_list("checkpoints", "step-000006");
    check_load(6, 66);
}
END_TEST

/* ---- damage ---- */

#define NEWEST "checkpoints/step-000020/"

static void flip_byte(const char *name, int64_t from_end) {
    size_t n;
    char *bytes = model_bench_read(run_dir, name, &n);
    bytes[from_end < (int64_t)n ? n - (size_t)from_end : 0] ^= 1;
    model_bench_write(run_dir, name, bytes, n);
    free(bytes);
}

static void cut_file(const char *name, double share) {
    size_t n;
    char *bytes = model_bench_read(run_dir, name, &n);
    model_bench_write(run_dir, name, bytes, (size_t)((double)n * share));
    free(bytes);
}

static void rename_tensor(void) {
    size_t n;
    char *bytes = model_bench_read(run_dir, NEWEST "state.safetensors", &n), *at = memmem(bytes, n, "adam_v", 6);
    ck_assert_ptr_nonnull(at);
    at[5] = 'w';
    model_bench_write(run_dir, NEWEST "state.safetensors", bytes, n);
    free(bytes);
}

static void remove_file(const char *name) {
    char *path = senc_path_join(run_dir, name);
    ck_assert(senc_path_exists(path));
    TRAIN_BENCH_OK(senc_path_remove(path, err));
    free(path);
}

static void damage(int kind) {
    switch (kind) {
    case 0:
        flip_byte(NEWEST "state.safetensors", 1);
        break; /* the last moment */
    case 1:
        flip_byte(NEWEST "state.safetensors", 4 * 150);
        break; /* somewhere in the middle */
    case 2:
        cut_file(NEWEST "state.safetensors", 0.6);
        break;
    case 3:
        cut_file(NEWEST "state.safetensors", 0);
        break;
    case 4:
        remove_file(NEWEST "state.safetensors");
        break;
    case 5:
        remove_file(NEWEST "state.json");
        break;
    case 6:
        cut_file(NEWEST "state.json", 0.5);
        break;
    case 7:
        cut_file(NEWEST "state.json", 0);
        break;
    case 8:
        model_bench_replace(run_dir, NEWEST "state.json", "\"position\"", "\"positron\"");
        break;
    case 9:
        model_bench_replace(run_dir, NEWEST "state.json", "\"checksum\": \"", "\"checksum\": \"0");
        break;
    case 10:
        model_bench_replace(run_dir, NEWEST "state.json", "\"format\": 1", "\"format\": 2");
        break;
    case 11:
        model_bench_replace(run_dir, NEWEST "state.json", "\"epoch\": 3", "\"epoch\": \"three\"");
        break;
    case 12:
        flip_byte(NEWEST "state.safetensors", INT64_MAX);
        break; /* the header's length */
    case 13:
        rename_tensor();
        break;
    default:
        ck_abort_msg("no damage %d", kind);
    }
}
enum { N_DAMAGES = 14 };

/* Everything written to stderr while the test ran. */
static char *catch_stderr(FILE **file, int *old) {
    fflush(stderr);
    if (!*file) {
        *file = tmpfile();
        *old = dup(STDERR_FILENO);
        dup2(fileno(*file), STDERR_FILENO);
        return NULL;
    }
    dup2(*old, STDERR_FILENO);
    close(*old);
    char *text = senc_alloc_zero(1, 8192);
    rewind(*file);
    text[fread(text, 1, 8191, *file)] = '\0';
    fclose(*file);
    return text;
}

START_TEST(damaged_newest) {
    save(10, 1, 2);
    save(20, 2, 2);
    check_load(20, 2);
    damage(_i);
    FILE *file = NULL;
    int old = 0;
    catch_stderr(&file, &old);
    check_load(10, 1);
    char *warning = catch_stderr(&file, &old);
    ck_assert_msg(strstr(warning, "warning: ") && strstr(warning, "step-000020") &&
                      strstr(warning, "trying an older checkpoint"),
                  "%s", warning);
    free(warning);
}
END_TEST

/* Both damaged: an error that names a file, not a start from the beginning. */
START_TEST(all_damaged) {
    save(10, 1, 2);
    save(20, 2, 2);
    damage(2);
    remove_file("checkpoints/step-000010/state.json");
    senc_log_set_level(SENC_LOG_QUIET);
    bench *b = bench_open(0);
    train_progress p = {0};
    bool found = true;
    TRAIN_BENCH_FAILS(train_checkpoint_load(run_dir, &p, NULL, &b->o, &found, err), SENC_BAD_INPUT,
                      "no checkpoint can be read");
    ck_assert(!found);
    bench_close(b);
}
END_TEST

/* Of another model, larger or smaller by one number: refused before a number is read. */
START_TEST(other_model) {
    save(10, 1, 2);
    bench *same = bench_open(1);
    const int64_t saved = same->params.n_numbers;
    bench_close(same);
    senc_log_set_level(SENC_LOG_QUIET);
    for (int more = -1; more <= 1; more += 2) {
        ag_params params = {0};
        train_optimizer o;
        TRAIN_BENCH_OK(ag_params_declare(&params, "weight", 3, 100, false, true, err) != NULL);
        TRAIN_BENCH_OK(ag_params_alloc(&params, true, err));
        TRAIN_BENCH_OK(train_optimizer_init(&o, kern_reference(), &params, (train_adamw_options){0}, err));
        const int64_t room = params.n_numbers;
        params.n_numbers = saved + more; /* what the blocks are said to hold */
        ck_assert_int_le(params.n_numbers, room);
        train_progress p = {0};
        bool found;
        TRAIN_BENCH_FAILS(train_checkpoint_load(run_dir, &p, NULL, &o, &found, err), SENC_BAD_INPUT,
                          "numbers, the model has");
        params.n_numbers = room;
        train_optimizer_free(&o);
        ag_params_free(&params);
    }
}
END_TEST

/* ---- leftovers ---- */

START_TEST(clean) {
    save(10, 1, 2);
    model_bench_write_text(run_dir, "config.toml", "x");
    model_bench_write_text(run_dir, "config.toml.tmp-4711", "x");
    model_bench_write_text(run_dir, "best.tmp-4711/model.safetensors", "half");
    model_bench_write_text(run_dir, "final/config.json", "new");
    model_bench_write_text(run_dir, "final.old/config.json", "old");
    model_bench_write_text(run_dir, "checkpoints/step-000011.tmp-4711/state.json", "{");
    model_bench_write_text(run_dir, "checkpoints/step-000010.old-4711/state.json", "{");
    static const char *const foreign[] = {"my.older",
                                          "notes.old",
                                          "x.tmp-1",
                                          "best.tmp-",
                                          "best.tmp-1x",
                                          "best.tmp-1-2-3",
                                          "bests.tmp-1",
                                          "mine.json.tmp-7",
                                          "checkpoints/x.tmp-1",
                                          "checkpoints/step-5.older",
                                          "checkpoints/step-x.tmp-1",
                                          "checkpoints/best.tmp-1"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        model_bench_write_text(run_dir, foreign[i], "kept: not ours");
    /* killed between the two renames: the old folder is the only one */
    model_bench_write_text(run_dir, "best.old/config.json", "old best");
    TRAIN_BENCH_OK(train_checkpoint_clean(run_dir, err));
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) remove_file(foreign[i]); /* all are there */
    check_list("", "best checkpoints config.toml final final.old");                        /* perhaps somebody's copy */
    check_list("checkpoints", "step-000010");
    char *text = model_bench_read(run_dir, "best/config.json", NULL);
    ck_assert_str_eq(text, "old best");
    free(text);
    text = model_bench_read(run_dir, "final/config.json", NULL);
    ck_assert_str_eq(text, "new");
    free(text);
    check_load(10, 1);
    TRAIN_BENCH_OK(train_checkpoint_clean(run_dir, err)); /* nothing left to do */
    TRAIN_BENCH_OK(train_checkpoint_clean("no/such/folder", err));
}
END_TEST

/* ---- folders ---- */

typedef struct filling {
    const char *text;
    bool fails;
} filling;

static bool fill(void *context, const char *folder, senc_error *err) {
    const filling *f = context;
    ck_assert(senc_path_is_folder(folder));
    model_bench_write_text(folder, "a.txt", f->text);
    model_bench_write_text(folder, "inner/b.txt", f->text);
    return f->fails ? senc_fail(err, SENC_FAILED, "no room") : true;
}

static void check_text(const char *name, const char *want) {
    char *text = model_bench_read(run_dir, name, NULL);
    ck_assert_str_eq(text, want);
    free(text);
}

START_TEST(replace_folder) {
    char *folder = senc_path_join(run_dir, "best");
    filling first = {"first", false}, second = {"second", false}, broken = {"half", true};
    TRAIN_BENCH_FAILS(train_folder_replace(folder, fill, &broken, err), SENC_FAILED, "no room");
    check_list("", ""); /* nothing where nothing was */
    TRAIN_BENCH_OK(train_folder_replace(folder, fill, &first, err));
    check_list("", "best");
    check_text("best/inner/b.txt", "first");
    model_bench_write_text(run_dir, "best/notes.txt", "somebody's");
    model_bench_write_text(run_dir, "best/inner/more/c.txt", "somebody's too");
    TRAIN_BENCH_FAILS(train_folder_replace(folder, fill, &broken, err), SENC_FAILED, "no room");
    check_list("", "best");
    check_list("best", "a.txt inner notes.txt");
    check_text("best/a.txt", "first");
    TRAIN_BENCH_OK(train_folder_replace(folder, fill, &second, err));
    check_list("", "best");
    check_list("best", "a.txt inner notes.txt");
    check_list("best/inner", "b.txt more");
    check_text("best/a.txt", "second");
    check_text("best/inner/b.txt", "second");
    check_text("best/notes.txt", "somebody's");
    check_text("best/inner/more/c.txt", "somebody's too");
    model_bench_write_text(run_dir, "best.old/config.json", "somebody's copy");
    TRAIN_BENCH_OK(train_folder_replace(folder, fill, &first, err));
    check_list("", "best best.old");
    check_text("best/a.txt", "first");
    free(folder);
}
END_TEST

START_TEST(impossible_place) {
    model_bench_write_text(run_dir, "file", "x");
    char *folder = senc_path_join(run_dir, "file/best");
    filling first = {"first", false};
    senc_error failure = {0};
    ck_assert(!train_folder_replace(folder, fill, &first, &failure));
    ck_assert_msg(strstr(failure.text, "file") != NULL, "%s", failure.text);
    bench *b = bench_open(1);
    const train_progress p = progress_at(1);
    failure = (senc_error){0};
    ck_assert(!train_checkpoint_save(folder, &p, NULL, &b->o, 1, &failure));
    ck_assert(failure.kind != SENC_OK);
    bench_close(b);
    free(folder);
    check_text("file", "x");
}
END_TEST

/* Every allocation of a save and a load fails once: an error each time, and the old checkpoint is still the one. */
START_TEST(out_of_memory) {
    save(10, 1, 3);
    bench *b = bench_open(2);
    const train_progress p = progress_at(20);
    bool done = false;
    int n = 0;
    while (!done) {
        senc_error failure = {0};
        senc_alloc_fail_at(++n);
        done = train_checkpoint_save(run_dir, &p, NULL, &b->o, 3, &failure);
        senc_alloc_fail_at(0);
        ck_assert(done == (failure.kind == SENC_OK));
        char *names = list("checkpoints");
        const bool was_there = strcmp(names, "step-000010 step-000020") == 0; /* only removing older ones failed */
        ck_assert_msg(was_there || strcmp(names, "step-000010") == 0, "%s", names);
        free(names);
        if (!was_there) check_load(10, 1);
    }
    ck_assert_int_gt(n, 5);
    check_load(20, 2);
    senc_log_set_level(SENC_LOG_QUIET);
    done = false;
    for (n = 1; !done; n++) {
        senc_error failure = {0};
        train_progress got = {0};
        bool found = false;
        senc_alloc_fail_at(n);
        const bool ok = train_checkpoint_load(run_dir, &got, NULL, &b->o, &found, &failure);
        senc_alloc_fail_at(0);
        done = ok && got.step == 20;
        ck_assert(!ok || found);
        ck_assert(ok == (failure.kind == SENC_OK));
    }
    ck_assert_int_gt(n, 5);
    bench_close(b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("checkpoint");
    TCase *tests = tcase_create("checkpoint");
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, there_and_back);
    tcase_add_test(tests, none_yet);
    tcase_add_test(tests, newest);
    tcase_add_test(tests, keep);
    tcase_add_loop_test(tests, damaged_newest, 0, N_DAMAGES);
    tcase_add_test(tests, all_damaged);
    tcase_add_test(tests, other_model);
    tcase_add_test(tests, clean);
    tcase_add_test(tests, replace_folder);
    tcase_add_test(tests, impossible_place);
    tcase_add_test(tests, out_of_memory);
    suite_add_tcase(suite, tests);
    return train_bench_run(suite);
}
