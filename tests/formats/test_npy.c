/* .npy: written and read back; headers as NumPy writes them; everything else refused. */
#include "data/formats/npy.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/buffer.h"
#include "autograd/base/memory.h"

static void make_file(senc_buffer *out, const char *header, const void *values, size_t n_bytes) {
    const size_t n = strlen(header);
    const char prefix[] = {(char)0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (char)n, (char)(n >> 8)};
    senc_buffer_append(out, prefix, sizeof prefix);
    senc_buffer_append(out, header, n);
    senc_buffer_append(out, values, n_bytes);
}

START_TEST(written_and_read_back) {
    char path[] = "/tmp/senc-test-npy-XXXXXX";
    const int fd = mkstemp(path);
    close(fd);
    data_npy_writer w;
    senc_error err = {0};
    const float rows[] = {1, 2, 3, 4.5f, -5, 1e-30f};
    ck_assert_msg(data_npy_writer_open(&w, path, 3, &err), "%s", err.text);
    ck_assert(data_npy_writer_append(&w, rows, 1, &err) && data_npy_writer_append(&w, rows + 3, 1, &err));
    ck_assert_msg(data_npy_writer_commit(&w, &err), "%s", err.text);
    data_npy_writer_close(&w);
    data_matrix m;
    ck_assert_msg(data_npy_load(path, &m, &err), "%s", err.text);
    ck_assert_int_eq(m.n_rows, 2);
    ck_assert_int_eq(m.n_columns, 3);
    ck_assert_mem_eq(m.values, rows, sizeof rows);
    data_matrix_free(&m);
    FILE *f = fopen(path, "rb"); /* the header by the book: 128 bytes in all, spaces, a newline */
    char header[129] = "";
    ck_assert_uint_eq(fread(header, 1, 128, f), 128);
    fclose(f);
    static const char expected[] =
        "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } ";
    ck_assert_mem_eq(header, expected, sizeof expected - 1);
    ck_assert_int_eq(header[127], '\n');
    ck_assert(data_npy_writer_open(&w, path, 3, &err)); /* given up: the old file stays */
    data_npy_writer_close(&w);
    ck_assert(data_npy_load(path, &m, &err));
    data_matrix_free(&m);
    remove(path);
}
END_TEST

START_TEST(half_and_double) {
    const uint16_t halves[] = {0x3e00, 0x868e, 0x7bff, 0x0001}; /* NumPy: 1.5, -0.0001, 65504, 6e-8 as float16 */
    const double doubles[] = {0.1, -2};
    senc_buffer b = {0};
    data_matrix m;
    senc_error err = {0};
    make_file(&b, "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 2), }\n", halves, sizeof halves);
    ck_assert_msg(data_npy_parse(b.data, b.n_bytes, "t.npy", &m, &err), "%s", err.text);
    ck_assert_float_eq(m.values[0], 1.5f);
    ck_assert_float_eq_tol(m.values[1], -1e-4f, 5e-8f);
    ck_assert_float_eq(m.values[2], 65504.0f);
    ck_assert_float_eq(m.values[3], 0x1p-24f);
    data_matrix_free(&m);
    senc_buffer_clear(&b);
    make_file(&b, "{\"shape\":(2,),\"descr\":\"<f8\",\"fortran_order\":True}", doubles, sizeof doubles);
    ck_assert_msg(data_npy_parse(b.data, b.n_bytes, "t.npy", &m, &err), "%s", err.text);
    ck_assert_int_eq(m.n_rows, 1);
    ck_assert_int_eq(m.n_columns, 2);
    ck_assert_float_eq(m.values[0], 0.1f);
    data_matrix_free(&m);
    senc_buffer_free(&b);
}
END_TEST

static const struct {
    const char *header, *message;
} bad[] = {
    {"{'descr': '<i8', 'fortran_order': False, 'shape': (1, 1), }",
     "t.npy: holds '<i8' values; expected float16, float32 or float64 ('<f2', '<f4', '<f8')"},
    {"{'descr': '>f4', 'fortran_order': False, 'shape': (1, 1), }",
     "t.npy: holds '>f4' values; expected float16, float32 or float64 ('<f2', '<f4', '<f8')"},
    {"{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }",
     "t.npy: the matrix is in Fortran order; expected C order"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1), }",
     "t.npy: holds an array of 3 dimensions; expected a matrix"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
     "t.npy: holds an array of 0 dimensions; expected a matrix"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }",
     "t.npy: truncated: 2 x 1 values of 4 bytes, the file has 4 bytes of values"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
     "t.npy: truncated: 4611686018427387904 x 4 values of 4 bytes, the file has 4 bytes of values"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 4), }", "t.npy: malformed .npy header"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }", "t.npy: malformed .npy header"},
    {"{'descr': '<f4', 'fortran_order': False}", "t.npy: malformed .npy header"},
    {"{'descr': '<f4', 'fortran_order': None, 'shape': (1, 1)}", "t.npy: malformed .npy header"},
    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1)}", "t.npy: malformed .npy header"},
    {"{'descr': '<f4", "t.npy: malformed .npy header"},
    {"", "t.npy: malformed .npy header"},
};

START_TEST(refuses) {
    senc_buffer b = {0};
    data_matrix m;
    senc_error err = {0};
    make_file(&b, bad[_i].header, "1234", 4);
    ck_assert(!data_npy_parse(b.data, b.n_bytes, "t.npy", &m, &err));
    ck_assert_str_eq(err.text, bad[_i].message);
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_ptr_null(m.values);
    senc_buffer_free(&b);
}
END_TEST

START_TEST(cut_anywhere) {
    senc_buffer b = {0};
    data_matrix m;
    make_file(&b, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }\n", "1234", 4);
    for (size_t n = 0; n < b.n_bytes; n++) {
        char *cut = malloc(n + 1); /* exactly n bytes for AddressSanitizer */
        memcpy(cut, b.data, n);
        senc_error err = {0};
        ck_assert(!data_npy_parse(cut, n, "t.npy", &m, &err));
        ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
        free(cut);
    }
    senc_error err = {0};
    senc_alloc_fail_at(1);
    ck_assert(!data_npy_parse(b.data, b.n_bytes, "t.npy", &m, &err));
    senc_alloc_fail_at(0);
    ck_assert_int_eq(err.kind, SENC_FAILED);
    senc_buffer_free(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("npy");
    TCase *t = tcase_create("npy");
    tcase_add_test(t, written_and_read_back);
    tcase_add_test(t, half_and_double);
    tcase_add_loop_test(t, refuses, 0, (int)(sizeof bad / sizeof bad[0]));
    tcase_add_test(t, cut_anywhere);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
