/* Files: atomic writing, reading with limits, maps, folders, paths. */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

/* Writing through a link changes its target and keeps the link. */
START_TEST(links) {
    char root[] = "/tmp/senc-links-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(root));
    char *target = senc_path_join(root, "target"), *link = senc_path_join(root, "link");
    ck_assert(senc_file_write(target, "old", 3, NULL));
    ck_assert_int_eq(symlink(target, link), 0);
    ck_assert(senc_file_write(link, "new!", 4, NULL));
    struct stat info;
    ck_assert(lstat(link, &info) == 0 && S_ISLNK(info.st_mode));
    char *text = senc_file_read(target, 0, NULL, NULL);
    ck_assert_str_eq(text, "new!");
    free(text);
    ck_assert(senc_path_remove(root, NULL));
    free(target);
    free(link);
}
END_TEST

/* Devices and pipes are written to, not replaced: what is written arrives, in its order, and they stay. */
START_TEST(streams) {
    senc_error err = {0};
    struct stat info;
    ck_assert_int_eq(mkfifo(in("pipe"), 0600), 0);
    const int reader = open(in("pipe"), O_RDONLY | O_NONBLOCK);
    ck_assert(senc_path_is_stream(in("pipe")) && senc_file_check_new(in("pipe"), &err));
    ck_assert_msg(senc_file_write(in("pipe"), "abc", 3, &err), "%s", err.text);
    char got[8] = "";
    ck_assert_int_eq(read(reader, got, sizeof got), 3);
    ck_assert_str_eq(got, "abc");
    close(reader);
    ck_assert(lstat(in("pipe"), &info) == 0 && S_ISFIFO(info.st_mode));
    ck_assert_msg(senc_file_write("/dev/null", "abc", 3, &err), "%s", err.text);
    ck_assert(stat("/dev/null", &info) == 0 && S_ISCHR(info.st_mode));
    ck_assert(!senc_file_write("/dev/full", "abc", 3, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "/dev/full: cannot write: No space left on device"));
    ck_assert(!senc_path_is_stream(in("absent")) && !senc_path_is_stream(folder) && !senc_path_is_stream("/dev/fd/x"));
}
END_TEST

/* /dev/fd/N is the file that N stands for, at the place where it is: opened anew it would be cut off. */
START_TEST(descriptors) {
    senc_error err = {0};
    char path[32];
    ck_assert(senc_file_write(in("a"), "old\n", 4, &err));
    const int fd = open(in("a"), O_WRONLY | O_APPEND);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    ck_assert_msg(senc_file_write(path, "new\n", 4, &err), "%s", err.text);
    check_content(in("a"), "old\nnew\n");
    ck_assert_int_eq(write(fd, "more\n", 5), 5); /* it is still open */
    close(fd);
    check_content(in("a"), "old\nnew\nmore\n");
    ck_assert(!senc_file_write(path, "x", 1, &err));
}
END_TEST

/* A file that takes another's place has its mode, from its first byte on nobody else's. */
START_TEST(modes_are_kept) {
    senc_error err = {0};
    struct stat info;
    senc_file_use_names(_i == 1);
    umask(0022);
    ck_assert(senc_file_write(in("new"), "x", 1, &err));
    ck_assert(stat(in("new"), &info) == 0 && (info.st_mode & 07777) == 0644);
    static const mode_t modes[] = {0600, 0640, 0444, 0755};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        ck_assert_int_eq(chmod(in("new"), modes[i]), 0);
        senc_file_writer w;
        ck_assert(senc_file_writer_open(&w, in("new"), &err));
        ck_assert(fstat(fileno(w.stream), &info) == 0 && (info.st_mode & 07777) == 0600);
        ck_assert(senc_file_writer_commit(&w, &err));
        ck_assert(stat(in("new"), &info) == 0 && (info.st_mode & 07777) == modes[i]);
    }
    if (geteuid() == 0) { /* only root may give files away */
        ck_assert_int_eq(chown(in("new"), 12345, 54321), 0);
        ck_assert(senc_file_write(in("new"), "y", 1, &err));
        ck_assert(stat(in("new"), &info) == 0 && info.st_uid == 12345 && info.st_gid == 54321);
    }
    senc_file_use_names(false);
}
END_TEST

