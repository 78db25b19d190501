/* Tables and data sets: roles, columns, checks, index, random access, and every message a wrong file can cause. */
#include "data/table.h"

#include <check.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/pairs.h"
#include "tests/real.h"

static char folder[64];

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/senc-test-table-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void) {
    senc_error err = {0};
    ck_assert(senc_path_remove(folder, &err));
}

/* Writes a file in the test's folder and returns its path; the last eight stay valid. */
static char *file_of_bytes(const char *name, const char *text, size_t n_bytes) {
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    senc_error err = {0};
    ck_assert_msg(senc_file_write(path, text, n_bytes, &err), "%s", err.text);
    return path;
}

static char *file_of(const char *name, const char *text) {
    return file_of_bytes(name, text, strlen(text));
}

static const data_role pair_roles[] = {
    {.name = "anchor", .kind = DATA_ROLE_TEXT},
    {.name = "positive", .kind = DATA_ROLE_TEXT, .expands = true},
    {.name = "negative", .kind = DATA_ROLE_TEXT, .optional = true, .numbered = true},
};
static const data_role score_roles[] = {
    {.name = "sentence1", .kind = DATA_ROLE_TEXT},
    {.name = "sentence2", .kind = DATA_ROLE_TEXT},
    {.name = "score", .kind = DATA_ROLE_SCORE},
};
static const data_role binary_roles[] = {
    {.name = "sentence1", .kind = DATA_ROLE_TEXT},
    {.name = "sentence2", .kind = DATA_ROLE_TEXT},
    {.name = "label", .kind = DATA_ROLE_BINARY},
};
static const data_role class_roles[] = {
    {.name = "text", .kind = DATA_ROLE_TEXT},
    {.name = "label", .kind = DATA_ROLE_CLASS},
};

static data_set *open_set(const data_source *sources, int64_t n, const data_role *roles, int64_t n_roles) {
    senc_error err = {0};
    data_set *set;
    ck_assert_msg(data_set_open(sources, n, roles, n_roles, "loss \"mnrl\"", &set, &err), "%s", err.text);
    return set;
}

/* The message of a source that must be refused, without the folder in front. */
static const char *refusal(const data_source *source, const data_role *roles, int64_t n_roles) {
    static senc_error err;
    err = (senc_error){0};
    data_set *set;
    ck_assert_msg(!data_set_open(source, 1, roles, n_roles, "loss \"mnrl\"", &set, &err), "%s was accepted",
                  source->path);
    ck_assert_ptr_null(set);
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_ptr_null(strchr(err.text, '\n'));
    const size_t n = strlen(folder);
    return strncmp(err.text, folder, n) == 0 ? err.text + n + 1 : err.text;
}

static void check_text(const data_value *v, const char *expected) {
    ck_assert(v->present);
    ck_assert_msg(v->n_bytes == strlen(expected) && memcmp(v->text, expected, v->n_bytes) == 0,
                  "\"%.*s\", expected \"%s\"", (int)v->n_bytes, v->text, expected);
}

static void check_row(const data_set *set, int64_t i, const char *slot, const char *expected) {
    data_row row = {0};
    senc_error err = {0};
    ck_assert_msg(data_set_row(set, i, &row, &err), "%s", err.text);
    const int64_t s = data_set_find_slot(set, slot);
    ck_assert_int_ge(s, 0);
    check_text(&row.values[s], expected);
    data_row_free(&row);
}

static void check_where(const data_set *set, int64_t i, int64_t expected) {
    senc_error err = {0};
    const char *path;
    int64_t line;
    ck_assert_msg(data_set_where(set, i, &path, &line, &err), "%s", err.text);
    ck_assert_int_eq(line, expected);
}

START_TEST(jsonl_rows_by_role) {
    data_source s = {.path = file_of("a.jsonl",
                                     "\xEF\xBB\xBF{\"anchor\": \"wo?\", \"positive\": \"da\", \"x\": 1}\n"
                                     "\n"
                                     "{\"positive\": \"h\\u00f6r\\n!\", \"anchor\": \"wer\", \"negative_2\": \"nein\", "
                                     "\"negative_1\": \"no\"}\r\n"
                                     "{\"anchor\": \"a\", \"positive\": \"b\", \"negative\": [\"x\", \"y\", \"z\"]}")};
    data_set *set = open_set(&s, 1, pair_roles, 3);
    ck_assert_int_eq(data_set_n_rows(set), 3);
    ck_assert_int_eq(data_set_n_slots(set), 5);
    check_row(set, 1, "positive", "h\xC3\xB6r\n!");
    check_row(set, 0, "anchor", "wo?");
    check_row(set, 1, "negative_1", "no");
    check_row(set, 1, "negative_2", "nein");
    check_row(set, 2, "negative_3", "z");
    data_row row = {0};
    senc_error err = {0};
    ck_assert(data_set_row(set, 2, &row, &err) && data_set_row(set, 0, &row, &err)); /* a row is used again */
    ck_assert(!row.values[data_set_find_slot(set, "negative_1")].present);
    data_row_free(&row);
    check_where(set, 0, 1);
    check_where(set, 1, 3);
    check_where(set, 2, 4);
    ck_assert_int_eq(data_set_find_slot(set, "negative"), -1);
    data_set_close(set);
}
END_TEST

/* Rows that are left out because a text is empty are counted, those of another part are not, and only when asked. */
START_TEST(rows_left_out_are_counted) {
    data_source s[2] = {{.path = file_of("a.jsonl", "{\"anchor\": \"a\", \"positive\": \"\"}\n"
                                                    "{\"anchor\": \"b\", \"positive\": \"c\"}\n"
                                                    "{\"anchor\": \"\", \"positive\": \"\"}\n"
                                                    "{\"anchor\": \"d\", \"positive\": \"e\"}\n"),
                         .on_empty = DATA_EMPTY_SKIP},
                        {.path = file_of("b.csv", "anchor,positive\nx,\ny,z\n"), .on_empty = DATA_EMPTY_SKIP}};
    data_set *set = open_set(s, 1, pair_roles, 3);
    ck_assert_int_eq(data_set_n_rows(set), 2);
    ck_assert_int_eq(data_set_n_skipped(set), 2);
    check_row(set, 1, "anchor", "d");
    ck_assert_int_eq(data_set_n_skipped(set), 2); /* reading a row counts nothing */
    data_set_close(set);
    set = open_set(s, 2, pair_roles, 3);
    ck_assert_int_eq(data_set_n_rows(set), 3);
    ck_assert_int_eq(data_set_n_skipped(set), 3);
    data_set_close(set);
    s[0].limit = 1; /* the row behind the limit is not looked at */
    set = open_set(s, 1, pair_roles, 3);
    ck_assert_int_eq(data_set_n_rows(set), 1);
    ck_assert_int_eq(data_set_n_skipped(set), 1);
    data_set_close(set);
    s[1] = (data_source){.path = file_of("c.csv", "anchor,positive\nx,w\ny,z\n"), .on_empty = DATA_EMPTY_SKIP};
    set = open_set(&s[1], 1, pair_roles, 3);
    ck_assert_int_eq(data_set_n_skipped(set), 0);
    data_set_close(set);
    s[0].on_empty = DATA_EMPTY_ERROR;
    ck_assert_ptr_nonnull(strstr(refusal(s, pair_roles, 3), "a.jsonl:1: "));
}
END_TEST

