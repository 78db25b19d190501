/* Files of vectors: every kind back and forth, going on after an interruption, files that lie. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/formats/safetensors.h"
#include "data/formats/vector_writer.h"

enum { N = 5, WIDTH = 11 };
static char folder[] = "/tmp/senc-vectors-XXXXXX";
static char path[128];

static const char *in_folder(const char *name) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void fill(float *x) {
    for (int64_t i = 0; i < N * WIDTH; i++) x[i] = sinf((float)(i * i + 1)) * (i / WIDTH == 3 ? 100.0f : 1.0f);
    for (int64_t i = 0; i < WIDTH; i++) x[WIDTH + i] = 0;
}

static void write_all(const char *name, const float *x, const data_vector_label *labels) {
    senc_error err = {0};
    data_vector_kind kind;
    data_vector_writer w;
    ck_assert(data_vector_kind_of_path(in_folder(name), &kind, &err));
    ck_assert_msg(data_vector_writer_open(&w, path, kind, WIDTH, &err), "%s", err.text);
    ck_assert(data_vector_writer_append(&w, x, labels, 2, &err));
    ck_assert(data_vector_writer_append(&w, x + 2 * WIDTH, labels ? labels + 2 : NULL, N - 2, &err));
    ck_assert_msg(data_vector_writer_commit(&w, &err), "%s", err.text);
    data_vector_writer_close(&w, false);
}

static void check_kind(const char *name, double relative) {
    float x[N * WIDTH], back[N * WIDTH];
    fill(x);
    write_all(name, x, NULL);
    senc_error err = {0};
    data_vectors v;
    ck_assert_msg(data_vectors_open(in_folder(name), true, &v, &err), "%s", err.text);
    ck_assert_int_eq(v.n_rows, N);
    ck_assert_int_eq(v.width, WIDTH);
    ck_assert_int_eq(v.ids.n, 0);
    ck_assert(data_vectors_read(&v, 0, N, back, &err));
    for (int64_t i = 0; i < N; i++) {
        double largest = 0;
        for (int64_t k = 0; k < WIDTH; k++) largest = fmax(largest, fabs((double)x[i * WIDTH + k]));
        for (int64_t k = 0; k < WIDTH; k++) {
            const double error = fabs((double)back[i * WIDTH + k] - (double)x[i * WIDTH + k]);
            ck_assert_msg(error <= relative * largest, "%s row %d, %d: off by %g", name, (int)i, (int)k, error);
        }
    }
    float one[WIDTH];
    ck_assert(data_vectors_read(&v, 3, 1, one, &err));
    ck_assert_mem_eq(one, back + 3 * WIDTH, sizeof one);
    data_vectors_close(&v);
}

START_TEST(test_kinds) {
    check_kind("a.npy", 0);
    check_kind("a.jsonl", 0);
    check_kind("a.f32", 0);
    check_kind("a.f16", 0x1p-11);
    check_kind("a.i8", 0.5 / 127 + 1e-6);
}
END_TEST

/* By hand: 11 numbers, positive at 0, 2 and 9, are the bytes 10100000 010xxxxx. */
START_TEST(test_bits) {
    float x[N * WIDTH];
    for (int64_t i = 0; i < N * WIDTH; i++) x[i] = i % WIDTH == 0 || i % WIDTH == 2 || i % WIDTH == 9 ? 0.5f : -0.1f;
    x[1] = 0; /* zero is not positive */
    write_all("a.bin", x, NULL);
    senc_error err = {0};
    size_t n;
    char *bytes = senc_file_read(in_folder("a.bin"), 0, &n, &err);
    ck_assert_int_eq(n, N * 2);
    ck_assert_int_eq((unsigned char)bytes[0], 0xa0);
    ck_assert_int_eq((unsigned char)bytes[1], 0x40);
    free(bytes);
    data_vectors v;
    float row[WIDTH];
    ck_assert(data_vectors_open(in_folder("a.bin"), false, &v, &err) && data_vectors_read(&v, 4, 1, row, &err));
    ck_assert(row[0] == 1 && row[1] == -1 && row[9] == 1 && row[10] == -1);
    data_vectors_close(&v);
}
END_TEST

