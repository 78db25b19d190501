/* The tokenizer against the Hugging Face library: ids of tests/data/tokenizer/cases.jsonl were made by the library
 * (tests/reference/tokenizer_cases.py); the real vocabularies are checked by a hash of ids that was verified the same
 * way. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "data/formats/json.h"
#include "data/formats/utf8.h"
#include "data/tokenizers/tokenizer.h"
#include "tests/real.h"

static char folder[] = "/tmp/senc-test-tokenizer-XXXXXX";

static void make_folder(void) {
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void) {
    ck_assert(senc_path_remove(folder, NULL));
}

static void write_file(const char *name, const char *text) {
    char *path = senc_path_join(folder, name);
    ck_assert(senc_file_write(path, text, strlen(text), NULL));
    free(path);
}

static data_tokenizer *load(const char *from, data_lowercase lowercase) {
    data_tokenizer_options options = {lowercase};
    data_tokenizer *t;
    senc_error err = {0};
    ck_assert_msg(data_tokenizer_load(from, &options, &t, &err), "%s", err.text);
    return t;
}

/* The error of a tokenizer.json that must not load. */
static void check_refused(const char *json, const char *expected) {
    senc_error err = {0};
    data_tokenizer *t;
    write_file("tokenizer.json", json);
    ck_assert(!data_tokenizer_load(folder, NULL, &t, &err));
    ck_assert_ptr_null(t);
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_msg(strstr(err.text, expected) != NULL, "expected \"%s\" in \"%s\"", expected, err.text);
}

/* Encodes and compares with n ids. */
static void check_ids(const data_tokenizer *t, const char *text, size_t n_bytes, int64_t max_length,
                      const int32_t *expected, int64_t n) {
    data_tokenizer_scratch *scratch = data_tokenizer_scratch_create();
    data_ids ids = {0};
    ck_assert_int_eq(data_tokenizer_encode(t, scratch, text, n_bytes, max_length, &ids, NULL), n);
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(ids.items[i] == expected[i], "\"%s\": id %d is %d, expected %d", text, (int)i, ids.items[i],
                      expected[i]);
    data_ids_free(&ids);
    data_tokenizer_scratch_free(scratch);
}
#define CHECK_IDS(t, text, max_length, ...)                                                                            \
    check_ids(t, text, sizeof text - 1, max_length, (const int32_t[]){__VA_ARGS__},                                    \
              (int64_t)(sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t)))

static void check_case(const data_tokenizer *t, data_tokenizer_scratch *scratch, const data_json *c) {
    size_t n_bytes = 0;
    const char *text = data_json_text(data_json_find(c, "text"), &n_bytes);
    const data_json *expected = data_json_first(data_json_find(c, "ids"));
    int64_t n_expected = data_json_count(data_json_find(c, "ids"));
    const char *name = data_json_text(data_json_find(c, "tokenizer"), NULL);
    data_ids ids = {0};
    bool truncated;
    int64_t n = data_tokenizer_encode(t, scratch, text, n_bytes, data_json_integer(data_json_find(c, "max_length")),
                                      &ids, &truncated);
    ck_assert_msg(n == n_expected, "%s: \"%s\": %d ids, expected %d", name, text, (int)n, (int)n_expected);
    for (int64_t i = 0; i < n; i++, expected = data_json_next(expected))
        ck_assert_msg(ids.items[i] == data_json_integer(expected), "%s: \"%s\": id %d is %d, expected %d", name, text,
                      (int)i, ids.items[i], (int)data_json_integer(expected));
    data_ids_free(&ids);
}

START_TEST(gives_the_ids_of_the_library) {
    size_t n_bytes = 0;
    int n_cases = 0;
    senc_error err = {0};
    char *text = senc_file_read(SENC_TESTS "/data/tokenizer/cases.jsonl", 0, &n_bytes, &err);
    ck_assert_msg(text != NULL, "%s", err.text);
    data_tokenizer *t = NULL;
    data_tokenizer_scratch *scratch =
        data_tokenizer_scratch_create(); /* one for all: they must not disturb each other */
    char loaded[64] = "";
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, n_cases++) {
        data_json *c;
        ck_assert_msg(data_json_parse(line, (size_t)(end - line), "cases.jsonl", &c, &err), "%s", err.text);
        const char *name = data_json_text(data_json_find(c, "tokenizer"), NULL);
        if (strcmp(loaded, name) != 0) {
            char path[256];
            data_tokenizer_free(t);
            snprintf(path, sizeof path, "%s/data/tokenizer/%s", SENC_TESTS, name);
            snprintf(loaded, sizeof loaded, "%s", name);
            t = load(path, DATA_LOWERCASE_AUTO);
        }
        check_case(t, scratch, c);
        data_json_free(c);
    }
    ck_assert_int_ge(n_cases, 500);
    data_tokenizer_scratch_free(scratch);
    data_tokenizer_free(t);
    free(text);
}
END_TEST

