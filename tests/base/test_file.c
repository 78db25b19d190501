/* Files: atomic writing, reading with limits, maps, folders, paths. */
#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"

static char folder[64];

static void make_folder(void) {
    strncpy(folder, "/tmp/senc-file-XXXXXX", sizeof folder - 1);
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void) {
    senc_error err = {0};
    ck_assert_msg(senc_path_remove(folder, &err), "%s", err.text);
    ck_assert(!senc_path_exists(folder));
}

/* A path in the folder; the last four stay valid. */
static const char *in(const char *name) {
    static char paths[4][128];
    static int next;
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

static int n_entries(const char *path) {
    DIR *dir = opendir(path);
    int n = 0;
    while (readdir(dir)) n++;
    closedir(dir);
    return n - 2;
}

static void check_content(const char *path, const char *expected) {
    senc_error err = {0};
    size_t n_bytes;
    char *text = senc_file_read(path, 0, &n_bytes, &err);
    ck_assert_msg(text != NULL, "%s", err.text);
    ck_assert_str_eq(text, expected);
    ck_assert_uint_eq(n_bytes, strlen(expected));
    free(text);
}

/* Writing through a link changes its target and keeps the link; a pipe is refused, not replaced. */
START_TEST(links_and_pipes) {
    char root[] = "/tmp/senc-links-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(root));
    char *target = senc_path_join(root, "target"), *link = senc_path_join(root, "link"),
         *pipe = senc_path_join(root, "pipe");
    ck_assert(senc_file_write(target, "old", 3, NULL));
    ck_assert_int_eq(symlink(target, link), 0);
    ck_assert_int_eq(mkfifo(pipe, 0600), 0);
    ck_assert(senc_file_write(link, "new!", 4, NULL));
    struct stat info;
    ck_assert(lstat(link, &info) == 0 && S_ISLNK(info.st_mode));
    char *text = senc_file_read(target, 0, NULL, NULL);
    ck_assert_str_eq(text, "new!");
    free(text);
    senc_error err = {0};
    ck_assert(!senc_file_write(pipe, "x", 1, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "a device or a pipe is there"));
    ck_assert(lstat(pipe, &info) == 0 && S_ISFIFO(info.st_mode));
    ck_assert(senc_path_remove(root, NULL));
    free(target);
    free(link);
    free(pipe);
}
END_TEST

/* "../" is taken off against a real folder only: through a link or a missing folder it means something else. */
START_TEST(resolving_takes_parent_folders_off) {
    char root[] = "/tmp/senc-resolve-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(root));
    char *configs = senc_path_join(root, "configs"), *link = senc_path_join(root, "link");
    ck_assert(senc_path_create_folders(configs, NULL));
    ck_assert_int_eq(symlink(configs, link), 0);
    const struct {
        const char *folder, *path, *want;
    } cases[] = {
        {configs, "../runs/x", "runs/x"},
        {configs, "x", "configs/x"},
        {configs, "/x", NULL},
        {link, "../runs", "link/../runs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *got = senc_path_resolve(cases[i].folder, cases[i].path);
        char *want = cases[i].want ? senc_path_join(root, cases[i].want) : NULL;
        ck_assert_str_eq(got, want ? want : cases[i].path);
        free(got);
        free(want);
    }
    char *missing = senc_path_resolve("no-such-folder", "../x");
    ck_assert_str_eq(missing, "no-such-folder/../x");
    free(missing);
    ck_assert(senc_path_remove(root, NULL));
    free(configs);
    free(link);
}
END_TEST

START_TEST(writes_and_reads) {
    senc_error err = {0};
    ck_assert(senc_file_write(in("a"), "one\n", 4, &err));
    check_content(in("a"), "one\n");
    ck_assert(senc_file_write(in("a"), "", 0, &err));
    check_content(in("a"), "");
    ck_assert_int_eq(n_entries(folder), 1); /* no temporary stays */
}
END_TEST

START_TEST(a_reader_sees_the_old_file_until_commit) {
    senc_error err = {0};
    senc_file_writer w;
    ck_assert(senc_file_write(in("a"), "old", 3, &err));
    ck_assert(senc_file_writer_open(&w, in("a"), &err));
    fputs("new", w.stream);
    fflush(w.stream);
    check_content(in("a"), "old");
    ck_assert_int_eq(n_entries(folder), 2);
    ck_assert(senc_file_writer_commit(&w, &err));
    check_content(in("a"), "new");
    senc_file_writer_close(&w);
    ck_assert_int_eq(n_entries(folder), 1);
}
END_TEST

START_TEST(close_without_commit_keeps_the_old_file) {
    senc_error err = {0};
    senc_file_writer w;
    ck_assert(senc_file_write(in("a"), "old", 3, &err));
    ck_assert(senc_file_writer_open(&w, in("a"), &err));
    fputs("new", w.stream);
    senc_file_writer_close(&w);
    check_content(in("a"), "old");
    ck_assert_int_eq(n_entries(folder), 1);
    senc_file_writer_close(&(senc_file_writer){0});
}
END_TEST

/* The disk is full: a limit on the size of files stands for it. */
START_TEST(a_failed_write_keeps_the_old_file) {
    senc_error err = {0};
    char *bytes = calloc(1, 100000);
    ck_assert(senc_file_write(in("a"), "old", 3, &err));
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit small = {4096, 4096};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert(!senc_file_write(in("a"), bytes, 100000, &err));
    ck_assert_int_eq(err.kind, SENC_FAILED);
    ck_assert_ptr_nonnull(strstr(err.text, "a: cannot write: "));
    ck_assert_ptr_null(strstr(err.text, "Success"));
    check_content(in("a"), "old");
    ck_assert_int_eq(n_entries(folder), 1);
    free(bytes);
}
END_TEST

START_TEST(places_that_cannot_be_written) {
    senc_error err = {0};
    ck_assert(!senc_file_write(in("none/a"), "x", 1, &err));
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "none/a: cannot write: No such file or directory"));
    err = (senc_error){0};
    ck_assert_int_eq(mkdir(in("sub"), 0777), 0);
    ck_assert(!senc_file_write(in("sub"), "x", 1, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "sub: cannot write: Is a directory"));
    ck_assert_int_eq(n_entries(folder), 1);
    err = (senc_error){0};
    ck_assert(!senc_file_write("", "x", 1, &err));
}
END_TEST

