/* Mapped files that change under us: whatever is done to the file, the process lives, and the check tells. */
#include "autograd/base/mapping.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/base/file.h"
#include "autograd/base/threads.h"

static char folder[] = "/tmp/senc-mapping-XXXXXX", path[64];
static senc_file_map map;
static volatile unsigned char sink;

static void set_up(void) {
    snprintf(folder, sizeof folder, "/tmp/senc-mapping-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/data", folder);
}

static void tear_down(void) {
    senc_path_remove(folder, NULL);
}

/* A file of n bytes of 'x', mapped; its time lies a while back, so that any change shows. */
static void map_file(size_t n_bytes) {
    char *bytes = malloc(n_bytes);
    senc_error err = {0};
    memset(bytes, 'x', n_bytes);
    ck_assert(senc_file_write(path, bytes, n_bytes, &err));
    const struct timespec times[2] = {{1000, 0}, {1000, 0}};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    ck_assert_msg(senc_file_map_open(&map, path, &err), "%s", err.text);
    ck_assert(senc_mappings_check(&err));
    free(bytes);
}

static void read_all(void) {
    for (size_t i = 0; i < map.n_bytes; i++) sink = (unsigned char)map.data[i];
}

static const char *complaint(void) {
    static senc_error err;
    err = (senc_error){0};
    ck_assert(!senc_mappings_check(&err));
    ck_assert_int_eq(err.kind, SENC_FILE_LOST);
    ck_assert(strncmp(err.text, path, strlen(path)) == 0);
    return err.text + strlen(path) + 2;
}

START_TEST(cut_files_are_read_as_zeros_and_told) {
    static const size_t left[] = {0, 1, 4095, 4096, 50000, 99999};
    map_file(100000);
    ck_assert_int_eq(truncate(path, (off_t)left[_i]), 0);
    read_all();
    ck_assert_int_eq(map.data[99999], 0);
    char expected[80];
    snprintf(expected, sizeof expected, "was cut from 100000 to %zu bytes while it was in use", left[_i]);
    ck_assert_str_eq(complaint(), expected);
    senc_error err = {0};
    char *other = senc_path_join(folder, "output");
    ck_assert(!senc_file_write(other, "x", 1, &err) && err.kind == SENC_FILE_LOST); /* nothing leaves the process */
    ck_assert(!senc_path_exists(other));
    senc_file_map_close(&map);
    complaint(); /* still */
    senc_mappings_forget_losses();
    err = (senc_error){0};
    ck_assert(senc_mappings_check(&err));
    ck_assert(senc_file_write(other, "x", 1, &err));
    free(other);
}
END_TEST

START_TEST(a_cut_just_before_the_end_of_use_is_told) {
    senc_error err = {0};
    map_file(5000);
    ck_assert_int_eq(truncate(path, 10), 0);
    senc_file_map_close(&map);
    ck_assert(!senc_mappings_check(&err) && strstr(err.text, "was cut from 5000 to 10 bytes"));
}
END_TEST

START_TEST(a_cut_that_is_mended_is_told) {
    map_file(100000);
    char *bytes = malloc(100000);
    memset(bytes, 'x', 100000);
    ck_assert_int_eq(truncate(path, 0), 0);
    read_all();
    FILE *f = fopen(path, "r+b");
    ck_assert_uint_eq(fwrite(bytes, 1, 100000, f), 100000);
    fclose(f);
    free(bytes);
    complaint();
    senc_file_map_close(&map);
}
END_TEST

/* Pieces of the file as somebody would write over it without cutting it first. */
START_TEST(other_content_is_told) {
    static const off_t places[] = {0, 99990};
    map_file(100000);
    const int fd = open(path, O_WRONLY);
    ck_assert_int_eq(pwrite(fd, "other text", 10, places[_i]), 10);
    close(fd);
    ck_assert_str_eq(complaint(), "changed while it was in use");
    senc_file_map_close(&map);
}
END_TEST

START_TEST(files_that_grow_or_are_touched_are_fine) {
    senc_error err = {0};
    map_file(100000);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, NULL, 0), 0);
    ck_assert(senc_mappings_check(&err));
    FILE *f = fopen(path, "ab");
    fputs("one line more\n", f);
    fclose(f);
    ck_assert_msg(senc_mappings_check(&err), "%s", err.text);
    ck_assert_int_eq(unlink(path), 0); /* editors put another file in its place */
    ck_assert_msg(senc_mappings_check(&err), "%s", err.text);
    read_all();
    ck_assert_int_eq(map.data[99999], 'x');
    senc_file_map_close(&map);
    ck_assert_msg(senc_mappings_check(&err), "%s", err.text);
}
END_TEST

static void *read_in_thread(void *context) {
    (void)context;
    read_all();
    return NULL;
}

static void read_in_task(void *context, int64_t i, int thread) {
    (void)context, (void)i, (void)thread;
    read_all();
}

/* Threads beside the pool block signals; a fault of their own must not be among them. */
START_TEST(threads_survive_too) {
    senc_error err = {0};
    pthread_t thread;
    map_file(100000);
    ck_assert_int_eq(truncate(path, 0), 0);
    if (_i == 0) {
        ck_assert(senc_thread_start(&thread, read_in_thread, NULL, &err));
        pthread_join(thread, NULL);
    } else {
        ck_assert(senc_threads_init(4, &err));
        senc_parallel(64, read_in_task, NULL);
        senc_threads_free();
    }
    complaint();
    senc_file_map_close(&map);
}
END_TEST

START_TEST(many_maps_are_told_apart) {
    enum { N = 50 };
    senc_file_map maps[N];
    senc_error err = {0};
    for (int round = 0; round < 2; round++) { /* places in the list are used again */
        for (int i = 0; i < N; i++) {
            snprintf(path, sizeof path, "%s/data-%d", folder, i);
            ck_assert(senc_file_write(path, path, 20, &err) && senc_file_map_open(&maps[i], path, &err));
        }
        snprintf(path, sizeof path, "%s/data-%d", folder, 17);
        ck_assert_int_eq(truncate(path, 0), 0);
        complaint();
        for (int i = 0; i < N; i++) senc_file_map_close(&maps[i]);
        senc_mappings_forget_losses();
        ck_assert(senc_mappings_check(&err));
    }
}
END_TEST

/* A bus error that is none of a mapped file ends the process as ever. */
#ifndef __SANITIZE_ADDRESS__
START_TEST(other_faults_kill) {
    map_file(10);
    const int fd = open(path, O_RDONLY);
    ck_assert_int_eq(truncate(path, 0), 0);
    const volatile char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    sink = (unsigned char)*p;
}
END_TEST
#endif

int main(void) {
    Suite *suite = suite_create("mapping");
    TCase *c = tcase_create("mapping");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, cut_files_are_read_as_zeros_and_told, 0, 6);
    tcase_add_test(c, a_cut_just_before_the_end_of_use_is_told);
    tcase_add_test(c, a_cut_that_is_mended_is_told);
    tcase_add_loop_test(c, other_content_is_told, 0, 2);
    tcase_add_test(c, files_that_grow_or_are_touched_are_fine);
    tcase_add_loop_test(c, threads_survive_too, 0, 2);
    tcase_add_test(c, many_maps_are_told_apart);
#ifndef __SANITIZE_ADDRESS__ /* which reports such a signal and exits */
    tcase_add_test_raise_signal(c, other_faults_kill, SIGBUS);
#endif
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