static const char small_vocab[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nHello\nworld\n##ly\n!\n漢\nété\nete\n";

START_TEST(reads_a_vocabulary_without_settings_as_uncased) {
    write_file("vocab.txt", small_vocab);
    data_tokenizer *t = load(folder, DATA_LOWERCASE_AUTO);
    CHECK_IDS(t, "Hello worldly!", 0, 2, 5, 7, 8, 9, 3);
    CHECK_IDS(t, "\xc3\x89t\xc3\xa9 [MASK]x\xe6\xbc\xa2", 0, 2, 12, 4, 1, 10, 3);
    ck_assert(data_tokenizer_lowercases(t));
    ck_assert_str_eq(data_tokenizer_kind(t), "WordPiece");
    ck_assert_int_eq(data_tokenizer_vocab_size(t), 13);
    ck_assert_int_eq(data_tokenizer_highest_id(t), 12);
    ck_assert_int_eq(data_tokenizer_special_count(t), 2);
    ck_assert_int_eq(data_tokenizer_find(t, "##ly", 4), 8);
    ck_assert_int_eq(data_tokenizer_find(t, "##l", 3), -1);
    ck_assert_str_eq(data_tokenizer_token(t, 7, NULL), "world");
    ck_assert_ptr_null(data_tokenizer_token(t, 13, NULL));
    ck_assert_int_eq(data_tokenizer_model_max_length(t), 0);
    data_special_ids special = data_tokenizer_special_ids(t);
    ck_assert_int_eq(special.pad * 10000 + special.unk * 1000 + special.cls * 100 + special.sep * 10 + special.mask,
                     1234);
    data_tokenizer_free(t);
}
END_TEST

START_TEST(reads_settings_beside_a_vocabulary) {
    write_file("vocab.txt", small_vocab);
    write_file("tokenizer_config.json",
               "{\"do_lower_case\": false, \"model_max_length\": 77, \"mask_token\": {\"content\": \"world\"},"
               " \"added_tokens_decoder\": {\"5\": {\"content\": \"hello\", \"rstrip\": true}}}");
    write_file("added_tokens.json", "{\"<doc>\": 13}");
    data_tokenizer *t = load(folder, DATA_LOWERCASE_AUTO);
    CHECK_IDS(t, "Hello xhello!<doc>\xc3\xa9t\xc3\xa9", 0, 2, 6, 1, 5, 9, 13, 11, 3);
    ck_assert_int_eq(data_tokenizer_model_max_length(t), 77);
    ck_assert_int_eq(data_tokenizer_special_ids(t).mask, 7);
    ck_assert_int_eq(data_tokenizer_highest_id(t), 13);
    ck_assert_int_eq(data_tokenizer_vocab_size(t), 14);
    data_tokenizer_free(t);
}
END_TEST

START_TEST(records_the_chosen_case) {
    write_file("vocab.txt", small_vocab);
    data_tokenizer *t = load(folder, DATA_LOWERCASE_NO);
    CHECK_IDS(t, "Hello hello", 0, 2, 6, 5, 3);
    ck_assert(data_tokenizer_save(t, folder, NULL));
    data_tokenizer_free(t);
    t = load(folder, DATA_LOWERCASE_AUTO); /* tokenizer_config.json now says it */
    CHECK_IDS(t, "Hello hello", 0, 2, 6, 5, 3);
    data_tokenizer_free(t);
    senc_error err = {0};
    data_tokenizer_options options = {DATA_LOWERCASE_YES};
    ck_assert(!data_tokenizer_load(folder, &options, &t, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "tokenizer_config.json: says that text is not lower-cased"));
}
END_TEST

START_TEST(saves_files_byte_for_byte) {
    static const char *const names[] = {"vocab.txt", "tokenizer_config.json", "merges.txt", "sentencepiece.bpe.model"};
    static const char *const contents[] = {"[UNK]\r\n[CLS]\r\n[SEP]\r\nhi", "{ \"do_lower_case\":false\n}", "",
                                           "\x01\x02"};
    char *copy = senc_path_join(folder, "copy/deep");
    for (int i = 0; i < 4; i++) write_file(names[i], contents[i]);
    data_tokenizer *t = load(folder, DATA_LOWERCASE_AUTO);
    CHECK_IDS(t, "hi", 0, 1, 3, 2);
    ck_assert_int_eq(data_tokenizer_file_count(t), 4);
    ck_assert(data_tokenizer_save(t, copy, NULL));
    for (int i = 0; i < 4; i++) {
        char *path = senc_path_join(copy, names[i]);
        size_t n_bytes = 99;
        char *text = senc_file_read(path, 0, &n_bytes, NULL);
        ck_assert_ptr_nonnull(text);
        ck_assert_int_eq(n_bytes, strlen(contents[i]));
        ck_assert_mem_eq(text, contents[i], n_bytes);
        free(text);
        free(path);
    }
    data_tokenizer_free(t);
    free(copy);
}
END_TEST

START_TEST(cuts_at_max_length_and_keeps_the_special_tokens) {
    write_file("vocab.txt", small_vocab);
    data_tokenizer *t = load(folder, DATA_LOWERCASE_AUTO);
    data_tokenizer_scratch *scratch = data_tokenizer_scratch_create();
    data_ids ids = {0};
    for (int64_t max_length = 0; max_length < 12; max_length++) {
        bool truncated = false;
        ids.n = 0;
        int64_t n = data_tokenizer_encode(t, scratch, "hello worldly! [MASK] hello", 27, max_length, &ids, &truncated);
        int64_t expected = max_length == 0 || max_length > 8 ? 8 : max_length < 2 ? 2 : max_length; /* 6 ids of text */
        ck_assert_int_eq(n, expected);
        ck_assert_int_eq(truncated, expected < 8);
        ck_assert_int_eq(ids.items[0], 2);
        ck_assert_int_eq(ids.items[n - 1], 3);
    }
    data_ids_free(&ids);
    data_tokenizer_scratch_free(scratch);
    data_tokenizer_free(t);
}
END_TEST

START_TEST(takes_ill_formed_text_as_replacement_characters) {
    write_file("vocab.txt", small_vocab);
    data_tokenizer *t = load(folder, DATA_LOWERCASE_AUTO);
    /* U+FFFD is deleted by clean_text: the parts around it join. */
    CHECK_IDS(t, "hel\xfflo wor\xe6\xbcld\xc3", 0, 2, 5, 7, 3);
    CHECK_IDS(t, "hello\0ly\x80", 0, 2, 5, 8, 3);
    data_tokenizer_free(t);
}
END_TEST

START_TEST(refuses_bad_files) {
    senc_error err = {0};
    data_tokenizer *t;
    ck_assert(!data_tokenizer_exists(folder));
    ck_assert(!data_tokenizer_load(folder, NULL, &t, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "no tokenizer: expected tokenizer.json or vocab.txt"));
    check_refused("{\"model\": {\"type\": \"BPE\"}}",
                  "tokenizer.json: model type \"BPE\" is not supported yet, expected WordPiece");
    ck_assert(data_tokenizer_exists(folder));
    check_refused("{", "tokenizer.json:");
    check_refused("[]", "expected a JSON object, got an array");
    check_refused("{}", "model is missing");
    check_refused("{\"model\": {\"type\": \"WordPiece\"}}", "model.vocab: expected an object");
    check_refused("{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": -1}}}",
                  "the id of \"a\" must be an integer");
    check_refused("{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 99999999}}}",
                  "the id of \"a\" must be an integer");
    check_refused("{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 1}}}",
                  "the unknown token \"[UNK]\" is not in the vocab");
    check_refused("{\"model\": {\"type\": \"WordPiece\", \"vocab\": {}}}",
                  "the unknown token \"[UNK]\" is not in the vocab");