/* Every half number is its own nearest half; midpoints go to the even one. */
START_TEST(test_half) {
    for (uint32_t h = 0; h < 0x10000; h++) {
        const float x = data_float_from_f16((uint16_t)h);
        if (isnan(x)) continue;
        ck_assert_msg(data_float_to_f16(x) == h, "%04x: %g became %04x", h, (double)x, data_float_to_f16(x));
    }
    ck_assert_int_eq(data_float_to_f16(1 + 0x1p-11f), 0x3c00);     /* between 1 and the next: down to even */
    ck_assert_int_eq(data_float_to_f16(1 + 3 * 0x1p-11f), 0x3c02); /* up to even */
    ck_assert_int_eq(data_float_to_f16(65519.0f), 0x7bff);
    ck_assert_int_eq(data_float_to_f16(65520.0f), 0x7c00);
    ck_assert_int_eq(data_float_to_f16(0x1.8p-25f), 0x0001);
    ck_assert_int_eq(data_float_to_f16(0x1p-25f), 0x0000); /* half of the smallest: to even */
    ck_assert_int_eq(data_float_to_f16(-0x1p-14f), 0x8400);
    ck_assert(isnan(data_float_from_f16(data_float_to_f16(NAN))));
}
END_TEST

static char *read_bytes(const char *name, size_t *n) {
    senc_error err = {0};
    char *bytes = senc_file_read(in_folder(name), 0, n, &err);
    ck_assert_msg(bytes != NULL, "%s", err.text);
    return bytes;
}

/* Rows behind the mark are written again: the bytes are those of a run in one piece. */
static void check_resume(const char *whole, const char *parts) {
    float x[N * WIDTH];
    fill(x);
    write_all(whole, x, NULL);
    senc_error err = {0};
    data_vector_kind kind;
    data_vector_writer w;
    data_vector_mark mark;
    ck_assert(data_vector_kind_of_path(in_folder(parts), &kind, &err));
    ck_assert(data_vector_writer_open(&w, path, kind, WIDTH, &err));
    ck_assert(data_vector_writer_append(&w, x, NULL, 2, &err) && data_vector_writer_mark(&w, &mark, &err));
    ck_assert(data_vector_writer_append(&w, x, NULL, 2, &err)); /* lost */
    data_vector_writer_close(&w, true);
    ck_assert(!senc_path_exists(path));
    ck_assert_int_eq(mark.n_rows, 2);
    ck_assert_msg(data_vector_writer_resume(&w, path, kind, WIDTH, mark, &err), "%s", err.text);
    ck_assert(data_vector_writer_append(&w, x + 2 * WIDTH, NULL, N - 2, &err) && data_vector_writer_commit(&w, &err));
    data_vector_writer_close(&w, true);
    size_t n, m;
    char *a = read_bytes(whole, &n), *b = read_bytes(parts, &m);
    ck_assert_int_eq(n, m);
    ck_assert_mem_eq(a, b, n);
    free(a);
    free(b);
}

START_TEST(test_resume) {
    static const char *const kinds[] = {"npy", "jsonl", "f32", "f16", "i8", "bin"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char whole[32], parts[32];
        snprintf(whole, sizeof whole, "whole.%s", kinds[i]);
        snprintf(parts, sizeof parts, "parts.%s", kinds[i]);
        check_resume(whole, parts);
    }
    data_vector_writer w;
    senc_error err = {0};
    ck_assert(data_vector_writer_open(&w, in_folder("short.f32"), DATA_VECTOR_F32, WIDTH, &err));
    data_vector_writer_close(&w, true);
    const data_vector_mark mark = {1, 4 * WIDTH};
    ck_assert(!data_vector_writer_resume(&w, in_folder("short.f32"), DATA_VECTOR_F32, WIDTH, mark, &err));
    ck_assert(strstr(err.text, "expected 44 bytes, found 0") != NULL);
}
END_TEST

START_TEST(test_labels) {
    float x[N * WIDTH];
    fill(x);
    x[4] = NAN;
    data_vector_label labels[N];
    for (int i = 0; i < N; i++) labels[i] = (data_vector_label){"d\"1", "caf\xc3\xa9", 3, 5};
    write_all("l.jsonl", x, labels);
    size_t n;
    char *text = read_bytes("l.jsonl", &n);
    static const char start[] = "{\"id\": \"d\\\"1\", \"text\": \"caf\xc3\xa9\", \"embedding\": [0.841470";
    ck_assert_msg(strncmp(text, start, sizeof start - 1) == 0, "%.60s", text);
    free(text);
    data_vectors v;
    senc_error err = {0};
    ck_assert(data_vectors_open(in_folder("l.jsonl"), false, &v, &err) && data_vectors_read(&v, 0, 1, x, &err));
    ck_assert(isnan(x[4]) && isfinite(x[5]));
    data_vectors_close(&v);
}
END_TEST