START_TEST(reading_fails_with_a_reason) {
    senc_error err = {0};
    ck_assert_ptr_null(senc_file_read(in("none"), 0, NULL, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "none: cannot read: No such file or directory"));
    err = (senc_error){0};
    ck_assert_ptr_null(senc_file_read(folder, 0, NULL, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "cannot read: Is a directory"));
    err = (senc_error){0};
    ck_assert(senc_file_write(in("a"), "12345", 5, &err));
    ck_assert_ptr_null(senc_file_read(in("a"), 4, NULL, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "a: larger than 4 bytes"));
    err = (senc_error){0};
    char *text = senc_file_read(in("a"), 5, NULL, &err);
    ck_assert_str_eq(text, "12345");
    free(text);
    ck_assert_ptr_null(senc_file_read("/dev/zero", 1000000, NULL, &err)); /* endless */
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
}
END_TEST

START_TEST(maps) {
    senc_error err = {0};
    senc_file_map map;
    ck_assert(senc_file_write(in("a"), "abc", 3, &err));
    ck_assert(senc_file_map_open(&map, in("a"), &err));
    ck_assert_uint_eq(map.n_bytes, 3);
    ck_assert_int_eq(memcmp(map.data, "abc", 3), 0);
    senc_file_map_close(&map);
    senc_file_map_close(&map);
    ck_assert(senc_file_write(in("empty"), "", 0, &err));
    ck_assert(senc_file_map_open(&map, in("empty"), &err));
    ck_assert(map.n_bytes == 0 && map.data && map.data[0] == '\0');
    senc_file_map_close(&map);
    ck_assert(!senc_file_map_open(&map, folder, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "cannot read: Is a directory"));
    err = (senc_error){0};
    ck_assert(!senc_file_map_open(&map, in("none"), &err));
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
}
END_TEST

START_TEST(folders) {
    senc_error err = {0};
    ck_assert(senc_path_create_folders(in("a/b//c/"), &err));
    ck_assert(senc_path_create_folders(in("a/b"), &err));
    ck_assert(senc_path_is_folder(in("a/b/c")) && !senc_path_is_file(in("a/b/c")) && senc_path_exists(in("a")));
    ck_assert(senc_file_write(in("a/f"), "x", 1, &err));
    ck_assert(senc_path_is_file(in("a/f")) && !senc_path_is_folder(in("a/f")));
    ck_assert(!senc_path_create_folders(in("a/f/g"), &err));
    ck_assert_ptr_nonnull(strstr(err.text, "a/f: cannot create the folder: Not a directory"));
    err = (senc_error){0};
    ck_assert(!senc_path_create_folders("", &err));
    ck_assert_str_eq(err.text, "expected the path of a folder, got \"\"");
    err = (senc_error){0};
    ck_assert(senc_path_create_folders("/", &err));
}
END_TEST