#define WITH "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"[UNK]\": 0}}, "
    check_refused(WITH "\"normalizer\": {\"type\": \"Replace\"}}",
                  "normalizer type \"Replace\" is not supported yet, expected");
    check_refused(WITH "\"pre_tokenizer\": {\"type\": \"ByteLevel\"}}",
                  "pre_tokenizer type \"ByteLevel\" is not supported yet");
    check_refused(WITH "\"pre_tokenizer\": {\"type\": \"Punctuation\", \"behavior\": \"Removed\"}}",
                  "behavior \"Removed\"");
    check_refused(WITH "\"post_processor\": {\"type\": \"RobertaProcessing\"}}",
                  "post_processor type \"RobertaProcessing\"");
    check_refused(WITH "\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": []}}",
                  "does not hold the text");
    check_refused(
        WITH
        "\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"x\"}}]}}",
        "special token \"x\" has no ids");
    check_refused(WITH "\"post_processor\": {\"type\": \"BertProcessing\", \"sep\": [\"a\", -5]}}",
                  "bad or too many special ids");
    check_refused(WITH "\"added_tokens\": [{\"id\": 1}]}", "a token without \"content\"");
    check_refused(WITH "\"normalizer\": {\"type\": \"BertNormalizer\", \"lowercase\": 3}}", "lowercase");
    ck_assert(senc_path_remove(folder, NULL) && senc_path_create_folders(folder, NULL));
    write_file("vocab.txt", "[UNK]\n[CLS]\nab\xff\n");
    err = (senc_error){0};
    ck_assert(!data_tokenizer_load(folder, NULL, &t, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "vocab.txt:3: not UTF-8 at byte 3 of the line"));
    write_file("vocab.txt", "[UNK]\n[CLS]\n");
    err = (senc_error){0};
    ck_assert(!data_tokenizer_load(folder, NULL, &t, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "vocab.txt: the special token \"[SEP]\" is not in the vocabulary"));
}
END_TEST

