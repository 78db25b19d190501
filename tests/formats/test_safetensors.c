/* safetensors: written and read back, every lie a header can tell, conversions. */
#include "data/formats/safetensors.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/buffer.h"
#include "autograd/base/memory.h"
#include "tests/real.h"

/* A file of a header and n_values bytes of value. */
static void make_file(senc_buffer *out, const char *header, size_t n_values) {
    const uint64_t n = strlen(header);
    char length[8];
    for (int i = 0; i < 8; i++) length[i] = (char)(n >> (8 * i));
    senc_buffer_clear(out);
    senc_buffer_append(out, length, 8);
    senc_buffer_append(out, header, (size_t)n);
    for (size_t i = 0; i < n_values; i++) senc_buffer_append(out, "\x01", 1);
}

START_TEST(written_and_read_back) {
    char path[] = "/tmp/senc-test-safetensors-XXXXXX";
    close(mkstemp(path));
    const float weights[6] = {1, 2, 3, 4, 5, 6}, scalar[1] = {7};
    const int64_t ids[2] = {-1, 1ll << 40};
    const data_tensor tensors[] = {
        {"layer.weight", DATA_F32, 2, {2, 3}, weights, sizeof weights},
        {"scale", DATA_F32, 0, {0}, scalar, sizeof scalar},
        {"empty", DATA_F32, 2, {0, 4}, weights, 0},
        {"ids", DATA_I64, 1, {2}, ids, sizeof ids},
    };
    senc_error err = {0};
    ck_assert_msg(data_safetensors_save(path, tensors, 4, NULL, &err), "%s", err.text);
    data_safetensors s;
    ck_assert_msg(data_safetensors_open(path, &s, &err), "%s", err.text);
    ck_assert_int_eq(s.n_tensors, 4);
    ck_assert_str_eq(s.tensors[0].name, "layer.weight");
    const data_tensor *t = data_safetensors_find(&s, "layer.weight");
    char shape[128];
    float back[6];
    ck_assert_str_eq(data_tensor_shape_text(t, shape, sizeof shape), "[2,3]");
    ck_assert_uint_eq(((uintptr_t)t->data) % 8, 0); /* the header is padded */
    ck_assert(data_tensor_to_floats(t, path, back, &err));
    ck_assert_mem_eq(back, weights, sizeof weights);
    ck_assert_int_eq(data_tensor_count(data_safetensors_find(&s, "scale")), 1);
    ck_assert_int_eq(data_tensor_count(data_safetensors_find(&s, "empty")), 0);
    ck_assert(data_tensor_to_floats(data_safetensors_find(&s, "ids"), path, back, &err));
    ck_assert_float_eq(back[1], 1099511627776.0f);
    ck_assert_ptr_null(data_safetensors_find(&s, "layer"));
    const char *format = NULL;
    ck_assert(data_json_require_string(data_json_find(s.header, "__metadata__"), "format", &format, &err));
    ck_assert_str_eq(format, "pt");
    data_safetensors_close(&s);
    remove(path);
}
END_TEST

#define X(offsets) "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":" offsets "}}"

