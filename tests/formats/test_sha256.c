/* SHA-256 against digests of Python's hashlib: byte i of n is (131 i + 7 n) mod 256. The lengths stand around the
 * block's and the padding's borders. */
#include "data/formats/sha256.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/file.h"

static const struct {
    size_t n_bytes;
    const char *digest;
} vectors[] = {
    {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {1, "ca358758f6d27e6cf45272937977a748fd88391db679ceda7dc7bf1f005ee879"},
    {55, "7832f06a669905963d61eafe91787232fd5c76e40eb37a5c2dca67702cd1f281"},
    {56, "dc1a0130ffe8f6590b2a4195f3a6f7999cecdc57186d332be83d8cbbd4bd95f3"},
    {63, "f590428f5a9ef3311b1565dec9ef8b5ed7bb3057df6567a75693f58e68b2f01c"},
    {64, "36426be5716e8131f94874aa81173208db795306b4db1fdfcd4365f7ef0dd248"},
    {65, "2c62bbe8c7c81b644e5dc91bd47af8a411704be8c9842353bd09e8f66f551f37"},
    {119, "ae5659f2eaef34644705862cf4ae1d2c50fcf1ed97db7bfd700d98bd607af4ef"},
    {120, "c3b79046ec7704365190ff92e1c304e7c0b09e55cd008829fa0abc8742d6b793"},
    {127, "41ace836dad10faf07df4c826421c32c444f12c2ad55d7b779abde9ab89ea294"},
    {128, "22a665a43655bc61baeb62241a1bb247b0d8ce7c6352dbcbb035e73b99c310b2"},
    {1000, "dc56a90b095db11e09ca21f6e8bf340b47b892f17735e6c72be8ebab1ab767a4"},
    {100000, "fcf2bf6b5e9b882800461ad3ba00fc325fda2443e9d9985ac033b843779bae40"},
};

static uint8_t *bytes_of(size_t n) {
    uint8_t *b = malloc(n + 1);
    for (size_t i = 0; i < n; i++) b[i] = (uint8_t)(131 * i + 7 * n);
    return b;
}

START_TEST(digests) {
    char hex[65];
    uint8_t *b = bytes_of(vectors[_i].n_bytes);
    data_sha256_hex(b, vectors[_i].n_bytes, hex);
    ck_assert_str_eq(hex, vectors[_i].digest);
    free(b);
}
END_TEST

START_TEST(in_pieces) {
    uint8_t *b = bytes_of(1000), whole[32], pieces[32];
    data_sha256 s;
    data_sha256_init(&s);
    data_sha256_update(&s, b, 1000);
    data_sha256_finish(&s, whole);
    for (size_t size = 1; size < 200; size += 7) {
        data_sha256_init(&s);
        for (size_t i = 0; i < 1000; i += size) data_sha256_update(&s, b + i, i + size < 1000 ? size : 1000 - i);
        data_sha256_finish(&s, pieces);
        ck_assert_mem_eq(whole, pieces, 32);
    }
    free(b);
}
END_TEST

START_TEST(of_a_file) {
    char path[] = "/tmp/senc-test-sha256-XXXXXX", hex[65];
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    uint8_t *b = bytes_of(100000);
    senc_error err = {0};
    ck_assert(senc_file_write(path, b, 100000, &err));
    ck_assert(data_sha256_file(path, hex, &err));
    ck_assert_str_eq(hex, vectors[12].digest);
    free(b);
    remove(path);
    ck_assert(!data_sha256_file(path, hex, &err));
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sha256");
    TCase *t = tcase_create("sha256");
    tcase_add_loop_test(t, digests, 0, (int)(sizeof vectors / sizeof vectors[0]));
    tcase_add_test(t, in_pieces);
    tcase_add_test(t, of_a_file);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
