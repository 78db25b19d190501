/* Vectors are on the disk before their file has its name, and so is what a mark says is durable. */
#include <check.h>

#include "autograd/base/file.h"
#include "data/formats/vector_writer.h"
#include "tests/sync_witness.h"

enum { WIDTH = 4 };

static char folder[64], path[96];

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/senc-vsync-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/v.f32", folder);
    sync_watched = path;
}

static void remove_folder(void) {
    ck_assert(senc_path_remove(folder, NULL));
}

/* A file (not a folder) of this size was synced when the target was not there yet. */
static bool saw(long long n_bytes) {
    for (int i = 0; i < n_syncs; i++)
        if (!syncs[i].is_folder && syncs[i].n_bytes == n_bytes && syncs[i].watched_bytes < 0) return true;
    return false;
}

START_TEST(rows_are_synced_before_the_name) {
    const float rows[3 * WIDTH] = {1, 2, 3};
    const long long row_bytes = sizeof(float) * WIDTH;
    data_vector_writer w;
    data_vector_mark mark;
    senc_error err = {0};
    ck_assert_msg(data_vector_writer_open(&w, path, DATA_VECTOR_F32, WIDTH, &err), "%s", err.text);
    ck_assert(data_vector_writer_append(&w, rows, NULL, 1, &err));
    ck_assert(!saw(row_bytes));
    ck_assert(data_vector_writer_mark(&w, &mark, &err) && mark.n_bytes == row_bytes);
    ck_assert(saw(row_bytes));
    ck_assert(data_vector_writer_append(&w, rows + WIDTH, NULL, 2, &err));
    ck_assert(!saw(3 * row_bytes));
    ck_assert_msg(data_vector_writer_commit(&w, &err), "%s", err.text);
    ck_assert(saw(3 * row_bytes));
    const synced *last = &syncs[n_syncs - 1]; /* the name, in its folder */
    ck_assert(last->is_folder && strcmp(last->path, folder) == 0 && last->watched_bytes == 3 * row_bytes);
    data_vector_writer_close(&w, false);
    struct stat s;
    ck_assert(stat(path, &s) == 0 && s.st_size == 3 * row_bytes);
}
END_TEST

START_TEST(a_sync_that_fails_leaves_no_file) {
    const float rows[WIDTH] = {1, 2, 3};
    data_vector_writer w;
    senc_error err = {0};
    ck_assert(data_vector_writer_open(&w, path, DATA_VECTOR_F32, WIDTH, &err));
    ck_assert(data_vector_writer_append(&w, rows, NULL, 1, &err));
    sync_failure = EIO;
    ck_assert(!data_vector_writer_commit(&w, &err));
    ck_assert_ptr_nonnull(strstr(err.text, strerror(EIO)));
    data_vector_writer_close(&w, false);
    struct stat s;
    ck_assert_int_ne(stat(path, &s), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("vector_sync");
    TCase *cases = tcase_create("vector_sync");
    tcase_add_checked_fixture(cases, make_folder, remove_folder);
    tcase_add_test(cases, rows_are_synced_before_the_name);
    tcase_add_test(cases, a_sync_that_fails_leaves_no_file);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
