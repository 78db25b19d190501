/* Systems on a small corpus: specifications, TREC runs, hybrids, saved vectors and variants, by hand. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/corpus_search.h"
#include "small_beir.h"

static char text[4096];

static void check_rank(const char *spec, int64_t depth, const char *expected) {
    ck_assert_str_eq(small_rank(small_text(spec), depth, text, sizeof text), small_text(expected));
}

/* ---- specifications ---- */

START_TEST(errors) {
    static const struct {
        const char *spec, *error;
    } cases[] = {
        {"bm25", ""},
        {"words=bm25?k1=0.9&b=0.4", ""},
        {"bm25?k2=1", "bm25?k2=1: bm25.k2: unknown key for system \"bm25\"; did you mean \"k1\"?"},
        {"bm25?k1=high", "bm25?k1=high: bm25.k1: expected a number in [0, 1000], got \"high\""},
        {"bm25?k1", "bm25?k1: expected KEY=VALUE behind '?' and '&', got \"k1\""},
        {"bm25?k1=1&k1=2", "bm25?k1=1&k1=2: the key \"k1\" is given twice"},
        {"vector:x.npy",
         "vector:x.npy: there is no kind of system \"vector\", nor such a file; did you mean \"vectors\"?"},
        {"run:", "run:: expected run:FILE"},
        {"label=", "\"label=\": expected a model or another system, got nothing"},
        {"hybrid:bm25", "hybrid:bm25: expected at least two systems with '+' between them, got one"},
        {"hybrid:bm25+bm25?k1=2", "a part's own keys stand in parentheses with it: hybrid:bm25+bm25?k1=2: hybrid.k1: "
                                  "unknown key for system \"hybrid\""},
        {"vectors:v.npy", "v.npy: which texts are these the vectors of? expected texts=FILE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_str_eq(small_open_error(cases[i].spec, text, sizeof text), cases[i].error);
}
END_TEST

START_TEST(labels) {
    senc_error err = {0};
    eval_system *s;
    ck_assert(eval_system_open("words=bm25?b=0.4", &small_options, &s, &err));
    ck_assert_str_eq(eval_system_label(s), "words");
    ck_assert_str_eq(eval_system_spec(s), "bm25?b=0.4");
    ck_assert_ptr_null(eval_system_embedder(s).embed);
    ck_assert_ptr_nonnull(eval_system_embedder(s).ranker);
    ck_assert_int_eq(eval_system_embedder(s).n_rules, 1);
    eval_system_free(s);
}
END_TEST

/* Folders are left out, and the models of a run are called as the run; what tells names apart can stay. */
START_TEST(names) {
    static const struct {
        const char *spec;
        int n_folders;
        const char *name;
    } cases[] = {
        {"models/all-MiniLM-L6-v2", 0, "all-MiniLM-L6-v2"},
        {"/a/b/m/", 0, "m"},
        {"a/m", 1, "a/m"},
        {"./a/m", 3, "a/m"},
        {"m", 2, "m"},
        {"runs/faq/best", 0, "faq"},
        {"runs/faq/best", 1, "faq/best"},
        {"runs/faq/final/", 0, "faq"},
        {"runs/faq/step-64", 0, "faq"},
        {"runs/faq/step-x", 0, "step-x"},
        {"runs/faq/bester", 0, "bester"},
        {"best", 0, "best"},
        {"runs/faq/best?dim=128", 0, "faq?dim=128"},
        {"sentence-transformers/all-MiniLM-L6-v2", 0, "all-MiniLM-L6-v2"},
        {"/c/hub/models--org--some-model/snapshots/0123abc", 0, "some-model"},
        {"bm25", 0, "bm25"},
        {"bm25?k1=0.9&b=0.4", 0, "bm25?k1=0.9&b=0.4"},
        {"hybrid:runs/faq/best+bm25", 0, "hybrid:faq+bm25"},
        {"hybrid:(a/m?dim=128)+(b/n)+bm25?fusion=sum", 0, "hybrid:(m?dim=128)+(n)+bm25?fusion=sum"},
        {"hybrid:a/m+b/m", 1, "hybrid:a/m+b/m"},
        {"vectors:out/x.npy?texts=data/x.jsonl&dim=8", 0, "vectors:x.npy?texts=x.jsonl&dim=8"},
        {"run:lists/a.run", 0, "run:a.run"},
        {"openai:m?url=http://127.0.0.1:80/v1", 0, "openai:m?url=http://127.0.0.1:80/v1"},
        {"mine=runs/faq/best", 0, "mine"},
        {"a?b?=", 0, "a?b?="},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = eval_system_name(cases[i].spec, cases[i].n_folders);
        ck_assert_str_eq(name, cases[i].name);
        free(name);
    }
}
END_TEST

/* ---- runs and hybrids ---- */

static void write_runs(void) {
    small_write("a.run", "q1 Q0 d1 9 0.9 a\nq1 Q0 d2 1 0.5 a\nq1\tQ0\td3\t2\t0.1\ta\n\nq2 Q0 d4 1 -1.5 a\n"
                         "other Q0 d9 1 1 a\n");
    small_write("b.run", "q1 Q0 d2 1 30 b\nq1 Q0 d4 2 10 b\nq2 Q0 d4 1 2 b\nq2 Q0 d1 2 2 b\n");
}

/* Scores decide, not ranks; equal scores by the corpus order here; a query that is not in the run has no list. */
START_TEST(run_lists) {
    write_runs();
    check_rank("run:%s/a.run", 2, "q1: d1 0.9000, d2 0.5000\nq2: d4 -1.5000\nq3:\n");
    check_rank("run:%s/b.run", 9, "q1: d2 30.0000, d4 10.0000\nq2: d1 2.0000, d4 2.0000\nq3:\n");
}
END_TEST

/* Several ids of one document: it stands in the list once, with the best of their scores; an id twice is an error. */
START_TEST(run_of_texts_under_several_ids) {
    small_write("corpus.jsonl", "{\"_id\": \"d1\", \"text\": \"one\"}\n{\"_id\": \"d2\", \"text\": \"two\"}\n"
                                "{\"_id\": \"d3\", \"text\": \"one\"}\n{\"_id\": \"d4\", \"text\": \"one\"}\n");
    small_write("x.run", "q1 Q0 d3 1 0.7 a\nq1 Q0 d2 2 0.6 a\nq1 Q0 d1 3 0.5 a\nq1 Q0 d4 4 0.9 a\nq2 Q0 d4 1 0.3 a\n"
                         "q2 Q0 d1 1 0.4 a\n");
    check_rank("run:%s/x.run", 4, "q1: d4 0.9000, d3 0.7000, d2 0.6000, d1 0.5000\nq2: d1 0.4000, d4 0.3000\nq3:\n");
    small_merges = true;
    check_rank("run:%s/x.run", 4, "q1: d1 0.9000, d2 0.6000\nq2: d1 0.4000\nq3:\n");
    small_write("x.run", "q1 Q0 d3 1 0.7 a\nq1 Q0 d1 2 0.6 a\nq1 Q0 d3 3 0.5 a\n");
    check_rank("run:%s/x.run", 4, "%s/x.run:3: document \"d1\" stands twice in the list of query \"q1\"");
    small_merges = false;
}
END_TEST

START_TEST(run_errors) {
    small_write("x.run", "q1 Q0 d1 1 0.9 a\nq1 Q0 d7 2 0.8 a\n");
    check_rank("run:%s/x.run", 2, "%s/x.run:2: document \"d7\" is not in the corpus: is this the run of other data?");
    small_write("x.run", "q1 Q0 d1 1 0.9 a\nq1 Q0 d1 2 0.8 a\n");
    check_rank("run:%s/x.run", 2, "%s/x.run:2: document \"d1\" stands twice in the list of query \"q1\"");
    small_write("x.run", "z Q0 d1 1 0.9 a\n");
    check_rank("run:%s/x.run", 2, "%s/x.run: none of the 3 judged queries is in it: is this the run of other data?");
    small_write("x.run", "q1 Q0 d1 1 high a\n");
    check_rank("run:%s/x.run", 2, "%s/x.run:1: expected a number as the score, found \"high\"");
    static const char *const wrong[] = {"inf", "nan", "1e39", "-1e400", "0x", "1.0.0"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char line[64], message[160];
        snprintf(line, sizeof line, "q1 Q0 d1 1 %s a\n", wrong[i]);
        snprintf(message, sizeof message, "%%s/x.run:1: expected a number as the score, found \"%s\"", wrong[i]);
        small_write("x.run", line);
        check_rank("run:%s/x.run", 2, message);
    }
    char digits[100] = "q1 Q0 d1 1 0.", *shown = digits + strlen("q1 Q0 d1 1 "); /* more than are read */
    memset(digits + strlen(digits), '5', 70);
    snprintf(digits + strlen(digits), sizeof digits - strlen(digits), " a\n");
    small_write("x.run", digits);
    char message[160];
    snprintf(message, sizeof message, "%%s/x.run:1: expected a number as the score, found \"%.63s\"", shown);
    check_rank("run:%s/x.run", 2, message);
    small_write("x.run", "q1 d1 1\n");
    check_rank("run:%s/x.run", 2,
               "%s/x.run:1: expected the six columns of a TREC run (qid Q0 docid rank score tag), found 3");
    small_write("x.run", "\n");
    check_rank("run:%s/x.run", 2, "%s/x.run: expected lines of a TREC run, found none");
}
END_TEST

/* q1: d2 is second and first, 1/62 + 1/61; d1 1/61; d4 1/62; d3 1/63. q2: d4 is first and second. */
START_TEST(reciprocal_ranks) {
    write_runs();
    char expected[256];
    snprintf(expected, sizeof expected, "q1: d2 %.4f, d1 %.4f, d4 %.4f, d3 %.4f\nq2: d4 %.4f, d1 %.4f\nq3:\n",
             1 / 62. + 1 / 61., 1 / 61., 1 / 62., 1 / 63., 1 / 61. + 1 / 62., 1 / 61.);
    check_rank("hybrid:run:%s/a.run+run:%s/b.run", 9, expected);
    snprintf(expected, sizeof expected, "q1: d2 %.4f, d1 %.4f\nq2: d4 %.4f, d1 %.4f\nq3:\n", 0.6 / 3 + 0.4 / 2, 0.6 / 2,
             0.6 / 2 + 0.4 / 3, 0.4 / 2);
    check_rank("hybrid:run:%s/a.run+run:%s/b.run?c=1&weight=0.6", 2, expected);
}
END_TEST

/* q1: a is 0.9, 0.5, 0.1 -> 1, 0.5, 0; b is 30, 10 -> 1, 0. q2: lists of equal scores count 1 each. */
START_TEST(sums) {
    write_runs();
    check_rank("hybrid:run:%s/a.run+(run:%s/b.run)?fusion=sum&weight=0.75", 9,
               "q1: d1 0.7500, d2 0.6250, d3 0.0000, d4 0.0000\nq2: d4 1.0000, d1 0.2500\nq3:\n");
    /* z of a: mean 0.5, deviation sqrt(0.32 / 3); of b: mean 20, deviation 10: 1 and -1. Not in a list: its lowest. */
    const double z = 0.4 / sqrt(0.32 / 3);
    char expected[256];
    snprintf(expected, sizeof expected, "q1: d2 %.4f, d1 %.4f\nq2: d1 0.0000, d4 0.0000\nq3:\n", 0.5, (z - 1) / 2);
    check_rank("hybrid:run:%s/a.run+run:%s/b.run?fusion=sum&norm=z", 2, expected);
}
END_TEST

/* ---- vectors ---- */

#define VECTORS                                                                                                        \
    "{\"text\": \"the cat sat\", \"embedding\": [1, 0, 0, 0]}\n"                                                       \
    "{\"text\": \"the dog sat on the cat\", \"embedding\": [0.6, 0.8, 0, 0]}\n"                                        \
    "{\"text\": \"birds fly\", \"embedding\": [0, 0, 0.6, 0.8]}\n"                                                     \
    "{\"text\": \"a cat a dog a bird\", \"embedding\": [0.5, -0.5, 0.5, -0.5]}\n"                                      \
    "{\"text\": \"cat\", \"embedding\": [0.8, 0.6, 0, 0]}\n"                                                           \
    "{\"text\": \"dog bird\", \"embedding\": [0, 0.6, 0.8, 0]}\n"                                                      \
    "{\"text\": \"the\", \"embedding\": [0, 0, 0, 1]}\n"

/* cosine of q1 with d1 0.8, d2 0.96, d4 0.1; q2 with d3 0.48, d2 0.48. */
#define LISTS "q1: d2 0.9600, d1 0.8000\nq2: d2 0.4800, d3 0.4800\nq3: d3 0.8000, d1 0.0000\n"

START_TEST(vectors_by_text) {
    small_write("v.jsonl", VECTORS);
    check_rank("vectors:%s/v.jsonl", 2, LISTS);
    small_write("v.jsonl", "{\"text\": \"the cat sat\", \"embedding\": [1, 0]}\n");
    check_rank("vectors:%s/v.jsonl", 2, "vectors:%s/v.jsonl: there is no vector of the query \"cat\"");
}
END_TEST

/* Documents by id, in another order than the corpus; queries by their place in another file. */
START_TEST(vectors_by_id_and_order) {
    small_write("v.jsonl", "{\"id\": \"d4\", \"embedding\": [0.5, -0.5, 0.5, -0.5]}\n"
                           "{\"id\": \"d1\", \"embedding\": [1, 0, 0, 0]}\n"
                           "{\"id\": \"d3\", \"embedding\": [0, 0, 0.6, 0.8]}\n"
                           "{\"id\": \"d2\", \"embedding\": [0.6, 0.8, 0, 0]}\n");
    small_write("q.jsonl", "{\"embedding\": [0.8, 0.6, 0, 0]}\n{\"embedding\": [0, 0.6, 0.8, 0]}\n"
                           "{\"embedding\": [0, 0, 0, 1]}\n");
    small_write("q.txt", "cat\ndog bird\nthe\n");
    check_rank("vectors:%s/v.jsonl?texts=%s&queries=%s/q.jsonl&query_texts=%s/q.txt", 2, LISTS);
    small_write("q.txt", "cat\ndog bird\n");
    check_rank("vectors:%s/v.jsonl?texts=%s&queries=%s/q.jsonl&query_texts=%s/q.txt", 2,
               "%s/q.jsonl: 3 vectors, but %s/q.txt holds 2 texts, and there are no ids to go by");
}
END_TEST

START_TEST(fewer_dimensions) {
    small_write("v.jsonl", VECTORS);
    /* d1 (1, 0), d2 (0.6, 0.8), d3 (0, 0), d4 (1, -1) / sqrt 2; q2 (0, 1) */
    check_rank("vectors:%s/v.jsonl?dim=2", 2,
               "q1: d2 0.9600, d1 0.8000\nq2: d2 0.8000, d1 0.0000\nq3: d1 0.0000, "
               "d2 0.0000\n");
    check_rank("vectors:%s/v.jsonl?dim=9", 2,
               "vectors:%s/v.jsonl?dim=9: dim: expected at most the 4 dimensions of the vectors, got 9");
    check_rank("vectors:%s/v.jsonl?dim=2&pca=2", 2, "vectors:%s/v.jsonl?dim=2&pca=2: dim and pca: give one of them");
}
END_TEST

/* Documents in a plane of the four dimensions: two directions keep every score. */
START_TEST(principal_directions) {
    small_write("v.jsonl", "{\"text\": \"the cat sat\", \"embedding\": [0.5, 0.5, 0.5, 0.5]}\n"
                           "{\"text\": \"the dog sat on the cat\", \"embedding\": [0.5, 0.5, -0.5, -0.5]}\n"
                           "{\"text\": \"birds fly\", \"embedding\": [-0.5, -0.5, 0.5, 0.5]}\n"
                           "{\"text\": \"a cat a dog a bird\", \"embedding\": [0.7, 0.7, 0.1, 0.1]}\n"
                           "{\"text\": \"cat\", \"embedding\": [0.1, 0.1, 0.7, 0.7]}\n"
                           "{\"text\": \"dog bird\", \"embedding\": [-0.7, -0.7, -0.1, -0.1]}\n"
                           "{\"text\": \"the\", \"embedding\": [0.5, 0.5, 0.5, 0.5]}\n");
    char whole[4096];
    snprintf(whole, sizeof whole, "%s", small_rank(small_text("vectors:%s/v.jsonl"), 4, text, sizeof text));
    check_rank("vectors:%s/v.jsonl?pca=2", 4, whole);
    small_rank(small_text("vectors:%s/v.jsonl?pca=1"), 4, text, sizeof text);
    ck_assert_str_ne(text, whole);
}
END_TEST

/* First dimension 0..255 in steps of 1: 127.5 - 128 is cut to code 0, the middle of -1 and 1: 128. 63.75 - 128 is cut
 * to -64, the middle of -65 and -64: 63.5. The extremes stay what they are. */
START_TEST(int8) {
    small_write("v.jsonl",
                "{\"text\": \"the cat sat\", \"embedding\": [0, 1]}\n"
                "{\"text\": \"the dog sat on the cat\", \"embedding\": [127.5, 1]}\n"
                "{\"text\": \"birds fly\", \"embedding\": [255, 1]}\n"
                "{\"text\": \"a cat a dog a bird\", \"embedding\": [63.75, 1]}\n"
                "{\"text\": \"cat\", \"embedding\": [1, 0]}\n{\"text\": \"dog bird\", \"embedding\": [3, 0]}\n"
                "{\"text\": \"the\", \"embedding\": [0, 1]}\n");
    check_rank("vectors:%s/v.jsonl?quantize=int8&similarity=dot", 4,
               "q1: d3 255.0000, d2 128.0000, d4 63.5000, d1 0.0000\n"
               "q2: d3 765.0000, d2 384.0000, d4 190.5000, d1 0.0000\n"
               "q3: d1 1.0000, d2 1.0000, d3 1.0000, d4 1.0000\n");
}
END_TEST

/* Signs: q1 ++--, d1 +---, d2 ++--, d3 --++, d4 +-+-; 1 - 2 x distance / 4. */
START_TEST(binary) {
    small_write("v.jsonl", VECTORS);
    check_rank("vectors:%s/v.jsonl?quantize=binary", 4,
               "q1: d2 1.0000, d1 0.5000, d4 0.0000, d3 -1.0000\n"
               "q2: d2 0.0000, d3 0.0000, d4 0.0000, d1 -0.5000\n"
               "q3: d3 0.5000, d1 0.0000, d2 -0.5000, d4 -0.5000\n");
    /* the query's floats: q1 (0.8, 0.6, 0, 0) x (+, +, -, -) / 2 = 0.7, with d1 (0.8 - 0.6) / 2 = 0.1, d4 the same */
    check_rank("vectors:%s/v.jsonl?quantize=binary&rescore=4", 1, "q1: d2 0.7000\nq2: d3 0.1000\nq3: d3 0.5000\n");
    check_rank("vectors:%s/v.jsonl?rescore=4", 1,
               "vectors:%s/v.jsonl?rescore=4: rescore: expected beside quantize=binary");
}
END_TEST

START_TEST(facts) {
    small_write("v.jsonl", VECTORS);
    static const struct {
        const char *spec;
        int64_t dimension, bytes;
    } cases[] = {{"vectors:%s/v.jsonl", 4, 16},
                 {"vectors:%s/v.jsonl?dim=3", 3, 12},
                 {"vectors:%s/v.jsonl?quantize=int8", 4, 4},
                 {"vectors:%s/v.jsonl?quantize=binary", 4, 1},
                 {"bm25", 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        senc_error err = {0};
        eval_system *s;
        eval_system_facts found;
        ck_assert_msg(eval_system_open(small_text(cases[i].spec), &small_options, &s, &err), "%s", err.text);
        ck_assert(eval_system_get_facts(s, &found, &err));
        ck_assert_int_eq(found.dimension, cases[i].dimension);
        ck_assert_int_eq(found.bytes_per_vector, cases[i].bytes);
        eval_system_free(s);
    }
}
END_TEST

/* A variant of an embedder that is open already has the vectors, the rules and the facts of one by name. */
START_TEST(variant_of_an_embedder) {
    static const char *const keys[] = {"dim=2", "quantize=int8", "quantize=binary"};
    static const char words[] = "a cat a dog a bird";
    const eval_text one = {words, sizeof words - 1};
    small_write("v.jsonl", VECTORS);
    senc_error err = {0};
    eval_system *whole, *variant, *named;
    ck_assert_msg(eval_system_open(small_text("vectors:%s/v.jsonl"), &small_options, &whole, &err), "%s", err.text);
    const eval_embedder embedder = eval_system_embedder(whole);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char spec[64];
        snprintf(spec, sizeof spec, "vectors:%%s/v.jsonl?%s", keys[i]);
        ck_assert_msg(eval_system_open_variant(&embedder, keys[i], &variant, &err), "%s", err.text);
        ck_assert_msg(eval_system_open(small_text(spec), &small_options, &named, &err), "%s", err.text);
        const eval_embedder a = eval_system_embedder(variant), b = eval_system_embedder(named);
        float x[4], y[4];
        ck_assert_int_eq(a.width, b.width);
        ck_assert(a.embed(a.context, EVAL_DOCUMENT, &one, 1, x, &err));
        ck_assert(b.embed(b.context, EVAL_DOCUMENT, &one, 1, y, &err));
        ck_assert_mem_eq(x, y, (size_t)a.width * sizeof *x);
        ck_assert_int_eq(a.n_rules, 1);
        ck_assert_str_eq(a.rules[0], b.rules[b.n_rules - 1]);
        eval_system_facts f, g;
        ck_assert(eval_system_get_facts(variant, &f, &err) && eval_system_get_facts(named, &g, &err));
        ck_assert_int_eq(f.bytes_per_vector, g.bytes_per_vector);
        eval_system_free(variant);
        eval_system_free(named);
    }
    ck_assert(!eval_system_open_variant(&embedder, "dim=9", &variant, &err));
    ck_assert_str_eq(err.text, "dim=9: dim: expected at most the 4 dimensions of the vectors, got 9");
    ck_assert_ptr_null(variant);
    eval_system_free(whole);
}
END_TEST

/* ---- what is read, and what ranking costs ---- */

/* A source that cuts every text of more than 12 bytes. */
static eval_reader cutting;
static bool embed_and_cut(void *context, eval_role role, const eval_text *texts, int64_t n, float *out,
                          senc_error *err) {
    (void)context, (void)role;
    if (!eval_reader_start(&cutting, n, err)) return false;
    for (int64_t i = 0; i < n; i++) {
        for (int k = 0; k < 4; k++) out[4 * i + k] = (float)(texts[i].n_bytes % (k + 2)) + 0.5F;
        cutting.cut[i] = texts[i].n_bytes > 12;
    }
    eval_reader_finish(&cutting);
    return true;
}

/* A variant has read what the model has read: each text once, whatever is kept or asked for twice. */
START_TEST(variants_read) {
    static const char *const keys[] = {"dim=2", "pca=2", "quantize=int8", "quantize=binary",
                                       "quantize=binary&rescore=2"};
    cutting = (eval_reader){.sum = {.max_length = 12}};
    const eval_embedder model = {.embed = embed_and_cut, .width = 4, .similarity = "cosine", .reader = &cutting};
    data_beir *beir;
    senc_error err = {0};
    ck_assert(data_beir_open(small_folder, "test", false, &beir, &err));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        eval_system *s;
        int64_t queries[] = {0, 1, 2}, n_hits[3];
        eval_hit hits[6];
        ck_assert_msg(eval_system_open_variant(&model, keys[i], &s, &err), "%s", err.text);
        const eval_embedder e = eval_system_embedder(s);
        const eval_rank_request request = {
            .beir = beir, .queries = queries, .n_queries = 3, .depth = 2, .corpus_block = 3};
        if (e.prepare) ck_assert(e.prepare(e.context, NULL, 0, &err));
        ck_assert_msg(eval_corpus_rank(&request, &e, hits, n_hits, &err), "%s", err.text);
        ck_assert_ptr_nonnull(e.reader);
        ck_assert_msg(e.reader->sum.n_texts == 7, "%s: %lld texts", keys[i], (long long)e.reader->sum.n_texts);
        ck_assert_msg(e.reader->sum.n_cut == 2, "%s: %lld were cut", keys[i], (long long)e.reader->sum.n_cut);
        ck_assert_int_eq(e.reader->sum.max_length, 12);
        eval_system_free(s);
    }
    eval_reader_free(&cutting);
    data_beir_close(beir);
}
END_TEST

static void rank_all(eval_system *s, eval_reading *reading) {
    data_beir *beir;
    senc_error err = {0};
    int64_t queries[] = {0, 1, 2}, n_hits[3];
    eval_hit hits[6];
    ck_assert(data_beir_open(small_folder, "test", false, &beir, &err));
    const eval_rank_request request = {.beir = beir, .queries = queries, .n_queries = 3, .depth = 2, .corpus_block = 3};
    const eval_embedder e = eval_system_embedder(s);
    const eval_reading none = {0};
    ck_assert_msg(eval_corpus_rank(&request, &e, hits, n_hits, &err), "%s", err.text);
    *reading = eval_reading_since(e.reader, &none);
    data_beir_close(beir);
}

/* BM25 reads everything, and its index and queries are measured, in hybrids too. Of lists nothing is known. */
START_TEST(ranking_costs) {
    static const struct {
        const char *spec;
        int64_t n_texts, n_documents;
    } cases[] = {
        {"bm25", 7, 4}, {"hybrid:bm25+(bm25?k1=2)", 7, 8}, {"run:%s/a.run", 0, 0}, {"hybrid:bm25+run:%s/a.run", 0, 4}};
    write_runs();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        senc_error err = {0};
        eval_system *s;
        eval_reading reading;
        eval_ranking_cost cost;
        ck_assert_msg(eval_system_open(small_text(cases[i].spec), &small_options, &s, &err), "%s", err.text);
        eval_system_get_ranking(s, &cost);
        ck_assert_int_eq(cost.n_documents, 0);
        rank_all(s, &reading);
        eval_system_get_ranking(s, &cost);
        ck_assert_int_eq(reading.n_texts, cases[i].n_texts);
        ck_assert_int_eq(reading.n_cut, 0);
        ck_assert_int_eq(cost.n_documents, cases[i].n_documents);
        ck_assert_int_eq(cost.n_queries, cases[i].n_documents / 4 * 3);
        ck_assert((cost.index_bytes > 0) == (cases[i].n_documents > 0) &&
                  (cost.index_ms > 0) == (cost.n_documents > 0));
        ck_assert((cost.query_ms > 0) == (cost.n_documents > 0));
        eval_system_free(s);
    }
}
END_TEST

