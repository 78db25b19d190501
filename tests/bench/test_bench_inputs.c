/* The benchmark's texts, made from small data sets of the real ones' form. */
#include "bench/inputs.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"

static char data[64], work[64];
static bench_settings settings;

static void write_file(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", data, name);
    char *folder = senc_path_folder(path);
    ck_assert(senc_path_create_folders(folder, NULL));
    ck_assert(senc_file_write(path, text, strlen(text), NULL));
    free(folder);
}

static void make_data(void) {
    snprintf(data, sizeof data, "/tmp/senc-test-data-XXXXXX");
    snprintf(work, sizeof work, "/tmp/senc-test-work-XXXXXX");
    ck_assert(mkdtemp(data) && mkdtemp(work));
    settings = (bench_settings){.data = data, .work = work};
    write_file("medquad/medquad.jsonl",
               "{\"id\": \"1\", \"question\": \"What is \\\"rust\\\"?\", \"answer\": \"Iron\\nthat met water.\"}\n"
               "{\"id\": \"2\", \"question\": \"Who asks?\", \"answer\": \"\"}\n"
               "{\"id\": \"3\", \"question\": \"Why?\", \"answer\": \"Because.\"}\n"
               "{\"id\": \"4\", \"question\": \"How?\", \"answer\": \"Slowly.\"}\n");
    write_file("multi30k/train.1.en.gz", "a dog runs\na cat sits\na boat drifts\n"); /* plain files are read too */
    write_file("multi30k/train.2.en.gz", "the dog is fast\nthe cat is calm\nthe boat is slow\n");
    for (int i = 3; i <= 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "multi30k/train.%d.en.gz", i);
        write_file(name, "one\ntwo\nthree\n");
    }
    write_file("stsb/stsb-en-test.csv", "\"He said \"\"go\"\".\",Go on.,3.5\nA bird sings.,The bird is loud.,4\n");
    write_file("nfcorpus/corpus.jsonl",
               "{\"_id\": \"a\", \"title\": \"Tea\", \"text\": \"Green tea and black tea.\"}\n"
               "{\"_id\": \"b\", \"title\": \"\", \"text\": \"Milk, and more milk than tea.\"}\n");
}

static void remove_data(void) {
    senc_path_remove(data, NULL);
    senc_path_remove(work, NULL);
}

typedef char *input(const bench_settings *s, int64_t n, senc_error *err);

static char *content(char *path, const senc_error *err) {
    ck_assert_msg(path != NULL, "%s", err->text);
    char *text = senc_file_read(path, 0, NULL, NULL);
    ck_assert_ptr_nonnull(text);
    free(path);
    return text;
}

static char *made_by(input *make, int64_t n) {
    senc_error err = {0};
    return content(make(&settings, n, &err), &err);
}

static int64_t count_lines(const char *text) {
    int64_t n = 0;
    for (; *text; text++) n += *text == '\n';
    return n;
}

START_TEST(pairs) {
    char *text = made_by(bench_input_medquad, 3); /* the row without an answer does not count */
    ck_assert_int_eq(count_lines(text), 3);
    ck_assert(strstr(text, "{\"anchor\": \"What is \\\"rust\\\"?\", \"positive\": \"Iron\\nthat met water.\"}\n"));
    ck_assert(strstr(text, "\"Slowly.\""));
    ck_assert(!strstr(text, "Who asks?"));
    char *again = made_by(bench_input_medquad, 3);
    ck_assert_str_eq(again, text);
    free(again);
    free(text);
    text = made_by(bench_input_captions, 2);
    ck_assert_int_eq(count_lines(text), 2);
    ck_assert(strstr(text, "{\"anchor\": \"a cat sits\", \"positive\": \"the cat is calm\"}\n"));
    free(text);
}
END_TEST

START_TEST(texts) {
    char *text = made_by(bench_input_sentences, 4);
    ck_assert_str_eq(text, "{\"text\": \"He said \\\"go\\\".\"}\n{\"text\": \"A bird sings.\"}\n"
                           "{\"text\": \"Go on.\"}\n{\"text\": \"The bird is loud.\"}\n");
    free(text);
    text = made_by(bench_input_sentences, 3);
    ck_assert_int_eq(count_lines(text), 3);
    free(text);
    text = made_by(bench_input_documents, 2);
    ck_assert_str_eq(text,
                     "{\"text\": \"Tea Green tea and black tea.\"}\n{\"text\": \"Milk, and more milk than tea.\"}\n");
    free(text);
    text = made_by(bench_input_caption_texts, 17); /* 15 there are: from the first again */
    ck_assert_int_eq(count_lines(text), 17);
    ck_assert_msg(strncmp(text, "{\"text\": \"a dog runs\"}\n", 23) == 0, "%s", text);
    ck_assert(strstr(text, "{\"text\": \"three\"}\n{\"text\": \"a dog runs\"}\n{\"text\": \"a cat sits\"}\n"));
    free(text);
}
END_TEST

/* Pieces of at least 8 bytes a token, cut at spaces, from the corpus as often as needed. */
START_TEST(long_texts) {
    senc_error err = {0};
    char *text = content(bench_input_long_texts(&settings, 5, 2, &err), &err);
    ck_assert_int_eq(count_lines(text), 5);
    ck_assert_msg(strncmp(text, "{\"text\": \"Tea Green tea and\"}\n{\"text\": \"black tea. Milk, ", 50) == 0, "%s",
                  text);
    free(text);
    text = content(bench_input_long_pairs(&settings, 1, 2, &err), &err);
    ck_assert_str_eq(text, "{\"anchor\": \"Tea Green tea and\", \"positive\": \"Tea Green tea and\"}\n");
    free(text);
}
END_TEST

START_TEST(missing_data) {
    senc_error err = {0};
    const bench_settings nowhere = {.work = work};
    ck_assert_ptr_null(bench_input_documents(&nowhere, 2, &err));
    ck_assert_str_eq(err.text, "SENC_DATA is not set: where the data sets are");
    senc_path_remove(data, NULL);
    err = (senc_error){0};
    ck_assert_ptr_null(bench_input_captions(&settings, 2, &err));
    ck_assert_msg(strstr(err.text, "multi30k/train.1.en.gz"), "%s", err.text);
    char *path = senc_path_join(work, "captions_2.jsonl"); /* no half file is left for the next row */
    ck_assert(!senc_path_exists(path));
    free(path);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench inputs");
    TCase *cases = tcase_create("bench inputs");
    tcase_add_checked_fixture(cases, make_data, remove_data);
    tcase_add_test(cases, pairs);
    tcase_add_test(cases, texts);
    tcase_add_test(cases, long_texts);
    tcase_add_test(cases, missing_data);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