/* Outputs: a file that holds something is in the way, also one that comes while the output is being written. */
START_TEST(outputs_are_new) {
    senc_error err = {0};
    senc_file_writer w;
    senc_file_use_names(_i == 1);
    ck_assert(senc_file_write(in("a"), "old", 3, &err) && senc_file_write(in("empty"), "", 0, &err));
    ck_assert(!senc_file_writer_open_output(&w, in("a"), false, &err));
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "a: is there already; --overwrite replaces it"));
    err = (senc_error){0};
    ck_assert(senc_file_writer_open_output(&w, in("a"), true, &err) && senc_file_writer_commit(&w, &err));
    check_content(in("a"), "");
    ck_assert(senc_file_writer_open_output(&w, in("empty"), false, &err) && senc_file_writer_commit(&w, &err));
    ck_assert(senc_file_writer_open_output(&w, in("b"), false, &err));
    ck_assert_int_eq(symlink("nowhere", in("link")), 0);
    ck_assert(senc_file_write(in("b"), "foreign", 7, &err));
    ck_assert(!senc_file_writer_commit(&w, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "b: cannot write: somebody else has made this file meanwhile"));
    check_content(in("b"), "foreign");
    err = (senc_error){0};
    ck_assert(!senc_file_writer_open_output(&w, in("link"), false, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "link: cannot write: a link that leads nowhere is there"));
    ck_assert_int_eq(n_entries(folder), 4);
    senc_file_use_names(false);
}
END_TEST

/* A file by the name that a temporary would have is somebody else's. */
START_TEST(foreign_temporaries) {
    senc_error err = {0};
    char name[64];
    snprintf(name, sizeof name, "a.tmp-%ld", (long)getpid());
    ck_assert(senc_file_write(in("a"), "old", 3, &err) && senc_file_write(in(name), "foreign", 7, &err));
    for (int i = 0; i < 2; i++) {
        senc_file_use_names(i == 1);
        ck_assert(senc_file_write(in("a"), "new", 3, &err));
        check_content(in("a"), "new");
        check_content(in(name), "foreign");
        ck_assert_int_eq(n_entries(folder), 2);
    }
    senc_file_use_names(false);
}
END_TEST

/* Whoever kills senc while it writes finds what was there before. */
START_TEST(nothing_is_left_behind) {
    senc_error err = {0};
    ck_assert(senc_file_write(in("a"), "old", 3, &err));
    const pid_t child = fork();
    if (child == 0) {
        senc_file_writer w;
        senc_file_writer_open(&w, in("a"), &err);
        fputs("half", w.stream);
        fflush(w.stream);
        raise(SIGKILL);
    }
    int status;
    ck_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    check_content(in("a"), "old");
    ck_assert_int_eq(n_entries(folder), 1);
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
    senc_file_use_names(_i == 1);
    senc_file_writer w;
    ck_assert(senc_file_write(in("a"), "old", 3, &err));
    ck_assert(senc_file_writer_open(&w, in("a"), &err));
    fputs("new", w.stream);
    fflush(w.stream);
    check_content(in("a"), "old");
    ck_assert_int_eq(n_entries(folder), 1 + _i);
    ck_assert(senc_file_writer_commit(&w, &err));
    check_content(in("a"), "new");
    senc_file_writer_close(&w);
    ck_assert_int_eq(n_entries(folder), 1);
    senc_file_use_names(false);
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
    senc_file_use_names(_i == 1);
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

START_TEST(folders_that_can_be_made) {
    senc_error err = {0};
    ck_assert(senc_file_write(in("file"), "x", 1, &err));
    ck_assert(senc_path_check_folder(folder, &err) && senc_path_check_folder(in("a/b/c/"), &err) &&
              senc_path_check_folder("not-there", &err));
    ck_assert_int_eq(n_entries(folder), 1);
    ck_assert(!senc_path_check_folder(in("file/a/b"), &err) && !senc_path_check_folder("", NULL));
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "/file/a/b: cannot be created: /"));
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
    senc_file_use_names(_i == 1);
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
    ck_assert_int_ge(n_failed, 4);
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
    tcase_add_test(cases, links);
    tcase_add_test(cases, streams);
    tcase_add_test(cases, descriptors);
    tcase_add_loop_test(cases, modes_are_kept, 0, 2);
    tcase_add_loop_test(cases, outputs_are_new, 0, 2);
    tcase_add_test(cases, foreign_temporaries);
    tcase_add_test(cases, nothing_is_left_behind);
    tcase_add_test(cases, writes_and_reads);
    tcase_add_loop_test(cases, a_reader_sees_the_old_file_until_commit, 0, 2); /* _i: with names */
    tcase_add_test(cases, close_without_commit_keeps_the_old_file);
    tcase_add_loop_test(cases, a_failed_write_keeps_the_old_file, 0, 2);
    tcase_add_test(cases, places_that_cannot_be_written);
    tcase_add_test(cases, reading_fails_with_a_reason);
    tcase_add_test(cases, maps);
    tcase_add_test(cases, folders);
    tcase_add_test(cases, folders_that_can_be_made);
    tcase_add_test(cases, removing);
    tcase_add_test(cases, paths);
    tcase_add_loop_test(cases, every_allocation_may_fail, 0, 2);
    tcase_add_test(cases, the_clock_goes_forward);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
