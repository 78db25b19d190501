/* gzip and zstd streams: found by content, many members, cut at every byte, corrupt, no room for the text. */
#include "data/formats/stream.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/memory.h"

static char folder[64];

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/senc-test-stream-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void) {
    senc_error err = {0};
    ck_assert(senc_path_remove(folder, &err));
}

static const char *path_of(const char *name, const void *bytes, size_t n_bytes) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb"); /* not senc_file_write: a thousand syncs would take long */
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n_bytes, f), n_bytes);
    ck_assert_int_eq(fclose(f), 0);
    return path;
}

/* Text that does not shrink to nothing. */
static char *make_text(size_t n_bytes) {
    char *text = malloc(n_bytes + 1);
    uint32_t state = 1;
    for (size_t i = 0; i < n_bytes; i++) {
        state = state * 1664525 + 1013904223;
        text[i] = (char)('a' + (state >> 28));
    }
    text[n_bytes] = '\0';
    return text;
}

static void append_gzip(senc_buffer *out, const char *text, size_t n_bytes) {
    z_stream z = {0};
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    const size_t room = deflateBound(&z, n_bytes);
    char *packed = malloc(room);
    z.next_in = (Bytef *)(uintptr_t)text;
    z.avail_in = (uInt)n_bytes;
    z.next_out = (Bytef *)packed;
    z.avail_out = (uInt)room;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    senc_buffer_append(out, packed, room - z.avail_out);
    deflateEnd(&z);
    free(packed);
}

static void append_zstd(senc_buffer *out, const char *text, size_t n_bytes) {
    const size_t room = ZSTD_compressBound(n_bytes);
    char *packed = malloc(room);
    const size_t n = ZSTD_compress(packed, room, text, n_bytes, 3);
    ck_assert(!ZSTD_isError(n));
    senc_buffer_append(out, packed, n);
    free(packed);
}

static void check_text_of(const char *path, const char *expected, size_t n_bytes) {
    data_text t;
    senc_error err = {0};
    ck_assert_msg(data_text_open(path, &t, &err), "%s", err.text);
    ck_assert_uint_eq(t.n_bytes, n_bytes);
    ck_assert(n_bytes == 0 || memcmp(t.data, expected, n_bytes) == 0);
    data_text_close(&t);
}

static const char *refusal(const char *path) {
    static senc_error err;
    err = (senc_error){0};
    data_text t;
    ck_assert(!data_text_open(path, &t, &err));
    ck_assert_ptr_null(t.data);
    const size_t n = strlen(folder);
    return strncmp(err.text, folder, n) == 0 ? err.text + n + 1 : err.text;
}

START_TEST(plain_and_packed) {
    const size_t n = 300000; /* several blocks of input and output */
    char *text = make_text(n);
    senc_buffer gz = {0}, zst = {0};
    append_gzip(&gz, text, n);
    append_zstd(&zst, text, n);
    check_text_of(path_of("plain.txt", text, n), text, n);
    check_text_of(path_of("a.gz", gz.data, gz.n_bytes), text, n);
    check_text_of(path_of("a.zst", zst.data, zst.n_bytes), text, n);
    check_text_of(path_of("wrong-name.gz", zst.data, zst.n_bytes), text, n);
    check_text_of(path_of("not-packed.gz", text, n), text, n);
    check_text_of(path_of("empty", "", 0), "", 0);
    senc_buffer_free(&gz);
    senc_buffer_free(&zst);
    free(text);
}
END_TEST

START_TEST(many_members) {
    const size_t n = 100000;
    char *text = make_text(2 * n);
    senc_buffer gz = {0}, zst = {0};
    append_gzip(&gz, text, n);
    append_gzip(&gz, "", 0);
    append_gzip(&gz, text + n, n);
    senc_buffer_append(&gz, "\0\0\0\0", 4); /* padding, as tape archives have it */
    append_zstd(&zst, text, n);
    senc_buffer_append(&zst, "\x50\x2a\x4d\x18\x03\0\0\0abc", 11); /* a skippable frame */
    append_zstd(&zst, text + n, n);
    check_text_of(path_of("m.gz", gz.data, gz.n_bytes), text, 2 * n);
    check_text_of(path_of("m.zst", zst.data, zst.n_bytes), text, 2 * n);
    senc_buffer_append(&gz, "junk", 4);
    ck_assert_str_eq(refusal(path_of("m.gz", gz.data, gz.n_bytes)),
                     "m.gz: corrupt gzip stream after 200000 bytes: junk behind its end");
    senc_buffer_free(&gz);
    senc_buffer_free(&zst);
    free(text);
}
END_TEST