static const struct {
    const char *header;
    size_t n_values;
    const char *message;
} bad[] = {
    {X("[0,8]"), 4, "t: tensor \"x\": ends at byte 8 of the values, but the file holds only 4 (truncated?)"},
    {X("[0,8]"), 9, "t: 1 bytes at the end belong to no tensor"},
    {X("[1,9]"), 9, "t: tensor \"x\": 1 bytes before it belong to no tensor"},
    {X("[0,4]"), 4, "t: tensor \"x\": F32 [2] takes 8 bytes, data_offsets give it 4"},
    {X("[8,0]"), 8, "t: tensor \"x\": data_offsets [8, 0] are not a range"},
    {X("[-8,0]"), 8, "t: tensor \"x\": data_offsets [-8, 0] are not a range"},
    {X("[0]"), 8, "t: tensor \"x\": its header entry has no \"data_offsets\": [begin, end]"},
    {X("[0,8.5]"), 8, "t: tensor \"x\": its header entry has no \"data_offsets\": [begin, end]"},
    {X("[0,18446744073709551616]"), 8, "t: tensor \"x\": its header entry has no \"data_offsets\": [begin, end]"},
    {"{\"x\":{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "t: tensor \"x\": unknown dtype \"F33\""},
    {"{\"x\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "t: tensor \"x\": its header entry has no \"dtype\""},
    {"{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "t: tensor \"x\": its header entry has no \"shape\""},
    {"{\"x\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8,
     "t: tensor \"x\": its shape holds something that is not a size"},
    {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}", 8,
     "t: tensor \"x\": 9 dimensions; at most 8 are supported"},
    {"{\"x\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,2],\"data_offsets\":[0,0]}}", 0,
     "t: tensor \"x\": its shape [4611686018427387904]... is larger than any file"},
    {"{\"x\":[1]}", 0, "t: tensor \"x\": its header entry is not an object"},
    {"{\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"y\":{\"dtype\":\"U8\",\"shape\":[4],\"data_"
     "offsets\":[2,6]}}",
     6, "t: tensor \"y\": overlaps tensor \"x\""},
    {"{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_"
     "offsets\":[0,1]}}",
     1, "t: header:1:54: bad JSON: the key \"x\" stands twice"},
    {"[1]", 0, "t: the header is not a JSON object"},
    {"{\"x\":", 0, "t: header:1:6: bad JSON: expected a value, found the end of the text"},
};

START_TEST(refuses) {
    senc_buffer b = {0};
    senc_error err = {0};
    data_safetensors s;
    make_file(&b, bad[_i].header, bad[_i].n_values);
    ck_assert(!data_safetensors_parse(b.data, b.n_bytes, "t", &s, &err));
    ck_assert_str_eq(err.text, bad[_i].message);
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_ptr_null(s.tensors);
    senc_buffer_free(&b);
}
END_TEST

START_TEST(lengths_that_lie) {
    senc_buffer b = {0};
    senc_error err = {0};
    data_safetensors s;
    make_file(&b, X("[0,8]"), 8);
    b.data[3] = 1;
    ck_assert(!data_safetensors_parse(b.data, b.n_bytes, "t", &s, &err));
    ck_assert_str_eq(err.text, "t: the header says it is 16777270 bytes long, but the file has only 62 (truncated?)");
    err = (senc_error){0};
    b.data[7] = (char)0x80;
    ck_assert(!data_safetensors_parse(b.data, b.n_bytes, "t", &s, &err));
    ck_assert_str_eq(err.text, "t: not a safetensors file: a header of 9223372036871553078 bytes");
    /* A header that ends exactly with the file, and those of one to eight bytes more, which are the length's. */
    for (size_t more = 0; more <= 8; more++) {
        const size_t length = b.n_bytes - 8 + more;
        char wanted[128];
        for (int i = 0; i < 8; i++) b.data[i] = (char)(length >> (8 * i));
        err = (senc_error){0};
        ck_assert(!data_safetensors_parse(b.data, b.n_bytes, "t", &s, &err));
        snprintf(wanted, sizeof wanted, "t: the header says it is %zu bytes long, but the file has only %zu", length,
                 b.n_bytes - 8);
        ck_assert_msg((strncmp(err.text, wanted, strlen(wanted)) == 0) == (more > 0), "%zu: %s", more, err.text);
    }
    err = (senc_error){0};
    ck_assert(!data_safetensors_parse(b.data, 5, "t", &s, &err));
    ck_assert_str_eq(err.text, "t: not a safetensors file: 5 bytes, not even a header length");
    senc_buffer_free(&b);
}
END_TEST

/* Cut behind every byte: refused. The copy has exactly n bytes for AddressSanitizer. */
START_TEST(cut_anywhere) {
    senc_buffer b = {0};
    data_safetensors s;
    make_file(&b, X("[0,8]"), 8);
    ck_assert(data_safetensors_parse(b.data, b.n_bytes, "t", &s, NULL));
    data_safetensors_close(&s);
    for (size_t n = 0; n < b.n_bytes; n++) {
        char *cut = malloc(n + 1);
        memcpy(cut, b.data, n);
        senc_error err = {0};
        ck_assert(!data_safetensors_parse(cut, n, "t", &s, &err));
        ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
        free(cut);
    }
    senc_buffer_free(&b);
}
END_TEST