START_TEST(csv_with_quotes_and_newlines) {
    data_source s = {.path = file_of("a.csv", "positive,anchor\n\"one,\ntwo\",\"say \"\"hi\"\" \"\nx,y\n")};
    data_set *set = open_set(&s, 1, pair_roles, 3);
    ck_assert_int_eq(data_set_n_rows(set), 2);
    check_row(set, 0, "positive", "one,\ntwo");
    check_row(set, 0, "anchor", "say \"hi\" ");
    check_row(set, 1, "anchor", "y");
    check_where(set, 0, 2);
    check_where(set, 1, 4);
    data_set_close(set);
}
END_TEST

START_TEST(numbered_columns_and_score_range) {
    data_column_map columns[] = {{"sentence1", NULL, 1}, {"sentence2", NULL, 2}, {"score", NULL, 3}};
    double range[] = {0, 5};
    data_source s = {.path = file_of("s.csv", "a b,c d,5.0\ne,f,1.25\n"),
                     .mapped = columns,
                     .n_mapped = 3,
                     .score_range = {range, 2}};
    data_set *set = open_set(&s, 1, score_roles, 3);
    ck_assert_int_eq(data_set_n_rows(set), 2);
    data_row row = {0};
    senc_error err = {0};
    const int64_t score = data_set_find_slot(set, "score");
    ck_assert(data_set_row(set, 0, &row, &err));
    ck_assert_double_eq(row.values[score].number, 1.0);
    ck_assert(data_set_row(set, 1, &row, &err));
    ck_assert_double_eq(row.values[score].number, 0.25);
    data_row_free(&row);
    data_set_close(set);
}
END_TEST

START_TEST(tsv_keeps_quotes_and_spaces) {
    data_column_map columns[] = {{"anchor", NULL, 2}, {"positive", NULL, 1}};
    data_source s = {.path = file_of("q.tsv", "\"x\" y \tb\"c\r\n"), .mapped = columns, .n_mapped = 2};
    data_set *set = open_set(&s, 1, pair_roles, 3);
    check_row(set, 0, "positive", "\"x\" y ");
    check_row(set, 0, "anchor", "b\"c");
    data_set_close(set);
    s.quoting = DATA_QUOTING_ON;
    ck_assert_str_eq(refusal(&s, pair_roles, 3),
                     "q.tsv:1:4: text behind a closing quote; expected the delimiter or the end of "
                     "the line (a quote inside a quoted field is written twice)");
}
END_TEST

START_TEST(classes_by_first_appearance) {
    data_source s[] = {
        {.path = file_of("c.csv", "text,label\nt1,red\nt2,blue\nt3,red\n")},
        {.path = file_of("d.jsonl", "{\"text\":\"t4\",\"label\":\"blue\"}\n{\"text\":\"t5\",\"label\":7}\n")}};
    data_set *set = open_set(s, 2, class_roles, 2);
    ck_assert_int_eq(data_set_n_rows(set), 5);
    ck_assert_int_eq(data_set_n_classes(set), 3);
    ck_assert_str_eq(data_set_class_name(set, 0), "red");
    ck_assert_str_eq(data_set_class_name(set, 2), "7");
    const int64_t expected[] = {0, 1, 0, 1, 2}, label = data_set_find_slot(set, "label");
    data_row row = {0};
    senc_error err = {0};
    for (int64_t i = 0; i < 5; i++) {
        ck_assert(data_set_row(set, i, &row, &err));
        ck_assert_int_eq(row.values[label].class_id, expected[i]);
    }
    data_row_free(&row);
    const char *path;
    int64_t line;
    ck_assert(data_set_where(set, 4, &path, &line, &err));
    ck_assert_str_eq(path, s[1].path);
    ck_assert_int_eq(line, 2);
    data_set_close(set);
}
END_TEST

START_TEST(limit_takes_the_first_rows_and_reads_no_further) {
    data_source s = {
        .path = file_of("l.jsonl",
                        "{\"anchor\":\"a\",\"positive\":\"b\"}\n{\"anchor\":\"c\",\"positive\":\"d\"}\nnonsense\n"),
        .limit = 2};
    data_set *set = open_set(&s, 1, pair_roles, 3);
    ck_assert_int_eq(data_set_n_rows(set), 2);
    data_set_close(set);
}
END_TEST

START_TEST(bad_utf8_can_be_replaced) {
    data_source s[] = {
        {.path = file_of("u.jsonl", "{\"anchor\":\"a\xff\xe2\x82z\",\"positive\":\"\\ud800\"}\n"),
         .on_bad_utf8 = DATA_BAD_UTF8_REPLACE},
        {.path = file_of("u.csv", "anchor,positive\na\xff,\"q\xc0\"\"\"\n"), .on_bad_utf8 = DATA_BAD_UTF8_REPLACE}};
    data_set *set = open_set(s, 2, pair_roles, 3);
    check_row(set, 0, "anchor", "a\xEF\xBF\xBD\xEF\xBF\xBDz");
    check_row(set, 0, "positive", "\xEF\xBF\xBD");
    check_row(set, 1, "anchor", "a\xEF\xBF\xBD");
    check_row(set, 1, "positive", "q\xEF\xBF\xBD\"");
    data_set_close(set);
}
END_TEST

/* Many rows with blank lines: random access and line numbers across several line marks. */
START_TEST(index_of_many_rows) {
    const int64_t n = 10000;
    senc_buffer text = {0};
    for (int64_t i = 0; i < n; i++) {
        senc_buffer_printf(&text, "%s{\"anchor\":\"q%" PRId64 "\",\"positive\":\"p%" PRId64 "\"}\n",
                           i % 3 == 0 ? "\n" : "", i, i * 7);
    }
    char path[96];
    snprintf(path, sizeof path, "%s/many.jsonl.gz", folder);
    gzFile gz = gzopen(path, "wb");
    ck_assert_int_eq(gzwrite(gz, text.data, (unsigned)text.n_bytes), (int)text.n_bytes);
    ck_assert_int_eq(gzclose(gz), Z_OK);
    senc_buffer_free(&text);
    data_source s = {.path = path};
    data_set *set = open_set(&s, 1, pair_roles, 3);
    ck_assert_int_eq(data_set_n_rows(set), n);
    ck_assert_int_le(data_set_index_bytes(set), n * 8 + 64);
    for (int64_t i = n - 1; i >= 0; i -= 977) {
        char expected[32];
        snprintf(expected, sizeof expected, "p%" PRId64, i * 7);
        check_row(set, i, "positive", expected);
        check_where(set, i, i + 1 + i / 3 + 1);
    }
    data_set_close(set);
}
END_TEST

typedef struct reader_job {
    const data_set *set;
    int64_t n_wrong;
} reader_job;

