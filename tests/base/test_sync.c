/* A file that is written is on the disk before it takes the place of the old one, and its name is before the call
 * returns: seen by an fsync that takes notes. */
#include <check.h>

#include "autograd/base/file.h"
#include "tests/sync_witness.h"

static char folder[64], path[96];

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/senc-sync-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    ck_assert(senc_file_write(path, "old!", 4, NULL));
    n_syncs = 0;
    sync_watched = path;
}

static void remove_folder(void) {
    ck_assert(senc_path_remove(folder, NULL));
}

START_TEST(file_then_name_then_folder) {
    senc_error err = {0};
    ck_assert_msg(senc_file_write(path, "new text", 8, &err), "%s", err.text);
    ck_assert_int_eq(n_syncs, 2);
    ck_assert(!syncs[0].is_folder && strcmp(syncs[0].path, path) != 0); /* the temporary file, whole */
    ck_assert_int_eq(syncs[0].n_bytes, 8);
    ck_assert_int_eq(syncs[0].watched_bytes, 4); /* the old file still has its name */
    ck_assert(syncs[1].is_folder);
    ck_assert_str_eq(syncs[1].path, folder);
    ck_assert_int_eq(syncs[1].watched_bytes, 8); /* renamed by then */
}
END_TEST

/* What is not on the disk does not replace the old file. */
START_TEST(a_sync_that_fails) {
    senc_error err = {0};
    sync_failure = EIO;
    ck_assert(!senc_file_write(path, "new text", 8, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "cannot write"));
    ck_assert_ptr_nonnull(strstr(err.text, strerror(EIO)));
    struct stat s;
    ck_assert(stat(path, &s) == 0 && s.st_size == 4);
    ck_assert(stat(syncs[0].path, &s) != 0); /* the temporary file is gone */
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sync");
    TCase *cases = tcase_create("sync");
    tcase_add_checked_fixture(cases, make_folder, remove_folder);
    tcase_add_test(cases, file_then_name_then_folder);
    tcase_add_test(cases, a_sync_that_fails);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