START_TEST(survives_every_failed_allocation) {
    static const char text[] = "a\xcc\x81 [SEP] new york \xf0\x9d\x85\xa5\xf0\x9d\x85\xa5";
    bool loaded = false;
    for (int64_t i = 1; !loaded; i++) {
        senc_error err = {0};
        data_tokenizer *t;
        senc_alloc_fail_at(i);
        loaded = data_tokenizer_load(SENC_TESTS "/data/tokenizer/added", NULL, &t, &err);
        senc_alloc_fail_at(0);
        if (!loaded) {
            ck_assert_int_eq(err.kind, SENC_FAILED);
            ck_assert_ptr_null(t);
            continue;
        }
        int64_t n = -1;
        for (int64_t k = 1; n < 0; k++) {
            data_ids ids = {0};
            data_tokenizer_scratch *scratch = data_tokenizer_scratch_create();
            senc_alloc_fail_at(k);
            n = data_tokenizer_encode(t, scratch, text, sizeof text - 1, 0, &ids, NULL);
            senc_alloc_fail_at(0);
            ck_assert_int_eq(ids.failed, n < 0);
            ck_assert_int_eq(ids.n, n < 0 ? 0 : n);
            data_ids_free(&ids);
            data_tokenizer_scratch_free(scratch);
        }
        ck_assert_int_ge(i, 20);
        data_tokenizer_free(t);
    }
}
END_TEST

/* ---- real vocabularies ---- */

/* A number below n; tests/reference/tokenizer_hash.py draws the same ones. */
static uint64_t draw(uint64_t *state, uint64_t n) {
    *state = senc_rng_mix(*state);
    return *state % n;
}