static void *read_all(void *data) {
    reader_job *job = data;
    data_row row = {0};
    senc_error err = {0};
    for (int64_t i = 0; i < data_set_n_rows(job->set); i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "a\"%" PRId64, i);
        if (!data_set_row(job->set, i, &row, &err) || row.values[0].n_bytes != strlen(expected) ||
            memcmp(row.values[0].text, expected, row.values[0].n_bytes) != 0) {
            job->n_wrong++;
        }
    }
    data_row_free(&row);
    return NULL;
}

START_TEST(several_threads_read_one_set) {
    senc_buffer text = {0};
    senc_buffer_append_text(&text, "anchor,positive\n");
    for (int i = 0; i < 3000; i++) senc_buffer_printf(&text, "\"a\"\"%d\",p\n", i);
    data_source s = {.path = file_of("t.csv", text.data)};
    senc_buffer_free(&text);
    data_set *set = open_set(&s, 1, pair_roles, 3);
    pthread_t threads[4];
    reader_job jobs[4];
    for (int i = 0; i < 4; i++) {
        jobs[i] = (reader_job){set, 0};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_all, &jobs[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(jobs[i].n_wrong, 0);
    }
    data_set_close(set);
}
END_TEST

static const char *refuse_text(const char *name, const char *text, const data_role *roles, int64_t n_roles) {
    data_source s = {.path = file_of(name, text)};
    return refusal(&s, roles, n_roles);
}

#define GOOD "{\"anchor\":\"a\",\"positive\":\"b\"}\n"

/* ---- lists of positives ---- */

#define SEVERAL                                                                                                        \
    "{\"query\":\"q one\",\"pos\":[\"a\",\"b\",\"c\"],\"neg\":[\"n\"]}\n\n"                                            \
    "{\"query\":\"q two\",\"pos\":[\"d\"],\"neg\":[]}\n"                                                               \
    "{\"query\":\"q three\",\"pos\":\"e\"}\n"
static const data_column_map several_columns[] = {
    {"anchor", "query", 0}, {"positive", "pos", 0}, {"negative", "neg", 0}};

static data_source several(int positives) {
    return (data_source){
        .path = file_of("several.jsonl", SEVERAL), .mapped = several_columns, .n_mapped = 3, .positives = positives};
}

START_TEST(a_list_of_positives_makes_a_row_each) {
    const data_source s = several(DATA_POSITIVES_ALL);
    data_set *set = open_set(&s, 1, pair_roles, 3);
    static const char *const anchors[] = {"q one", "q one", "q one", "q two", "q three"};
    static const char *const positives[] = {"a", "b", "c", "d", "e"};
    static const int64_t lines[] = {1, 1, 1, 3, 4};
    ck_assert_int_eq(data_set_n_rows(set), 5);
    ck_assert_int_eq(data_set_n_slots(set), 3);
    for (int64_t i = 4; i >= 0; i--) {
        check_row(set, i, "anchor", anchors[i]);
        check_row(set, i, "positive", positives[i]);
        check_where(set, i, lines[i]);
        if (i < 3) check_row(set, i, "negative_1", "n");
    }
    data_row row = {0};
    senc_error err = {0};
    ck_assert(data_set_row(set, 3, &row, &err));
    ck_assert(!row.values[data_set_find_slot(set, "negative_1")].present); /* an empty list is none */
    ck_assert_int_eq(row.n_choices, 1);
    data_row_free(&row);
    data_pairs pairs; /* the positives of one anchor are known to be its own */
    ck_assert(data_pairs_init(&pairs, set, 0, 1, false, &err));
    ck_assert_int_eq(pairs.n, 5);
    ck_assert(data_pairs_contains(&pairs, data_text_hash("q one", 5), data_text_hash("c", 1)));
    data_pairs_free(&pairs);
    data_set_close(set);
}
END_TEST

START_TEST(one_of_a_list_of_positives) {
    data_source s = several(DATA_POSITIVES_FIRST);
    data_set *set = open_set(&s, 1, pair_roles, 3);
    ck_assert_int_eq(data_set_n_rows(set), 3);
    check_row(set, 0, "positive", "a");
    check_row(set, 1, "positive", "d");
    ck_assert(data_set_has_choices(set));
    data_pairs pairs;
    senc_error err = {0};
    ck_assert(data_pairs_init(&pairs, set, 0, 1, true, &err)); /* the others are no rows, but known */
    ck_assert_int_eq(pairs.n, 10);
    ck_assert(data_pairs_contains(&pairs, data_text_hash("b", 1), data_text_hash("q one", 5)));
    data_pairs_free(&pairs);
    data_set_close(set);

    senc_buffer text = {0};
    for (int i = 0; i < 300; i++)
        senc_buffer_printf(&text, "{\"anchor\":\"q%d\",\"positive\":[\"0\",\"1\",\"2\"]}\n", i);
    s = (data_source){.path = file_of("r.jsonl", text.data), .positives = DATA_POSITIVES_RANDOM};
    senc_buffer_free(&text);
    int counts[3] = {0};
    data_row row = {0};
    data_set *again = open_set(&s, 1, pair_roles, 3);
    set = open_set(&s, 1, pair_roles, 3);
    for (int64_t i = 0; i < 300; i++) {
        ck_assert(data_set_row(set, i, &row, &err));
        const char chosen = *row.values[data_set_find_slot(set, "positive")].text;
        counts[chosen - '0']++;
        ck_assert(data_set_row(again, i, &row, &err));
        ck_assert_int_eq(*row.values[data_set_find_slot(again, "positive")].text, chosen);
    }
    ck_assert_int_eq(data_set_n_rows(set), 300);
    for (int k = 0; k < 3; k++) ck_assert_int_gt(counts[k], 60);
    data_row_free(&row);
    data_set_close(set);
    data_set_close(again);
}
END_TEST

START_TEST(positives_with_limit_parts_and_empty_ones) {
    data_source s = several(DATA_POSITIVES_ALL);
    s.limit = 2;
    data_set *set = open_set(&s, 1, pair_roles, 3);
    ck_assert_int_eq(data_set_n_rows(set), 2);
    data_set_close(set);
    s = (data_source){.path = file_of("e.jsonl", "{\"anchor\":\"q\",\"positive\":[\"a\",\" \",\"b\"]}\n"
                                                 "{\"anchor\":\"r\",\"positive\":[]}\n"
                                                 "{\"anchor\":\"s\",\"positive\":\"c\"}\n"),
                      .on_empty = DATA_EMPTY_SKIP};
    set = open_set(&s, 1, pair_roles, 3);
    ck_assert_int_eq(data_set_n_rows(set), 3);
    ck_assert_int_eq(data_set_n_skipped(set), 2);
    check_row(set, 1, "positive", "b");
    check_where(set, 2, 3); /* a record between is left out */
    data_set_close(set);
}
END_TEST

/* ---- labels ---- */

static senc_value *label_map_of(const char *const *words, const int *values, int n) {
    senc_value *map = senc_value_create(SENC_VALUE_TABLE, (senc_place){"c.toml", 1, 1});
    for (int i = 0; i < n; i++) {
        senc_value *v = senc_value_create(SENC_VALUE_INTEGER, map->place);
        v->integer = values[i];
        ck_assert(senc_value_put(map, words[i], map->place, v));
    }
    return map;
}

static void check_labels(const data_source *s, const data_role *roles, const double *expected, int64_t n) {
    data_set *set = open_set(s, 1, roles, 3);
    ck_assert_int_eq(data_set_n_rows(set), n);
    data_row row = {0};
    senc_error err = {0};
    for (int64_t i = 0; i < n; i++) {
        ck_assert(data_set_row(set, i, &row, &err));
        ck_assert_double_eq(row.values[2].number, expected[i]);
    }
    data_row_free(&row);
    data_set_close(set);
}

START_TEST(labels_in_words) {
    const double mixed[] = {1, 0, 1, 0, 1, 0, 1, 0};
    data_source s = {.path = file_of("w.csv",
                                     "sentence1,sentence2,label,score\na,b,True,yes\na,b,false,no\na,b, yes ,1.0\n"
                                     "a,b,No,0.0\na,b,duplicate,TRUE\na,b,not_duplicate,f\na,b,1.0,Y\na,b,0.0,n\n")};
    check_labels(&s, binary_roles, mixed, 8);
    check_labels(&s, score_roles, mixed, 8);
    s.path = file_of("w.jsonl", "{\"sentence1\":\"a\",\"sentence2\":\"b\",\"label\":true}\n"
                                "{\"sentence1\":\"a\",\"sentence2\":\"b\",\"label\":\"0\"}\n"
                                "{\"sentence1\":\"a\",\"sentence2\":\"b\",\"label\":1.0}\n");
    check_labels(&s, binary_roles, mixed, 3);
}
END_TEST

#define NLI "sentence1\tsentence2\tlabel\na\tb\tentailment\na\tc\tContradiction\na\td\t-\n"

START_TEST(labels_by_a_map) {
    data_source s = {.path = file_of("n.tsv", NLI)};
    ck_assert_str_eq(refusal(&s, binary_roles, 3),
                     "n.tsv:2: field \"label\" expected 0 or 1, found \"entailment\"; say what the words mean, for "
                     "example by label_map = { entailment = 1, Contradiction = 0 }; on_unknown_label = \"skip\" leaves "
                     "out rows with \"-\"");
    static const char *const words[] = {"contradiction", "entailment"};
    static const int values[] = {0, 1};
    senc_value *map = label_map_of(words, values, 2);
    s.label_map = map;
    ck_assert_str_eq(
        refusal(&s, binary_roles, 3),
        "n.tsv:4: field \"label\" expected 0 or 1, found \"-\", which is not in label_map; put it there, or "
        "leave such rows out by on_unknown_label = \"skip\"");
    s.on_unknown_label = DATA_UNKNOWN_LABEL_SKIP;
    const double expected[] = {1, 0};
    check_labels(&s, binary_roles, expected, 2);
    data_set *set = open_set(&s, 1, binary_roles, 3);
    ck_assert_int_eq(data_set_n_unknown_labels(set), 1);
    ck_assert_int_eq(data_set_n_skipped(set), 0);
    data_set_close(set);
    senc_value_free(map);

    static const char *const numbers[] = {"0", "2"}; /* what is not in the map is not taken for itself */
    static const int meant[] = {1, 0};
    map = label_map_of(numbers, meant, 2);
    s.path = file_of("n.csv", "sentence1,sentence2,label\na,b,0.0\na,c,1\na,d,2\n");
    s.label_map = map;
    check_labels(&s, binary_roles, expected, 2);
    s.on_unknown_label = DATA_UNKNOWN_LABEL_ERROR;
    ck_assert_ptr_nonnull(strstr(refusal(&s, binary_roles, 3), "n.csv:3: field \"label\" expected 0 or 1, found 1,"));
    senc_value_free(map);
    s.label_map = NULL;
    ck_assert_str_eq(refuse_text("b.jsonl", "{\"sentence1\":\"a\",\"sentence2\":\"b\",\"label\":2}\n", binary_roles, 3),
                     "b.jsonl:1: field \"label\" expected 0 or 1, found 2; label_map says what other numbers mean");
}
END_TEST

START_TEST(whole_numbers_are_one_class) {
    data_source s[] = {{.path = file_of("c.csv", "text,label\nt1,1.0\nt2,1\nt3,0.0\nt4,1.5\nt5,v1.0\n")},
                       {.path = file_of("d.jsonl", "{\"text\":\"t\",\"label\":1.0}\n{\"text\":\"t\",\"label\":0}\n")}};
    data_set *set = open_set(s, 2, class_roles, 2);
    static const char *const expected[] = {"1", "1", "0", "1.5", "v1.0", "1", "0"};
    for (int64_t i = 0; i < 7; i++) check_row(set, i, "label", expected[i]);
    ck_assert_int_eq(data_set_n_classes(set), 4);
    data_set_close(set);
}
END_TEST

/* ---- arrays ---- */

START_TEST(json_arrays_are_rows) {
    static const char array[] =
        "\xEF\xBB\xBF [\n  {\"anchor\": \"a\",\n   \"positive\": \"b]}\\\"\"},{\"anchor\": \"c\", "
        "\"positive\": [\"d\", \"e\"]}\n ,\n{\"anchor\": \"f\", \"positive\": \"g\"}\n]\n\n";
    static const char *const names[] = {"a.json", "a.jsonl", "a.ndjson"};
    for (int k = 0; k < 3; k++) {
        data_source s = {.path = file_of(names[k], array)};
        data_set *set = open_set(&s, 1, pair_roles, 3);
        ck_assert_int_eq(data_set_n_rows(set), 4);
        check_row(set, 3, "anchor", "f");
        check_row(set, 0, "positive", "b]}\"");
        check_row(set, 2, "positive", "e");
        check_where(set, 0, 2);
        check_where(set, 2, 3);
        check_where(set, 3, 5);
        data_set_close(set);
    }
    data_source lines = {.path = file_of("lines.json", GOOD GOOD)};
    data_set *set = open_set(&lines, 1, pair_roles, 3);
    ck_assert_int_eq(data_set_n_rows(set), 2);
    data_set_close(set);
    data_source bad = {.path = file_of("u.json", "[{\"anchor\":\"a\xff\",\"positive\":\"b\"}]"),
                       .on_bad_utf8 = DATA_BAD_UTF8_REPLACE};
    set = open_set(&bad, 1, pair_roles, 3);
    check_row(set, 0, "anchor", "a\xEF\xBF\xBD");
    data_set_close(set);
}
END_TEST

START_TEST(messages_about_arrays) {
#define ROW "{\"anchor\":\"a\",\"positive\":\"b\"}"
    ck_assert_str_eq(refuse_text("x.json", "[" ROW ",\n" ROW, pair_roles, 3),
                     "x.json:2:30: bad JSON: expected ',' or ']' behind the object, found the end of the text");
    ck_assert_str_eq(refuse_text("x.json", "[" ROW ",\n]", pair_roles, 3),
                     "x.json:2:1: bad JSON: expected an object {...} behind ',', found ']'");
    ck_assert_str_eq(refuse_text("x.json", "[" ROW "]\n" ROW, pair_roles, 3),
                     "x.json:2:1: bad JSON: expected the end of the text behind ']', found '{'");
    ck_assert_str_eq(refuse_text("x.json", "[" ROW ", 7]", pair_roles, 3),
                     "x.json:1:33: bad JSON: expected an object {...}, found '7'");
    ck_assert_str_eq(refuse_text("x.json", "[" ROW ",\n  {\"anchor\":\"a\",,}]", pair_roles, 3),
                     "x.json:2:17: bad JSON: expected a key in double quotes, found ','");
    ck_assert_str_eq(refuse_text("x.json", "[" ROW ",\n  {\"anchor\":\"a\"", pair_roles, 3),
                     "x.json:2:16: bad JSON: expected ',' or '}', found the end of the text");
    ck_assert_str_eq(refuse_text("x.json", "[" ROW ",{\"anchor\":\"a\"}]", pair_roles, 3),
                     "x.json:1: field \"positive\" is missing (loss \"mnrl\" needs anchor, positive)");
    ck_assert_str_eq(refuse_text("x.json", "[]", pair_roles, 3), "x.json: no rows");
    ck_assert_ptr_nonnull(
        strstr(refuse_text("x.json", "{\n\"anchor\": \"a\"}\n", pair_roles, 3),
               "; the file's first object goes over several lines, expected an object a line, as jq "));
#undef ROW
}
END_TEST

/* ---- files of other kinds ---- */

START_TEST(files_that_are_no_text) {
    static const struct {
        const char *name, *bytes;
        size_t n_bytes;
        const char *expected;
    } files[] = {
        {"x.csv", "PK\x03\x04....", 8,
         "x.csv: is a zip archive (a spreadsheet is one too); unpack it with unzip, or save "},
        {"x.xlsx", "PK\x03\x04....", 8, "x.xlsx: is a spreadsheet; save the sheet as CSV in UTF-8"},
        {"x.parquet", "PAR1....", 8, "x.parquet: is a Parquet file; pandas.read_parquet("},
        {"x.jsonl", "PAR1....", 8, "x.jsonl: is a Parquet file; pandas.read_parquet("},
        {"x.csv", "<!DOCTYPE html><html>", 21, "x.csv: is a web page; was it downloaded with the wrong link?"},
        {"x.jsonl", "version https://git-lfs.github.com/spec/v1\n", 43,
         "x.jsonl: is a pointer of Git LFS, not the file "},
        {"x.csv",
         "\xFF\xFE"
         "a\0,\0",
         6, "x.csv: looks like text in UTF-16, expected UTF-8; iconv -f UTF-16 -t UTF-8 "},
        {"x.csv", "a\0,\0b\0", 6, "x.csv: looks like text in UTF-16LE, expected UTF-8; iconv -f UTF-16LE "},
        {"x.csv", "text,b\nna\xEFve,\x93x\x94\n", 18,
         "x.csv:2:3: ill-formed UTF-8 (byte 0xef); if the file is in WINDOWS-1252, iconv"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const data_source s = {.path = file_of_bytes(files[i].name, files[i].bytes, files[i].n_bytes)};
        const char *text = refusal(&s, class_roles, 1);
        ck_assert_msg(strncmp(text, files[i].expected, strlen(files[i].expected)) == 0, "%s", text);
    }
}
END_TEST

/* ---- messages ---- */

/* Under AddressSanitizer freed memory is kept to find late uses; little of it, so that what a test measures is ours. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "quarantine_size_mb=3";
}

/* 40 MB are opened and gone through: what is behind us does not stay in memory, and all of it can be read again. */
START_TEST(what_was_read_is_forgotten) {
    enum { ROWS = 200000, ROW_BYTES = 200 };
    char *text = malloc((size_t)ROWS * ROW_BYTES + 1);
    for (int i = 0; i < ROWS; i++)
        snprintf(text + (size_t)i * ROW_BYTES, ROW_BYTES + 1, "{\"text\": \"%0*d\"}\n", ROW_BYTES - 13, i);
    const data_source source = {.path = file_of_bytes("long.jsonl", text, (size_t)ROWS * ROW_BYTES)};
    free(text);
    static const data_role roles[] = {{.name = "text", .kind = DATA_ROLE_TEXT}};
    const int64_t before = senc_memory_resident_bytes();
    data_set *set = open_set(&source, 1, roles, 1);
    const int64_t opened = senc_memory_resident_bytes() - before;
    ck_assert_int_lt(opened, INT64_C(24) << 20);
    data_row row = {0};
    senc_error err = {0};
    int64_t most = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < ROWS; i++) {
            ck_assert(data_set_row(set, i, &row, &err));
            ck_assert_int_eq(strtoll(row.values[0].text, NULL, 10), i);
            if (i % 20000 != 19999) continue;
            most = senc_memory_resident_bytes() - before > most ? senc_memory_resident_bytes() - before : most;
            data_set_forget(set, i);
        }
    }
    ck_assert_int_lt(most, INT64_C(24) << 20);
    ck_assert(data_set_row(set, 0, &row, &err));
    ck_assert_int_eq(row.values[0].n_bytes, ROW_BYTES - 13);
    data_row_free(&row);
    data_set_close(set);
}
END_TEST