/* Zeros of any number behind a member, also where a block of input (64 KiB) ends, and a member behind them. */
START_TEST(zeros_behind_members_are_padding) {
    static const size_t paddings[] = {1, 2, 3, 4095, 65535, 65536, 200001};
    char *text = make_text(150000), *zeros = calloc(1, 200001);
    for (size_t i = 0; i < sizeof paddings / sizeof *paddings; i++) {
        senc_buffer gz = {0};
        append_gzip(&gz, text, 100000);
        senc_buffer_append(&gz, zeros, paddings[i]);
        check_text_of(path_of("p.gz", gz.data, gz.n_bytes), text, 100000);
        append_gzip(&gz, text + 100000, 50000);
        senc_buffer_append(&gz, zeros, 1);
        check_text_of(path_of("p.gz", gz.data, gz.n_bytes), text, 150000);
        senc_buffer_append(&gz, "x", 1);
        ck_assert_str_eq(refusal(path_of("p.gz", gz.data, gz.n_bytes)),
                         "p.gz: corrupt gzip stream after 150000 bytes: junk behind its end");
        senc_buffer_free(&gz);
    }
    free(text);
    free(zeros);
}
END_TEST

/* A member that begins with the last byte of a block of input. */
START_TEST(members_across_blocks_of_input) {
    char *text = make_text(100000);
    senc_buffer one = {0}, gz = {0};
    append_gzip(&one, text, 100000);
    append_gzip(&gz, text, 100000);
    ck_assert_uint_lt(gz.n_bytes, 65535);
    while (gz.n_bytes < 65535) senc_buffer_append(&gz, "", 1);
    senc_buffer_append(&gz, one.data, one.n_bytes);
    data_text t;
    senc_error err = {0};
    ck_assert_msg(data_text_open(path_of("b.gz", gz.data, gz.n_bytes), &t, &err), "%s", err.text);
    ck_assert_uint_eq(t.n_bytes, 200000);
    ck_assert(memcmp(t.data, text, 100000) == 0 && memcmp(t.data + 100000, text, 100000) == 0);
    data_text_close(&t);
    senc_buffer_free(&one);
    senc_buffer_free(&gz);
    free(text);
}
END_TEST

/* Cut behind every byte: refused, whatever is left, as truncated. */
START_TEST(truncated_anywhere) {
    char *text = make_text(500);
    senc_buffer packed[2] = {{0}, {0}};
    append_gzip(&packed[0], text, 500);
    append_zstd(&packed[1], text, 500);
    for (int kind = 0; kind < 2; kind++) {
        for (size_t n = 4; n < packed[kind].n_bytes; n++) {
            const char *message = refusal(path_of("cut", packed[kind].data, n));
            ck_assert_msg(
                strstr(message, kind == 0 ? "cut: truncated gzip stream after " : "cut: truncated zstd stream after "),
                "%zu: %s", n, message);
        }
        senc_buffer_free(&packed[kind]);
    }
    free(text);
}
END_TEST

START_TEST(truncated_message_counts_the_content) {
    char *text = make_text(200000);
    senc_buffer gz = {0};
    append_gzip(&gz, text, 200000);
    const char *message =
        refusal(path_of("c.gz", gz.data, gz.n_bytes - 4)); /* the checksum's end is missing: all content came */
    ck_assert_str_eq(message, "c.gz: truncated gzip stream after 200000 bytes");
    gz.data[gz.n_bytes - 6] ^= 1;
    message = refusal(path_of("c.gz", gz.data, gz.n_bytes));
    ck_assert_str_eq(message, "c.gz: corrupt gzip stream after 200000 bytes: incorrect data check");
    senc_buffer_free(&gz);
    free(text);
}
END_TEST