static void write_text(const char *name, const char *text) {
    senc_error err = {0};
    ck_assert(senc_file_write(in_folder(name), text, strlen(text), &err));
}

static void check_refused(const char *name, const char *message) {
    data_vectors v;
    senc_error err = {0};
    ck_assert(!data_vectors_open(in_folder(name), true, &v, &err));
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_msg(strstr(err.text, message) != NULL, "%s: %s", name, err.text);
}

/* Rows that became longer, shorter, nothing or no JSON since they were checked: never more numbers than the row has. */
START_TEST(test_rows_that_change_behind_us) {
    static const char first[] = "{\"embedding\": [1, 2]         }\n{\"embedding\": [3, 4]         }\n";
    static const char *const others[] = {
        "{\"embedding\": [1, 2, 3, 4, 5]}\n",
        "{\"embedding\": [1]            }\n",
        "{\"other\": 1                  }\n",
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\n",
    };
    const size_t n_line = strlen(others[0]);
    write_text("change.jsonl", first);
    data_vectors v;
    senc_error err = {0};
    ck_assert_msg(data_vectors_open(in_folder("change.jsonl"), false, &v, &err), "%s", err.text);
    FILE *f = fopen(in_folder("change.jsonl"), "r+b");
    ck_assert_uint_eq(fwrite(others[_i], 1, n_line, f), n_line);
    fclose(f);
    float *rows = malloc(4 * sizeof *rows); /* exactly: a sanitizer sees a fifth number */
    ck_assert(!data_vectors_read(&v, 0, 2, rows, &err) && err.text[0]);
    free(rows);
    data_vectors_close(&v);
}
END_TEST

START_TEST(test_ids) {
    write_text("i.jsonl", "{\"id\": 7, \"embedding\": [1, 2]}\n{\"id\": \"x\", \"vector\": [3, null]}\n");
    data_vectors v;
    senc_error err = {0};
    float row[2];
    ck_assert_msg(data_vectors_open(in_folder("i.jsonl"), true, &v, &err), "%s", err.text);
    ck_assert_int_eq(v.ids.n, 2);
    ck_assert_str_eq(v.ids.items[0], "7");
    ck_assert_str_eq(v.ids.items[1], "x");
    ck_assert(data_vectors_read(&v, 1, 1, row, &err));
    ck_assert(row[0] == 3 && isnan(row[1]));
    data_vectors_close(&v);
    float x[N * WIDTH];
    fill(x);
    write_all("i.npy", x, NULL);
    write_text("i.npy.ids.txt", "a\nb\nc\nd\ne\n");
    ck_assert_msg(data_vectors_open(in_folder("i.npy"), true, &v, &err), "%s", err.text);
    ck_assert_str_eq(v.ids.items[4], "e");
    data_vectors_close(&v);
    write_text("i.npy.ids.txt", "a\nb\nc\nd\ne\nf\n");
    check_refused("i.npy", "6 ids; expected 5, one for each row");
}
END_TEST

START_TEST(test_refused) {
    write_text("no.ending", "");
    check_refused("no.ending", "expected a file of vectors that ends in .npy, .jsonl");
    write_text("w.jsonl", "{\"embedding\": [1, 2]}\n\n{\"embedding\": [1]}\n");
    check_refused("w.jsonl", "w.jsonl:3: a vector of width 1; expected 2");
    write_text("s.jsonl", "{\"embedding\": [1, \"2\"]}\n");
    check_refused("s.jsonl", "s.jsonl:1: \"embedding\": expected numbers, got a string");
    write_text("m.jsonl", "{\"id\": \"a\", \"embedding\": [1]}\n{\"embedding\": [1]}\n");
    check_refused("m.jsonl", "1 of 2 rows have an \"id\"");
    write_text("e.jsonl", "{\"text\": \"a\"}\n");
    check_refused("e.jsonl", "e.jsonl:1: expected \"embedding\": [numbers]");
    write_text("r.f32", "1234");
    check_refused("r.f32", "expected r.f32.json beside it");
    write_text("r.f32.json", "{\"rows\": 2, \"width\": 1}");
    check_refused("r.f32", "expected 2 rows of width 1 (r.f32.json) of 4 bytes each, found 4 bytes");
    write_text("q.i8", "12");
    write_text("q.i8.json", "{\"rows\": 2, \"width\": 1}");
    write_text("q.i8.scales.f32", "1234");
    check_refused("q.i8", "expected a float32 for each of the 2 rows, found 4 bytes");
    check_refused("absent.npy", "absent.npy");
}
END_TEST