/* "what", the file and " > NEW converts it". */
static const char *advice(const char *what, const char *name) {
    static char text[512];
    snprintf(text, sizeof text, "%s%s/%s > NEW converts it", what, folder, name);
    return text;
}

static const char *latin1(const char *what, const char *name) {
    char text[256];
    snprintf(text, sizeof text, "%s; if the file is in ISO-8859-1, iconv -f ISO-8859-1 -t UTF-8 ", what);
    return advice(text, name);
}

START_TEST(messages_about_rows) {
    ck_assert_str_eq(refuse_text("x.jsonl", GOOD "{\"anchor\":\"a\"}\n", pair_roles, 3),
                     "x.jsonl:2: field \"positive\" is missing (loss \"mnrl\" needs anchor, positive)");
    ck_assert_str_eq(refuse_text("x.jsonl", GOOD "{\"anchor\":\"a\",\"positive\":null}\n", pair_roles, 3),
                     "x.jsonl:2: field \"positive\" is missing (loss \"mnrl\" needs anchor, positive)");
    ck_assert_str_eq(refuse_text("x.jsonl", GOOD GOOD "{\"anchor\":\" \\n\\t\",\"positive\":\"b\"}\n", pair_roles, 3),
                     "x.jsonl:3: field \"anchor\" is empty (loss \"mnrl\" needs anchor, positive)");
    ck_assert_str_eq(refuse_text("x.jsonl", GOOD "{\"anchor\":\"\xC3\xA4\",,}\n", pair_roles, 3),
                     "x.jsonl:2:15: bad JSON: expected a key in double quotes, found ','");
    ck_assert_str_eq(refuse_text("x.jsonl", GOOD "[1]\n", pair_roles, 3),
                     "x.jsonl:2:1: expected an object {...}, found an array");
    ck_assert_str_eq(refuse_text("x.jsonl", GOOD "{\"anchor\":\"\xff\"}\n", pair_roles, 3),
                     latin1("x.jsonl:2:12: ill-formed UTF-8 (byte 0xff)", "x.jsonl"));
    ck_assert_str_eq(refuse_text("x.jsonl", GOOD "{\"anchor\":5,\"positive\":\"b\"}\n", pair_roles, 3),
                     "x.jsonl:2: field \"anchor\" expected a string, found a number");
    ck_assert_str_eq(refuse_text("x.jsonl", GOOD "{\"anchor\":[\"a\",\"b\"],\"positive\":\"c\"}\n", pair_roles, 3),
                     "x.jsonl:2: field \"anchor\" is a list of 2, expected one string");
    ck_assert_str_eq(refuse_text("x.jsonl", GOOD "{\"anchor\":\"a\",\"positive\":[]}\n", pair_roles, 3),
                     "x.jsonl:2: field \"positive\" is empty (loss \"mnrl\" needs anchor, positive)");
    ck_assert_str_eq(
        refuse_text("x.jsonl", GOOD "{\"anchor\":\"a\",\"positive\":\"b\",\"negative\":[1]}\n", pair_roles, 3),
        "x.jsonl:2: field \"negative\" is a list that holds an integer, expected strings");
    ck_assert_str_eq(refuse_text("x.csv", "anchor,positive\na,b\n\"x\ny\",c,d\n", pair_roles, 3),
                     "x.csv:4:6: expected 2 fields, found 3");
    ck_assert_str_eq(refuse_text("x.csv", "text;label\na, b;c\n", class_roles, 1),
                     "x.csv: no column \"text\" (loss \"mnrl\" needs text); the file has text;label; is it divided by "
                     "semicolons? delimiter = \";\" says so");
    data_column_map whole = {"text", NULL, 1};
    data_source divided = {
        .path = file_of("x.csv", "text\tlabel\na, b\tc\n"), .mapped = &whole, .n_mapped = 1, .header = DATA_HEADER_YES};
    ck_assert_str_eq(refusal(&divided, class_roles, 1),
                     "x.csv:2:3: expected 1 fields, found 2; the header holds a tab: is that the delimiter?");
    ck_assert_str_eq(refuse_text("x.csv", "anchor,positive\na,b\nc\n", pair_roles, 3),
                     "x.csv:3:2: expected 2 fields, found 1");
    ck_assert_str_eq(refuse_text("x.csv", "anchor,positive\na,\"b\n", pair_roles, 3),
                     "x.csv:2:3: the quoted field that begins here never ends");
    ck_assert_str_eq(refuse_text("x.csv", "anchor,positive\na,\n", pair_roles, 3),
                     "x.csv:2: field \"positive\" is empty (loss \"mnrl\" needs anchor, positive)");
    ck_assert_str_eq(refuse_text("x.csv", "anchor,positive\n\"a\nb\xff\",c\n", pair_roles, 3),
                     latin1("x.csv:3:2: ill-formed UTF-8 (byte 0xff)", "x.csv"));
    ck_assert_str_eq(refuse_text("x.txt", "a\n\nb\n", class_roles, 1),
                     "x.txt:2: field \"text\" is empty (loss \"mnrl\" needs text)");
    ck_assert_str_eq(refuse_text("x.txt", "a\nb\xc3\n", class_roles, 1),
                     latin1("x.txt:2:2: ill-formed UTF-8 (byte 0xc3)", "x.txt"));
    data_source s = {.path = file_of_bytes("x.txt",
                                           "\xff\xfe"
                                           "a\0\n\0",
                                           6)};
    ck_assert_str_eq(refusal(&s, class_roles, 1),
                     advice("x.txt: looks like text in UTF-16, expected UTF-8; iconv -f UTF-16 -t UTF-8 ", "x.txt"));
}
END_TEST