/* Every allocation fails once; the one behind the last gives the lists. */
static void fail_all(const char *spec) {
    char expected[1024];
    snprintf(expected, sizeof expected, "%s", small_rank(small_text(spec), 2, text, sizeof text));
    ck_assert_ptr_nonnull(strstr(expected, "q1: d"));
    int64_t n = 1;
    for (;; n++) {
        senc_alloc_fail_at(n);
        small_rank(small_text(spec), 2, text, sizeof text);
        senc_alloc_fail_at(0);
        if (strcmp(text, expected) == 0) break;
        ck_assert_msg(strstr(text, "memory") != NULL, "allocation %lld: %s", (long long)n, text);
    }
    ck_assert_int_gt(n, 20);
}

START_TEST(failing_allocations) {
    small_write("v.jsonl", VECTORS);
    write_runs();
    fail_all("hybrid:(vectors:%s/v.jsonl?quantize=binary&rescore=2)+bm25+run:%s/a.run");
    fail_all("vectors:%s/v.jsonl?pca=2&quantize=int8");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("systems");
    TCase *c = tcase_create("systems");
    tcase_add_checked_fixture(c, small_setup, small_teardown);
    tcase_add_test(c, errors);
    tcase_add_test(c, labels);
    tcase_add_test(c, names);
    tcase_add_test(c, variants_read);
    tcase_add_test(c, ranking_costs);
    tcase_add_test(c, run_lists);
    tcase_add_test(c, run_of_texts_under_several_ids);
    tcase_add_test(c, run_errors);
    tcase_add_test(c, reciprocal_ranks);
    tcase_add_test(c, sums);
    tcase_add_test(c, vectors_by_text);
    tcase_add_test(c, vectors_by_id_and_order);
    tcase_add_test(c, fewer_dimensions);
    tcase_add_test(c, principal_directions);
    tcase_add_test(c, int8);
    tcase_add_test(c, binary);
    tcase_add_test(c, facts);
    tcase_add_test(c, variant_of_an_embedder);
    tcase_add_test(c, failing_allocations);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
