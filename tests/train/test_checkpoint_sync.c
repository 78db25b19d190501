/* A checkpoint is on the disk before it has its name, and the name is before the call returns: also one that takes the
 * place of another of the same step. */
#include "tests/sync_witness.h"
#include "tests/train/train_bench.h"
#include "train/checkpoint.h"

static char *run_dir;
static char state[512], checkpoints[512];

static void start(void) {
    train_bench_threads(1);
    run_dir = model_bench_folder();
    snprintf(checkpoints, sizeof checkpoints, "%s/checkpoints", run_dir);
    snprintf(state, sizeof state, "%s/checkpoints/step-000007/state.json", run_dir);
    sync_watched = state;
}

static void stop(void) {
    model_bench_remove(run_dir);
    senc_threads_free();
}

static void save(int64_t n_masked) {
    ag_params params = {0};
    train_optimizer o;
    TRAIN_BENCH_OK(ag_params_declare(&params, "weight", 3, 11, false, true, err) != NULL);
    TRAIN_BENCH_OK(ag_params_alloc(&params, true, err));
    TRAIN_BENCH_OK(train_optimizer_init(&o, kern_reference(), &params, (train_adamw_options){0}, err));
    const train_progress p = {.step = 7, .n_masked = n_masked};
    TRAIN_BENCH_OK(train_checkpoint_save(run_dir, &p, NULL, &o, 2, err));
    train_optimizer_free(&o);
    ag_params_free(&params);
}

/* The last sync from number `first` on of what has `part` in its path and, for a file, so many bytes; -1: none. The
 * path of a file that has no name yet is that of its folder. */
static int find(int first, const char *part, long long file_bytes) {
    int found = -1;
    for (int i = first; i < n_syncs; i++)
        if (strstr(syncs[i].path, part) && (syncs[i].is_folder ? file_bytes < 0 : file_bytes == syncs[i].n_bytes))
            found = i;
    return found;
}

static long long size_of(const char *name) {
    char path[640];
    struct stat s;
    snprintf(path, sizeof path, "%s/step-000007/%s", checkpoints, name);
    return stat(path, &s) == 0 ? (long long)s.st_size : -1;
}

/* Saves from sync number `first` on; `before`: the bytes of the state that has the name until then. */
static void check_save(int first, long long before) {
    const int weights = find(first, "step-000007", size_of("state.safetensors"));
    const int json = find(first, "step-000007", size_of("state.json"));
    ck_assert_int_ge(weights, 0);
    ck_assert_int_ge(json, 0);
    const int folder = find(first, "step-000007", -1); /* under its temporary name */
    ck_assert(folder > json && folder > weights);
    ck_assert_int_eq(syncs[folder].watched_bytes, before);
    const int parent = find(first, checkpoints, -1);
    ck_assert_int_gt(parent, folder);
    ck_assert_str_eq(syncs[parent].path, checkpoints);
    ck_assert_int_eq(syncs[parent].watched_bytes, size_of("state.json"));
}

START_TEST(files_then_folder_then_name) {
    save(5);
    check_save(0, -1);
    const long long before = size_of("state.json");
    const int first = n_syncs;
    save(123456); /* a longer file */
    ck_assert_int_gt(size_of("state.json"), before);
    check_save(first, before);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("checkpoint_sync");
    TCase *tests = tcase_create("checkpoint_sync");
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, files_then_folder_then_name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