START_TEST(messages_about_scores) {
    ck_assert_str_eq(refuse_text("x.csv", "sentence1,sentence2,score\na,b,0.5\na,b,1.5\n", score_roles, 3),
                     "x.csv:3: field \"score\" is out of range: expected 0..1, found 1.5; for raw scores set "
                     "score_range = [low, high]");
    ck_assert_str_eq(refuse_text("x.csv", "sentence1,sentence2,score\na,b,nan\n", score_roles, 3),
                     "x.csv:2: field \"score\" expected a finite number, found nan");
    ck_assert_str_eq(
        refuse_text("x.csv", "sentence1,sentence2,score\na,b,high\n", score_roles, 3),
        "x.csv:2: field \"score\" expected a number, found \"high\"; say what the words mean, for example by "
        "label_map = { high = 0 }");
    double range[] = {5, 0};
    data_source s = {.path = file_of("x.csv", "sentence1,sentence2,score\na,b,0.5\n"), .score_range = {range, 2}};
    ck_assert_str_eq(refusal(&s, score_roles, 3), "x.csv: score_range: expected [low, high] with low < high");
    range[0] = 1, range[1] = 5;
    ck_assert_str_eq(refusal(&s, score_roles, 3), "x.csv:2: field \"score\" is out of range: expected 1..5, found 0.5");
}
END_TEST

