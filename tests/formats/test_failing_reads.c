/* Reading that fails in the middle, and reading that gives a byte at a time: this program's own fopen hands out streams
 * that do so. A part of a file must never pass for the whole. (Mapped files: tests/base/test_mapping.c.) */
#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "autograd/base/file.h"
#include "data/formats/json.h"
#include "data/formats/stream.h"
#include "data/formats/toml.h"

static char folder[64];
static const char *content;
static size_t n_content;
static size_t fail_at; /* reading fails there with EIO; n_content: not */

typedef struct place {
    size_t at;
} place;

static ssize_t read_some(void *cookie, char *out, size_t n_bytes) {
    place *p = cookie;
    if (p->at == fail_at && fail_at < n_content) {
        errno = EIO;
        return -1;
    }
    if (n_bytes == 0 || p->at == n_content) return 0;
    *out = content[p->at++];
    return 1;
}

static int close_place(void *cookie) {
    free(cookie);
    return 0;
}

FILE *fopen(const char *path, const char *mode) {
    FILE *(*system_fopen)(const char *, const char *) = NULL;
    if (!strstr(path, "/slow")) {
        *(void **)&system_fopen = dlsym(RTLD_NEXT, "fopen");
        return system_fopen(path, mode);
    }
    return fopencookie(calloc(1, sizeof(place)), mode,
                       (cookie_io_functions_t){.read = read_some, .close = close_place});
}

static void set_up(void) {
    snprintf(folder, sizeof folder, "/tmp/senc-failing-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void tear_down(void) {
    senc_path_remove(folder, NULL);
}

/* What is read from here on. */
static void set_content(const void *bytes, size_t n_bytes, size_t fails) {
    content = bytes;
    n_content = n_bytes;
    fail_at = fails;
}

static const char *slow_path(const char *ending) {
    static char path[128];
    snprintf(path, sizeof path, "%s/slow%s", folder, ending);
    return path;
}

static void check_failure(bool ok, const senc_error *err, const char *path) {
    char expected[256];
    snprintf(expected, sizeof expected, "%s: cannot read: Input/output error", path);
    ck_assert_msg(!ok, "%s: a failure at byte %zu of %zu went unnoticed", path, fail_at, n_content);
    ck_assert_str_eq(err->text, expected);
    ck_assert_int_eq(err->kind, SENC_FAILED);
}

/* A text through every packing: whole when nothing fails, else refused, wherever it fails. */
static void check_texts(const char *packed, size_t n_packed, const char *text, size_t n_text) {
    for (size_t at = 0; at <= n_packed; at++) {
        set_content(packed, n_packed, at);
        data_text t;
        senc_error err = {0};
        const char *path = slow_path(".txt");
        const bool ok = data_text_open(path, &t, &err);
        if (at < n_packed) {
            check_failure(ok, &err, path);
        } else {
            ck_assert_msg(ok, "%s", err.text);
            ck_assert(t.n_bytes == n_text && memcmp(t.data, text, n_text) == 0);
            data_text_close(&t);
        }
    }
}

START_TEST(texts) {
    static const char text[] = "the kettle sings when the water boils\na small boat drifts across the quiet lake\n";
    char packed[512];
    uLongf n_gzip = sizeof packed;
    check_texts(text, sizeof text - 1, text, sizeof text - 1);
    z_stream z = {0};
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)text;
    z.avail_in = sizeof text - 1;
    z.next_out = (Bytef *)packed;
    z.avail_out = (uInt)n_gzip;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    n_gzip = z.total_out;
    deflateEnd(&z);
    check_texts(packed, n_gzip, text, sizeof text - 1);
    const size_t n_zstd = ZSTD_compress(packed, sizeof packed, text, sizeof text - 1, 3);
    check_texts(packed, n_zstd, text, sizeof text - 1);
}
END_TEST

START_TEST(json) {
    static const char text[] = "{\"a\": [1, 2], \"b\": {}}\n";
    for (size_t at = 0; at < sizeof text; at++) {
        set_content(text, sizeof text - 1, at);
        data_json *o = NULL;
        senc_error err = {0};
        const bool ok = data_json_load(slow_path(".json"), &o, &err);
        if (at < sizeof text - 1)
            check_failure(ok, &err, slow_path(".json"));
        else
            ck_assert_msg(ok && data_json_count(o) == 2, "%s", err.text);
        data_json_free(o);
    }
}
END_TEST

START_TEST(toml) {
    static const char text[] = "a = 1\n[b]\nc = 2\n";
    for (size_t at = 0; at < sizeof text; at++) {
        set_content(text, sizeof text - 1, at);
        senc_value *tree = NULL;
        senc_error err = {0};
        const bool ok = data_toml_load(slow_path(".toml"), &tree, &err);
        if (at < sizeof text - 1)
            check_failure(ok, &err, slow_path(".toml"));
        else
            ck_assert_msg(ok && senc_value_find(tree, "b") != NULL, "%s", err.text);
        senc_value_free(tree);
    }
}
END_TEST

START_TEST(whole_files) {
    static const char text[] = "0123456789";
    for (size_t at = 0; at < sizeof text; at++) {
        set_content(text, sizeof text - 1, at);
        size_t n_bytes = 0;
        senc_error err = {0};
        char *got = senc_file_read(slow_path(""), 0, &n_bytes, &err);
        if (at < sizeof text - 1)
            check_failure(got != NULL, &err, slow_path(""));
        else
            ck_assert(got && n_bytes == 10 && strcmp(got, text) == 0);
        free(got);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("failing_reads");
    TCase *c = tcase_create("failing_reads");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, texts);
    tcase_add_test(c, json);
    tcase_add_test(c, toml);
    tcase_add_test(c, whole_files);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