/* Killed between the end of the rows and the last rename: what is in its place stays, the rest follows. */
START_TEST(test_sealed) {
    float x[N * WIDTH];
    fill(x);
    write_all("whole.i8", x, NULL);
    for (int moved = 0; moved < 3; moved++) {
        data_vector_writer w;
        data_vector_mark mark;
        senc_error err = {0};
        ck_assert_msg(data_vector_writer_open(&w, in_folder("cut.i8"), DATA_VECTOR_I8, WIDTH, &err), "%s", err.text);
        ck_assert(data_vector_writer_append(&w, x, NULL, N, &err) && data_vector_writer_seal(&w, &mark, &err));
        ck_assert(mark.n_rows == N && mark.n_bytes == N * WIDTH);
        data_vector_writer_close(&w, true);
        static const char *const names[] = {"cut.i8.scales.f32", "cut.i8"};
        for (int i = 0; i < moved; i++) {
            char from[300], to[256];
            snprintf(to, sizeof to, "%s/%s", folder, names[i]);
            snprintf(from, sizeof from, "%s.partial", to);
            ck_assert_int_eq(rename(from, to), 0);
        }
        ck_assert(data_vector_writer_resume_sealed(&w, in_folder("cut.i8"), DATA_VECTOR_I8, WIDTH, mark, &err));
        ck_assert_msg(data_vector_writer_commit(&w, &err), "%s", err.text);
        data_vector_writer_close(&w, false);
        static const char *const endings[] = {"", ".json", ".scales.f32"};
        for (int i = 0; i < 3; i++) {
            char a[64], b[64];
            size_t n, m;
            snprintf(a, sizeof a, "whole.i8%s", endings[i]);
            snprintf(b, sizeof b, "cut.i8%s", endings[i]);
            char *p = read_bytes(a, &n), *q = read_bytes(b, &m);
            ck_assert(n == m && memcmp(p, q, n) == 0);
            free(p);
            free(q);
            remove(in_folder(b));
        }
        ck_assert(!senc_path_exists(in_folder("cut.i8.partial")));
    }
}
END_TEST

/* A partial file that is there is not cut; a replaced file keeps its mode; a file that comes meanwhile stays. */
START_TEST(test_places) {
    float x[N * WIDTH];
    fill(x);
    data_vector_writer w;
    senc_error err = {0};
    write_text("p.npy.partial", "foreign");
    ck_assert(!data_vector_writer_open(&w, in_folder("p.npy"), DATA_VECTOR_NPY, WIDTH, &err));
    ck_assert(strstr(err.text, "p.npy.partial: is there already") != NULL);
    size_t n;
    char *text = read_bytes("p.npy.partial", &n);
    ck_assert_str_eq(text, "foreign");
    free(text);
    write_text("mode.npy", "old");
    struct stat info;
    ck_assert_int_eq(chmod(in_folder("mode.npy"), 0600), 0);
    write_all("mode.npy", x, NULL);
    ck_assert(stat(in_folder("mode.npy"), &info) == 0 && (info.st_mode & 07777) == 0600 && info.st_size > 100);
    err = (senc_error){0};
    ck_assert(data_vector_writer_open(&w, in_folder("late.npy"), DATA_VECTOR_NPY, WIDTH, &err));
    w.must_be_new = true;
    ck_assert(data_vector_writer_append(&w, x, NULL, N, &err));
    write_text("late.npy", "foreign");
    ck_assert(!data_vector_writer_commit(&w, &err));
    data_vector_writer_close(&w, false);
    text = read_bytes("late.npy", &n);
    ck_assert_str_eq(text, "foreign");
    free(text);
}
END_TEST