START_TEST(messages_about_columns) {
    ck_assert_str_eq(
        refuse_text("x.jsonl", "{\"id\":1,\"answer\":\"a\",\"question\":\"q\"}\n", pair_roles, 3),
        "x.jsonl: no column \"anchor\" (loss \"mnrl\" needs anchor, positive); the file has id, answer, question; say "
        "which is which: columns = { anchor = \"question\", positive = \"answer\" }");
    ck_assert_str_eq(refuse_text("x.csv", "Some text here.,Another text.,5.0\n", score_roles, 3),
                     "x.csv: no column \"sentence1\" (loss \"mnrl\" needs sentence1, sentence2, score); the file has "
                     "Some text here., "
                     "Another text., 5.0; if that is data and not a header, say which is which by number: columns = { "
                     "sentence1 = 1, "
                     "sentence2 = 2, score = 3 }");
    data_column_map wrong_name[] = {{"anchor", "questoin", 0}, {"positive", "answer", 0}};
    data_source s = {.path = file_of("x.csv", "question,answer\na,b\n"), .mapped = wrong_name, .n_mapped = 2};
    ck_assert_str_eq(
        refusal(&s, pair_roles, 3),
        "x.csv: columns.anchor: there is no column \"questoin\" in question, answer; did you mean \"question\"?");
    data_column_map wrong_number[] = {{"anchor", NULL, 1}, {"positive", NULL, 3}};
    s.mapped = wrong_number;
    s.header = DATA_HEADER_NO;
    ck_assert_str_eq(refusal(&s, pair_roles, 3), "x.csv: columns.positive: there is no column 3, the file has 2");
    data_column_map guess[] = {{"anchor", NULL, 1}, {"positive", NULL, 2}};
    s.mapped = guess;
    s.header = DATA_HEADER_AUTO;
    ck_assert_str_eq(refusal(&s, pair_roles, 3),
                     "x.csv:1: the first row looks like a header (\"question\"); set header to \"yes\" or \"no\"");
    s.header = DATA_HEADER_YES;
    data_set *set = open_set(&s, 1, pair_roles, 3);
    ck_assert_int_eq(data_set_n_rows(set), 1);
    data_set_close(set);
    data_column_map unknown[] = {{"anchr", "question", 0}};
    s.mapped = unknown;
    s.n_mapped = 1;
    ck_assert_str_eq(
        refusal(&s, pair_roles, 3),
        "x.csv: columns.anchr: unknown role (loss \"mnrl\" needs anchor, positive); did you mean \"anchor\"?");
    data_column_map typo[] = {{"anchor", "a", 0}, {"positive", "p", 0}, {"negative", "neg", 0}};
    data_source j = {.path = file_of("x.jsonl", "{\"a\":\"1\",\"p\":\"2\"}\n"), .mapped = typo, .n_mapped = 3};
    ck_assert_str_eq(refusal(&j, pair_roles, 3), "x.jsonl: columns.negative: no row has a field \"neg\"");
    data_column_map foreign[] = {{"anchor", "a", 0}, {"score", "nowhere", 0}, {"positive", "p", 0}, {"label", NULL, 9}};
    j.mapped = foreign; /* another loss's roles may stay in the config */
    j.n_mapped = 4;
    set = open_set(&j, 1, pair_roles, 3);
    ck_assert_int_eq(data_set_n_slots(set), 2);
    check_row(set, 0, "anchor", "1");
    check_row(set, 0, "positive", "2");
    data_set_close(set);
    data_column_map twice[] = {{"anchor", "a", 0}, {"positive", "p", 0}};
    data_source t = {.path = file_of("y.csv", "a,p,a\n1,2,3\n"), .mapped = twice, .n_mapped = 2};
    ck_assert_str_eq(refusal(&t, pair_roles, 3),
                     "y.csv: columns.anchor: the header has the column \"a\" twice; give its number");
    j.mapped = guess;
    j.n_mapped = 2;
    ck_assert_str_eq(refusal(&j, pair_roles, 3), "x.jsonl: columns.anchor: jsonl columns have names, not numbers");
}
END_TEST