/* Removing a folder removes a link in it, not what the link points to. */
START_TEST(removing) {
    senc_error err = {0};
    ck_assert(senc_path_create_folders(in("kept"), &err));
    ck_assert(senc_path_create_folders(in("a/b"), &err));
    ck_assert(senc_file_write(in("kept/f"), "x", 1, &err));
    ck_assert_int_eq(symlink(in("kept"), in("a/b/link")), 0);
    ck_assert(senc_path_remove(in("a"), &err));
    ck_assert(!senc_path_exists(in("a")) && senc_path_exists(in("kept/f")));
    ck_assert(senc_path_remove(in("a"), &err)); /* absent is fine */
    ck_assert(senc_path_remove(in("kept/f"), &err));
    ck_assert(!senc_path_exists(in("kept/f")));
}
END_TEST

START_TEST(paths) {
    static const struct {
        const char *a, *b, *expected;
    } joins[] = {{"a", "b/c", "a/b/c"}, {"a/", "b", "a/b"}, {"a", "/b", "/b"},
                 {"", "b", "b"},        {"/", "b", "/b"},   {"a", "", "a"}};
    for (size_t i = 0; i < sizeof joins / sizeof joins[0]; i++) {
        char *path = senc_path_join(joins[i].a, joins[i].b);
        ck_assert_str_eq(path, joins[i].expected);
        free(path);
    }
    static const char *const parents[][2] = {
        {"a/b.toml", "a"}, {"b.toml", "."}, {"/b", "/"}, {"/a/b", "/a"}, {"../x", ".."}};
    for (size_t i = 0; i < sizeof parents / sizeof parents[0]; i++) {
        char *path = senc_path_folder(parents[i][0]);
        ck_assert_str_eq(path, parents[i][1]);
        free(path);
    }
    ck_assert_str_eq(senc_path_name("a/b.toml"), "b.toml");
    ck_assert_str_eq(senc_path_name("b.toml"), "b.toml");
    ck_assert_str_eq(senc_path_name("a/"), "");
}
END_TEST

/* Whatever fails, a whole file stands there and no temporary. (One allocation may fail unseen: that for syncing the
 * folder.) */
START_TEST(every_allocation_may_fail) {
    int n_failed = 0;
    for (int n = 1; n <= 20; n++) {
        senc_error err = {0};
        ck_assert(senc_file_write(in("a"), "old", 3, &err));
        senc_alloc_fail_at(n);
        const bool written = senc_file_write(in("a"), "new", 3, &err);
        bool ok = written && senc_path_create_folders(in("x/y"), &err) && senc_path_remove(in("x"), &err);
        char *text = ok ? senc_file_read(in("a"), 0, NULL, &err) : NULL;
        senc_alloc_fail_at(0);
        ok = ok && text;
        if (!ok) ck_assert_int_eq(err.kind, SENC_FAILED);
        n_failed += !ok;
        free(text);
        check_content(in("a"), written ? "new" : "old");
        err = (senc_error){0};
        ck_assert(senc_path_remove(in("x"), &err));
        ck_assert_int_eq(n_entries(folder), 1);
    }
    ck_assert_int_ge(n_failed, 5);
    ck_assert_int_lt(n_failed, 19);
}
END_TEST

START_TEST(the_clock_goes_forward) {
    const double start = senc_clock_ms();
    usleep(20000);
    const double passed = senc_clock_ms() - start;
    ck_assert(passed >= 19.9 && passed < 20000);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("file");
    TCase *cases = tcase_create("file");
    tcase_add_checked_fixture(cases, make_folder, remove_folder);
    tcase_add_test(cases, resolving_takes_parent_folders_off);
    tcase_add_test(cases, links_and_pipes);
    tcase_add_test(cases, writes_and_reads);
    tcase_add_test(cases, a_reader_sees_the_old_file_until_commit);
    tcase_add_test(cases, close_without_commit_keeps_the_old_file);
    tcase_add_test(cases, a_failed_write_keeps_the_old_file);
    tcase_add_test(cases, places_that_cannot_be_written);
    tcase_add_test(cases, reading_fails_with_a_reason);
    tcase_add_test(cases, maps);
    tcase_add_test(cases, folders);
    tcase_add_test(cases, removing);
    tcase_add_test(cases, paths);
    tcase_add_test(cases, every_allocation_may_fail);
    tcase_add_test(cases, the_clock_goes_forward);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