/* Every flipped byte is refused or harmless (a header field); never a crash. */
START_TEST(corrupt_anywhere) {
    char *text = make_text(300);
    senc_buffer packed[2] = {{0}, {0}};
    append_gzip(&packed[0], text, 300);
    append_zstd(&packed[1], text, 300);
    for (int kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < packed[kind].n_bytes; i++) {
            packed[kind].data[i] ^= 0x55;
            data_text t;
            senc_error err = {0};
            if (data_text_open(path_of("flip", packed[kind].data, packed[kind].n_bytes), &t, &err))
                data_text_close(&t);
            else
                ck_assert_msg(strstr(err.text, " stream after ") != NULL, "%s", err.text);
            packed[kind].data[i] ^= 0x55;
        }
        senc_buffer_free(&packed[kind]);
    }
    free(text);
}
END_TEST

START_TEST(files_that_cannot_be_read) {
    senc_error err = {0};
    data_text t;
    ck_assert(!data_text_open("/nowhere/x", &t, &err));
    ck_assert_str_eq(err.text, "/nowhere/x: cannot read: No such file or directory");
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    err = (senc_error){0};
    ck_assert(!data_text_open(folder, &t, &err));
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
}
END_TEST

/* The largest file a process may write stands in for a full disk. */
START_TEST(no_room_for_the_text) {
    char *text = make_text(100000);
    senc_buffer gz = {0};
    append_gzip(&gz, text, 100000);
    const char *path = path_of("big.gz", gz.data, gz.n_bytes);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit small = {50000, 50000};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    senc_error err = {0};
    data_text t;
    ck_assert(!data_text_open(path, &t, &err));
    ck_assert_int_eq(err.kind, SENC_FAILED);
    ck_assert_ptr_nonnull(
        strstr(err.text, "big.gz: cannot write its decompressed text to $TMPDIR or /tmp: File too large"));
    err = (senc_error){0};
    setenv("TMPDIR", "/nowhere", 1);
    ck_assert(!data_text_open(path, &t, &err));
    ck_assert_str_eq(err.text, "/nowhere: cannot create a temporary file: No such file or directory");
    senc_buffer_free(&gz);
    free(text);
}
END_TEST

START_TEST(names) {
    ck_assert_uint_eq(data_path_stem_bytes("a/b.jsonl.gz"), 9);
    ck_assert_uint_eq(data_path_stem_bytes("b.csv.zst"), 5);
    ck_assert_uint_eq(data_path_stem_bytes("b.csv"), 5);
    ck_assert_ptr_null(data_path_find_packed(folder, "x.jsonl"));
    path_of("x.jsonl.zst", "", 0);
    char *found = data_path_find_packed(folder, "x.jsonl");
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(senc_path_name(found), "x.jsonl.zst");
    free(found);
}
END_TEST

START_TEST(every_allocation_may_fail) {
    senc_buffer gz = {0};
    append_gzip(&gz, "hello", 5);
    const char *path = path_of("f.gz", gz.data, gz.n_bytes);
    bool done = false;
    int64_t n = 1;
    for (; !done; n++) {
        data_text t;
        senc_error err = {0};
        senc_alloc_fail_at(n);
        done = data_text_open(path, &t, &err);
        senc_alloc_fail_at(0);
        ck_assert_msg(done || (err.kind == SENC_FAILED && strstr(err.text, "out of memory")), "%s", err.text);
        data_text_close(&t);
    }
    ck_assert_int_gt(n, 4);
    senc_buffer_free(&gz);
}
END_TEST

int main(void) {
    Suite *s = suite_create("stream");
    TCase *t = tcase_create("stream");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_add_test(t, plain_and_packed);
    tcase_add_test(t, many_members);
    tcase_add_test(t, zeros_behind_members_are_padding);
    tcase_add_test(t, members_across_blocks_of_input);
    tcase_add_test(t, truncated_anywhere);
    tcase_add_test(t, truncated_message_counts_the_content);
    tcase_add_test(t, corrupt_anywhere);
    tcase_add_test(t, files_that_cannot_be_read);
    tcase_add_test(t, no_room_for_the_text);
    tcase_add_test(t, names);
    tcase_add_test(t, every_allocation_may_fail);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