START_TEST(messages_about_files) {
    data_source s = {.path = "/nowhere/x.jsonl"};
    ck_assert_str_eq(refusal(&s, pair_roles, 3), "/nowhere/x.jsonl: cannot read: No such file or directory");
    ck_assert_str_eq(
        refuse_text("x.dat", GOOD, pair_roles, 3),
        "x.dat: the file name does not say the format; set format to one of beir, csv, json, jsonl, tsv, txt");
    s = (data_source){.path = file_of("x.dat", GOOD), .format = "jason"};
    ck_assert_str_eq(refusal(&s, pair_roles, 3),
                     "x.dat: format: there is no format \"jason\"; expected one of beir, csv, json, jsonl, tsv, txt");
    s.format = "jsonl";
    data_set *set = open_set(&s, 1, pair_roles, 3);
    data_set_close(set);
    ck_assert_str_eq(refuse_text("x.jsonl", "", pair_roles, 3), "x.jsonl: no rows");
    ck_assert_str_eq(refuse_text("x.csv", "anchor,positive\n", pair_roles, 3), "x.csv: no rows");
    s = (data_source){.path = folder};
    ck_assert_ptr_nonnull(strstr(refusal(&s, pair_roles, 3), "not a BEIR folder: there is no corpus.jsonl"));
    s = (data_source){.path = file_of("x.csv", GOOD), .delimiter = "ab"};
    ck_assert_str_eq(refusal(&s, pair_roles, 3), "x.csv: delimiter: expected one ASCII character, got \"ab\"");
}
END_TEST

/* ---- options ---- */

static senc_value *put(senc_value *table, const char *key, senc_value_type type) {
    senc_value *v = senc_value_create(type, (senc_place){"c.toml", 7, 3});
    ck_assert_ptr_nonnull(v);
    ck_assert(senc_value_put(table, key, (senc_place){"c.toml", 7, 1}, v));
    return v;
}

static void put_string(senc_value *table, const char *key, const char *text) {
    senc_value *v = put(table, key, SENC_VALUE_STRING);
    v->string = senc_strdup(text);
    v->n_bytes = strlen(text);
}

START_TEST(config_keys) {
    senc_value *table = senc_value_create(SENC_VALUE_TABLE, (senc_place){"c.toml", 1, 1});
    put_string(table, "path", file_of("k.jsonl", "{\"q\":\"a\",\"p\":\"b\",\"n1\":\"c\",\"n2\":\"d\"}\n"));
    senc_value *columns = put(table, "columns", SENC_VALUE_TABLE);
    put_string(columns, "anchor", "q");
    put_string(columns, "positive", "p");
    senc_value *negatives = put(columns, "negative", SENC_VALUE_ARRAY);
    for (int i = 1; i <= 2; i++) {
        senc_value *v = senc_value_create(SENC_VALUE_STRING, (senc_place){"c.toml", 8, i});
        v->string = senc_strdup(i == 1 ? "n1" : "n2");
        v->n_bytes = 2;
        ck_assert(senc_value_append(negatives, v));
    }
    put(table, "limit", SENC_VALUE_INTEGER)->integer = 1;
    data_source source = {0};
    senc_error err = {0};
    ck_assert_msg(senc_options_read(data_source_options, &source, table, "data", NULL, NULL, &err), "%s", err.text);
    ck_assert_int_eq(source.limit, 1);
    ck_assert_int_eq(source.header, DATA_HEADER_AUTO);
    data_set *set = open_set(&source, 1, pair_roles, 3);
    check_row(set, 0, "negative_2", "d");
    data_set_close(set);
    put_string(columns, "anchr", "q");
    ck_assert_str_eq(
        refusal(&source, pair_roles, 3),
        "c.toml:7:3: columns.anchr: unknown role (loss \"mnrl\" needs anchor, positive); did you mean \"anchor\"?");
    senc_options_free(data_source_options, &source);
    senc_value_free(table);
}
END_TEST

START_TEST(column_names_of_a_source) {
    senc_strings names;
    senc_error err = {0};
    data_source s = {.path = file_of("n.csv", "a,\"b c\"\n1,2\n")};
    ck_assert(data_source_columns(&s, &names, &err));
    ck_assert_int_eq(names.n, 2);
    ck_assert_str_eq(names.items[1], "b c");
    data_strings_free(&names);
}
END_TEST

/* ---- known positives ---- */

START_TEST(known_positives) {
    data_source s = {.path = file_of("p.csv", "anchor,positive\nq1,a\nq1,b\nq2,a\nq1,a\n")};
    data_set *set = open_set(&s, 1, pair_roles, 3);
    data_pairs pairs;
    senc_error err = {0};
    ck_assert(data_pairs_init(&pairs, set, 0, 1, false, &err));
    ck_assert_int_eq(pairs.n, 3);
    const uint64_t q1 = data_text_hash("q1", 2), q2 = data_text_hash("q2", 2), a = data_text_hash("a", 1),
                   b = data_text_hash("b", 1);
    ck_assert(data_pairs_contains(&pairs, q1, a) && data_pairs_contains(&pairs, q1, b) &&
              data_pairs_contains(&pairs, q2, a));
    ck_assert(!data_pairs_contains(&pairs, q2, b) && !data_pairs_contains(&pairs, a, q1));
    data_pairs_free(&pairs);
    ck_assert(data_pairs_init(&pairs, set, 0, 1, true, &err));
    ck_assert(data_pairs_contains(&pairs, a, q1) && !data_pairs_contains(&pairs, b, q2));
    data_pairs_free(&pairs);
    data_set_close(set);
}
END_TEST