/* Rows alone, behind a head that knows how many will come. */
START_TEST(test_streams) {
    float x[N * WIDTH];
    fill(x);
    data_vector_writer w;
    senc_error err = {0};
    write_all("whole.npy", x, NULL);
    char stream[32];
    FILE *file = fopen(in_folder("stream.npy"), "w");
    snprintf(stream, sizeof stream, "/dev/fd/%d", fileno(file));
    ck_assert_msg(data_vector_writer_open_stream(&w, stream, DATA_VECTOR_NPY, WIDTH, N, &err), "%s", err.text);
    ck_assert(data_vector_writer_append(&w, x, NULL, N, &err) && data_vector_writer_commit(&w, &err));
    data_vector_writer_close(&w, false);
    fclose(file);
    size_t n, m;
    char *a = read_bytes("whole.npy", &n), *b = read_bytes("stream.npy", &m);
    ck_assert(n == m && memcmp(a, b, n) == 0);
    free(a);
    free(b);
    ck_assert(data_vector_writer_open_stream(&w, "/dev/null", DATA_VECTOR_NPY, WIDTH, N, &err));
    ck_assert(data_vector_writer_append(&w, x, NULL, N - 1, &err) && !data_vector_writer_commit(&w, &err));
    data_vector_writer_close(&w, false);
    ck_assert(strstr(err.text, "its head says 5 rows, 4 came") != NULL);
    err = (senc_error){0};
    ck_assert(!data_vector_writer_open_stream(&w, "/dev/null", DATA_VECTOR_NPY, WIDTH, -1, &err));
    ck_assert(strstr(err.text, "npy begins with the number of rows") != NULL);
    err = (senc_error){0};
    ck_assert(!data_vector_writer_open_stream(&w, "/dev/null", DATA_VECTOR_I8, WIDTH, N, &err));
    ck_assert(strstr(err.text, "i8 has its scales in a second file") != NULL);
}
END_TEST

START_TEST(test_targets) {
    data_vector_writer w;
    senc_error err = {0};
    ck_assert(!data_vector_writer_open(&w, folder, DATA_VECTOR_NPY, 3, &err));
    ck_assert(strstr(err.text, "Is a directory") != NULL);
    err = (senc_error){0};
    ck_assert(!data_vector_writer_open(&w, "/dev/null", DATA_VECTOR_NPY, 3, &err));
    ck_assert(strstr(err.text, "expected a file, found a device or a pipe") != NULL);
    err = (senc_error){0};
    ck_assert(!data_vector_writer_open(&w, in_folder("absent/x.npy"), DATA_VECTOR_NPY, 3, &err));
    ck_assert(data_vector_writer_open(&w, in_folder("gone.npy"), DATA_VECTOR_NPY, 3, &(senc_error){0}));
    data_vector_writer_close(&w, false);
    ck_assert(!senc_path_exists(in_folder("gone.npy.partial")));
    write_text("target.npy", "old"); /* a link stays one */
    char link_path[128];
    snprintf(link_path, sizeof link_path, "%s/link.npy", folder);
    ck_assert_int_eq(symlink("target.npy", link_path), 0);
    float x[N * WIDTH];
    fill(x);
    write_all("link.npy", x, NULL);
    struct stat info;
    ck_assert(lstat(link_path, &info) == 0 && S_ISLNK(info.st_mode));
    ck_assert(stat(link_path, &info) == 0 && info.st_size == 128 + N * WIDTH * 4);
}
END_TEST

int main(void) {
    if (!mkdtemp(folder)) return 1;
    Suite *suite = suite_create("vectors");
    TCase *tc = tcase_create("vectors");
    tcase_add_test(tc, test_kinds);
    tcase_add_test(tc, test_bits);
    tcase_add_test(tc, test_half);
    tcase_add_test(tc, test_resume);
    tcase_add_test(tc, test_sealed);
    tcase_add_test(tc, test_places);
    tcase_add_test(tc, test_streams);
    tcase_add_test(tc, test_labels);
    tcase_add_test(tc, test_ids);
    tcase_add_loop_test(tc, test_rows_that_change_behind_us, 0, 4);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_targets);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    senc_error err = {0};
    senc_path_remove(folder, &err);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