/* Text number i: words, marks, ideographs, controls, special tokens. */
static size_t generate(uint64_t i, char *out) {
    static const uint32_t starts[] = {0x20,   0xA0,   0x300,   0x370,  0x5D0,  0x900, 0xAC00,
                                      0x3040, 0x4E00, 0x1F600, 0x2000, 0x1E00, 0x0,   0xE000};
    static const uint32_t widths[] = {0x5F, 0x160,  0x70, 0xC0,  0x60,  0x80, 0x800,
                                      0xC0, 0x1000, 0x80, 0x100, 0x100, 0x20, 0x40};
    static const char *const words[] = {"[SEP]", "[MASK]", "the", "Hello",     "unaffable",
                                        "'s",    "--",     "THE", "na\u00efve"};
    uint64_t state = i;
    size_t n = 0;
    for (uint64_t k = 1 + draw(&state, 12); k > 0; k--) {
        uint64_t block = draw(&state, 18);
        if (block >= 14) {
            const char *word = words[draw(&state, 9)];
            memcpy(out + n, word, strlen(word));
            n += strlen(word);
        }
        for (uint64_t c = block < 14 ? draw(&state, 6) : 0; c > 0; c--)
            n += (size_t)data_utf8_encode(starts[block] + (uint32_t)draw(&state, widths[block]), out + n);
        if (draw(&state, 2)) out[n++] = ' ';
    }
    return n;
}

typedef struct hash_task {
    const data_tokenizer *t;
    uint64_t hash[8];
} hash_task;

/* Part i of 8 of 20,000 texts: hash of all ids; it runs on several threads with one tokenizer. */
static void hash_part(void *context, int64_t i, int thread) {
    hash_task *task = context;
    data_tokenizer_scratch *scratch = data_tokenizer_scratch_create();
    data_ids ids = {0};
    char text[512];
    uint64_t hash = 0;
    (void)thread;
    for (uint64_t k = 0; k < 2500; k++) {
        size_t n_bytes = generate((uint64_t)i * 2500 + k, text);
        ids.n = 0;
        data_tokenizer_encode(task->t, scratch, text, n_bytes, 0, &ids, NULL);
        for (int64_t j = 0; j < ids.n; j++) hash = senc_rng_mix(hash ^ (uint64_t)ids.items[j]);
    }
    task->hash[i] = hash;
    data_ids_free(&ids);
    data_tokenizer_scratch_free(scratch);
}

START_TEST(real_vocabularies_give_the_verified_ids) {
    static const struct {
        const char *name;
        data_lowercase lowercase;
        uint64_t hash;
    } models[] = {
        {"all-MiniLM-L6-v2", DATA_LOWERCASE_AUTO, UINT64_C(0xa1300a17319bc935)},
        {"bert_base_cased_tok", DATA_LOWERCASE_NO, UINT64_C(0x123f96efc0218164)},
        {"bert_multi_cased", DATA_LOWERCASE_NO, UINT64_C(0xcade886d98487fc6)},
        {"bert_chinese", DATA_LOWERCASE_AUTO, UINT64_C(0xf514a7d030d7c1fe)},
    };
    const char *data = getenv("SENC_DATA");
    ck_assert(senc_threads_init(2, NULL));
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/tokenizers/%s", data, models[i].name);
        hash_task task = {.t = load(path, models[i].lowercase)};
        senc_parallel(8, hash_part, &task);
        uint64_t hash = 0;
        for (int k = 0; k < 8; k++) hash = senc_rng_mix(hash ^ task.hash[k]);
        ck_assert_msg(hash == models[i].hash, "%s: hash of ids is 0x%016llx", models[i].name, (unsigned long long)hash);
        data_tokenizer_free((data_tokenizer *)task.t);
    }
    senc_threads_free();
}
END_TEST

int main(int argc, char **argv) {
    Suite *suite = suite_create("tokenizer");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_test(tcase, gives_the_ids_of_the_library);
    tcase_add_test(tcase, reads_a_vocabulary_without_settings_as_uncased);
    tcase_add_test(tcase, reads_settings_beside_a_vocabulary);
    tcase_add_test(tcase, records_the_chosen_case);
    tcase_add_test(tcase, saves_files_byte_for_byte);
    tcase_add_test(tcase, cuts_at_max_length_and_keeps_the_special_tokens);
    tcase_add_test(tcase, takes_ill_formed_text_as_replacement_characters);
    tcase_add_test(tcase, refuses_bad_files);
    tcase_add_test(tcase, survives_every_failed_allocation);
    suite_add_tcase(suite, tcase);
    TCase *real_case = tcase_create("real");
    tcase_add_checked_fixture(real_case, make_folder, remove_folder);
    tcase_add_test(real_case, real_vocabularies_give_the_verified_ids);
    return run_with_real(suite, real_case, "SENC_DATA", argc, argv);
}