START_TEST(conversions) {
    const uint16_t bf16[] = {0x3f80, 0xc0a0, 0x7f80}, f16[] = {0x3c00, 0xc500, 0x7c00, 0x8001, 0x7e00};
    const double f64[] = {0.1};
    const int32_t i32[] = {-7};
    float out[5];
    senc_error err = {0};
    data_tensor t = {.name = "x", .dtype = DATA_BF16, .data = bf16, .n_bytes = sizeof bf16};
    ck_assert(data_tensor_to_floats(&t, "p", out, &err));
    ck_assert(out[0] == 1 && out[1] == -5 && isinf(out[2]));
    t = (data_tensor){.name = "x", .dtype = DATA_F16, .data = f16, .n_bytes = sizeof f16};
    ck_assert(data_tensor_to_floats(&t, "p", out, &err));
    ck_assert(out[0] == 1 && out[1] == -5 && isinf(out[2]) && out[3] == -0x1p-24f && isnan(out[4]));
    t = (data_tensor){.name = "x", .dtype = DATA_F64, .data = f64, .n_bytes = sizeof f64};
    ck_assert(data_tensor_to_floats(&t, "p", out, &err) && out[0] == 0.1f);
    t = (data_tensor){.name = "x", .dtype = DATA_I32, .data = i32, .n_bytes = sizeof i32};
    ck_assert(data_tensor_to_floats(&t, "p", out, &err) && out[0] == -7);
    t = (data_tensor){.name = "x", .dtype = DATA_U8, .data = f16, .n_bytes = 4};
    ck_assert(!data_tensor_to_floats(&t, "p", out, &err));
    ck_assert_str_eq(err.text, "p: tensor \"x\" is U8; expected F32, F16, BF16, F64, I64 or I32");
}
END_TEST

/* Every finite half goes through the formula of IEEE 754: (-1)^s 2^(e-15) (1 + f/1024), subnormals 2^-14 f/1024. */
START_TEST(all_halves) {
    for (uint32_t h = 0; h < 0x10000; h++) {
        const int e = (int)(h >> 10 & 31), f = (int)(h & 1023);
        if (e == 31) continue;
        const double value = (h & 0x8000 ? -1 : 1) * (e ? ldexp(1 + f / 1024.0, e - 15) : ldexp(f / 1024.0, -14));
        if ((double)data_float_from_f16((uint16_t)h) != value) ck_abort_msg("0x%04x", h);
    }
}
END_TEST

START_TEST(every_allocation_may_fail) {
    senc_buffer b = {0};
    make_file(&b, X("[0,8]"), 8);
    bool done = false;
    int64_t n = 1;
    for (; !done; n++) {
        data_safetensors s;
        senc_error err = {0};
        senc_alloc_fail_at(n);
        done = data_safetensors_parse(b.data, b.n_bytes, "t", &s, &err);
        senc_alloc_fail_at(0);
        ck_assert_msg(done || (err.kind == SENC_FAILED && strstr(err.text, "out of memory")), "%s", err.text);
        data_safetensors_close(&s);
    }
    ck_assert_int_gt(n, 5);
    senc_buffer_free(&b);
}
END_TEST

START_TEST(real_model) {
    char path[512];
    snprintf(path, sizeof path, "%s/all-MiniLM-L6-v2/model.safetensors", getenv("SENC_MODELS"));
    data_safetensors s;
    senc_error err = {0};
    ck_assert_msg(data_safetensors_open(path, &s, &err), "%s", err.text);
    const data_tensor *t = data_safetensors_find(&s, "embeddings.word_embeddings.weight");
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(data_tensor_count(t), 30522 * 384);
    data_safetensors_close(&s);
}
END_TEST

int main(int argc, char **argv) {
    Suite *s = suite_create("safetensors");
    TCase *t = tcase_create("safetensors");
    tcase_add_test(t, written_and_read_back);
    tcase_add_loop_test(t, refuses, 0, (int)(sizeof bad / sizeof bad[0]));
    tcase_add_test(t, lengths_that_lie);
    tcase_add_test(t, cut_anywhere);
    tcase_add_test(t, conversions);
    tcase_add_test(t, all_halves);
    tcase_add_test(t, every_allocation_may_fail);
    suite_add_tcase(s, t);
    TCase *real_case = tcase_create("real");
    tcase_add_test(real_case, real_model);
    return run_with_real(s, real_case, "SENC_MODELS", argc, argv);
}