/* The hash is documented as stable: these values were computed by another implementation of its definition. */
START_TEST(text_hash_is_stable) {
    ck_assert_uint_eq(data_text_hash("", 0), UINT64_C(0xe220a8397b1dcdaf));
    ck_assert_uint_eq(data_text_hash("a", 1), UINT64_C(0x5e025f9ade9eaf3e));
    ck_assert_uint_eq(data_text_hash("12345678", 8), UINT64_C(0x83dbec76b33f9ca3));
    ck_assert_uint_eq(data_text_hash("moss on stones", 14), UINT64_C(0xe40cce64efc1d514));
    ck_assert_uint_ne(data_text_hash("a", 1), data_text_hash("a\0", 2));
}
END_TEST

/* ---- failure injection ---- */

START_TEST(every_allocation_may_fail) {
    data_source s[] = {{.path = file_of("f.jsonl", "{\"anchor\":\"a\",\"positive\":\"b\",\"negative\":[\"c\",\"d\"]}\n{"
                                                   "\"anchor\":\"\xff\",\"positive\":\"b\"}\n"),
                        .on_bad_utf8 = DATA_BAD_UTF8_REPLACE},
                       {.path = file_of("f.csv", "anchor,positive\n\"a\"\"\",b\n\xff,\"\"\"\"\n"),
                        .on_bad_utf8 = DATA_BAD_UTF8_REPLACE}};
    bool done = false;
    int64_t n = 1;
    for (; !done; n++) {
        senc_error err = {0};
        data_set *set = NULL;
        data_row row = {0};
        senc_alloc_fail_at(n);
        bool ok = data_set_open(s, 2, pair_roles, 3, "loss \"mnrl\"", &set, &err);
        for (int64_t i = 0; ok && i < 4; i++) ok = data_set_row(set, i, &row, &err);
        data_pairs pairs = {0};
        ok = ok && data_pairs_init(&pairs, set, 0, 1, true, &err);
        senc_alloc_fail_at(0);
        ck_assert_msg(ok || (err.kind == SENC_FAILED && strstr(err.text, "out of memory")), "n %" PRId64 ": %s", n,
                      err.text);
        done = ok && n > 200;
        data_pairs_free(&pairs);
        data_row_free(&row);
        data_set_close(set);
    }
}
END_TEST

/* ---- real data ---- */

static const char *real_path(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", getenv("SENC_DATA"), name);
    return path;
}

static void check_real(const char *name, data_source s, const data_role *roles, int64_t n_roles, int64_t n_rows) {
    s.path = (char *)(uintptr_t)real_path(name);
    data_set *set = open_set(&s, 1, roles, n_roles);
    ck_assert_int_eq(data_set_n_rows(set), n_rows);
    data_set_close(set);
}

START_TEST(real_files) {
    data_column_map medquad[] = {{"anchor", "question", 0}, {"positive", "answer", 0}};
    check_real("medquad/medquad.jsonl", (data_source){.mapped = medquad, .n_mapped = 2}, pair_roles, 3, 16407);
    data_column_map intents[] = {{"label", "category", 0}};
    check_real("banking77/train.csv", (data_source){.mapped = intents, .n_mapped = 1}, class_roles, 2, 10003);
    check_real("banking77/test.csv", (data_source){.mapped = intents, .n_mapped = 1}, class_roles, 2, 3080);
    double range[] = {0, 5};
    data_column_map sts[] = {{"sentence1", NULL, 1}, {"sentence2", NULL, 2}, {"score", NULL, 3}};
    data_source scores = {.mapped = sts, .n_mapped = 3, .score_range = {range, 2}};
    check_real("stsb/stsb-en-train.csv", scores, score_roles, 3, 5749);
    check_real("stsb/stsb-en-dev.csv", scores, score_roles, 3, 1500);
    check_real("stsb/stsb-en-test.csv", scores, score_roles, 3, 1379);
    data_column_map qqp[] = {{"sentence1", NULL, 4}, {"sentence2", NULL, 5}, {"score", NULL, 6}};
    data_source pairs = {.path = (char *)(uintptr_t)real_path("qqp/new_dev.tsv"), .mapped = qqp, .n_mapped = 3};
    const char *message = refusal(&pairs, score_roles, 3); /* its first row has a blank where the last tab should be */
    ck_assert_msg(strstr(message, "qqp/new_dev.tsv:1:155: expected 6 fields, found 5"), "%s", message);
    size_t n_bytes;
    senc_error err = {0};
    char *text = senc_file_read(real_path("qqp/new_dev.tsv"), 0, &n_bytes, &err);
    const char *second = strchr(text, '\n') + 1;
    pairs.path = file_of_bytes("qqp.tsv", second, n_bytes - (size_t)(second - text));
    free(text);
    data_set *set = open_set(&pairs, 1, score_roles, 3);
    ck_assert_int_eq(data_set_n_rows(set), 23496);
    data_set_close(set);
    check_real("multi30k/train.1.en.gz", (data_source){.format = "txt"}, class_roles, 1, 29000);
    check_real("nfcorpus", (data_source){0}, pair_roles, 3, 110575);
}
END_TEST

int main(int argc, char **argv) {
    Suite *s = suite_create("table");
    TCase *t = tcase_create("table");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_add_test(t, jsonl_rows_by_role);
    tcase_add_test(t, rows_left_out_are_counted);
    tcase_add_test(t, csv_with_quotes_and_newlines);
    tcase_add_test(t, numbered_columns_and_score_range);
    tcase_add_test(t, tsv_keeps_quotes_and_spaces);
    tcase_add_test(t, classes_by_first_appearance);
    tcase_add_test(t, limit_takes_the_first_rows_and_reads_no_further);
    tcase_add_test(t, bad_utf8_can_be_replaced);
    tcase_add_test(t, index_of_many_rows);
    tcase_add_test(t, several_threads_read_one_set);
    tcase_add_test(t, what_was_read_is_forgotten);
    tcase_add_test(t, a_list_of_positives_makes_a_row_each);
    tcase_add_test(t, one_of_a_list_of_positives);
    tcase_add_test(t, positives_with_limit_parts_and_empty_ones);
    tcase_add_test(t, labels_in_words);
    tcase_add_test(t, labels_by_a_map);
    tcase_add_test(t, whole_numbers_are_one_class);
    tcase_add_test(t, json_arrays_are_rows);
    tcase_add_test(t, messages_about_arrays);
    tcase_add_test(t, files_that_are_no_text);
    tcase_add_test(t, messages_about_rows);
    tcase_add_test(t, messages_about_scores);
    tcase_add_test(t, messages_about_columns);
    tcase_add_test(t, messages_about_files);
    tcase_add_test(t, config_keys);
    tcase_add_test(t, column_names_of_a_source);
    tcase_add_test(t, known_positives);
    tcase_add_test(t, text_hash_is_stable);
    tcase_add_test(t, every_allocation_may_fail);
    suite_add_tcase(s, t);
    TCase *real_case = tcase_create("real");
    tcase_add_checked_fixture(real_case, make_folder, remove_folder);
    tcase_add_test(real_case, real_files);
    return run_with_real(s, real_case, "SENC_DATA", argc, argv);
}
