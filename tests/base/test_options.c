/* Option tables: defaults, checks, printing, names and sizes. With TOML files: tests/formats/test_option_files.c. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/memory.h"
#include "autograd/base/options.h"

typedef struct sample {
    int64_t size;
    double rate;
    bool flag;
    char *name;
    char *path;
    int kind;
    int64_t memory;
    senc_integers at_k;
    senc_strings words;
    senc_reals weights;
    const senc_value *columns;
} sample;

static const senc_option sample_options[] = {
    SENC_OPTION_INTEGER(sample, size, "16", 1, 1000, "how many"),
    SENC_OPTION_REAL(sample, rate, "2e-5", 0, 1, "how fast"),
    SENC_OPTION_BOOLEAN(sample, flag, "true", "whether"),
    SENC_OPTION_STRING(sample, name, "a \"name\"", "what"),
    SENC_OPTION_PATH(sample, path, NULL, "where"),
    SENC_OPTION_CHOICE(sample, kind, "cls", "mean|cls|max", "which"),
    SENC_OPTION_BYTES(sample, memory, "4GiB", "how much"),
    SENC_OPTION_INTEGERS(sample, at_k, "[1, 10]", 1, HUGE_VAL, "cut-offs"),
    SENC_OPTION_STRINGS(sample, words, "[\"x\", \"y z\"]", "words"),
    SENC_OPTION_REALS(sample, weights, "[0.5]", 0, 1, "weights"),
    SENC_OPTION_VALUE(sample, columns, "columns"),
    {0},
};

static const senc_place place = {"configs/a.toml", 3, 9};

static senc_value *table(void) {
    return senc_value_create(SENC_VALUE_TABLE, (senc_place){"configs/a.toml", 2, 1});
}

static senc_value *integer(int64_t i) {
    senc_value *v = senc_value_create(SENC_VALUE_INTEGER, place);
    v->integer = i;
    return v;
}

static senc_value *real(double x) {
    senc_value *v = senc_value_create(SENC_VALUE_FLOAT, place);
    v->number = x;
    return v;
}

static senc_value *boolean(bool b) {
    senc_value *v = senc_value_create(SENC_VALUE_BOOLEAN, place);
    v->boolean = b;
    return v;
}

static senc_value *string(const char *text) {
    return senc_value_create_string(text, strlen(text), place);
}

static senc_value *list(senc_value *first, senc_value *second) {
    senc_value *v = senc_value_create(SENC_VALUE_ARRAY, place);
    if (first) senc_value_append(v, first);
    if (second) senc_value_append(v, second);
    return v;
}

/* A table of one key. */
static senc_value *with(const char *key, senc_value *value) {
    senc_value *t = table();
    senc_value_put(t, key, (senc_place){"configs/a.toml", 3, 1}, value);
    return t;
}

START_TEST(defaults) {
    sample s = {0};
    senc_error err = {0};
    ck_assert_msg(senc_options_read(sample_options, &s, NULL, "x", NULL, NULL, &err), "%s", err.text);
    ck_assert_int_eq(s.size, 16);
    ck_assert_double_eq(s.rate, 2e-5);
    ck_assert(s.flag);
    ck_assert_str_eq(s.name, "a \"name\"");
    ck_assert_ptr_null(s.path);
    ck_assert_int_eq(s.kind, 1);
    ck_assert_int_eq(s.memory, INT64_C(4) << 30);
    ck_assert_int_eq(s.at_k.n, 2);
    ck_assert_int_eq(s.at_k.items[0], 1);
    ck_assert_int_eq(s.at_k.items[1], 10);
    ck_assert_int_eq(s.words.n, 2);
    ck_assert_str_eq(s.words.items[1], "y z");
    ck_assert_int_eq(s.weights.n, 1);
    ck_assert_double_eq(s.weights.items[0], 0.5);
    ck_assert_ptr_null(s.columns);
    senc_options_free(sample_options, &s);
    ck_assert_ptr_null(s.name);
    ck_assert_int_eq(s.words.n, 0);
    senc_options_free(sample_options, &s); /* twice is fine */
}
END_TEST

typedef struct unset {
    int64_t i, bytes;
    double x;
    bool b;
    char *s;
    int c;
    senc_integers l;
    int64_t model;
} unset;

static const senc_option unset_options[] = {
    SENC_OPTION_INTEGER(unset, i, NULL, 0, 9, "i"),
    SENC_OPTION_BYTES(unset, bytes, NULL, "bytes"),
    SENC_OPTION_REAL(unset, x, NULL, 0, 1, "x"),
    SENC_OPTION_BOOLEAN(unset, b, NULL, "b"),
    SENC_OPTION_STRING(unset, s, NULL, "s"),
    SENC_OPTION_CHOICE(unset, c, NULL, "p|q", "c"),
    SENC_OPTION_INTEGERS(unset, l, NULL, 0, 9, "l"),
    SENC_OPTION_INTEGER(unset, model, "-1", 0, 9, "the model's"),
    {0},
};

START_TEST(what_is_not_set) {
    unset u = {0};
    senc_error err = {0};
    ck_assert(senc_options_read(unset_options, &u, NULL, NULL, NULL, NULL, &err));
    ck_assert(u.i == SENC_OPTION_UNSET && u.bytes == SENC_OPTION_UNSET && isnan(u.x) && !u.b && !u.s && u.c == -1);
    ck_assert_int_eq(u.l.n, 0);
    ck_assert_int_eq(u.model, -1);
    senc_buffer out = {0};
    senc_options_print(unset_options, &u, false, &out);
    ck_assert_str_eq(senc_buffer_text(&out), "# i     = (not set: an integer in [0, 9])\n"
                                             "# bytes = (not set: a size such as \"4GiB\", \"500MB\" or 1048576)\n"
                                             "# x     = (not set: a number in [0, 1])\n"
                                             "b     = false\n"
                                             "# s     = (not set: a string)\n"
                                             "# c     = (not set: one of \"p\", \"q\")\n"
                                             "l     = []\n"
                                             "# model = (not set: an integer in [0, 9])\n");
    senc_buffer_free(&out);
    senc_options_free(unset_options, &u);
}
END_TEST

/* Reads a table with one key; NULL or the error's text (until the next call). Takes the value. */
static const char *read_error(const char *key, senc_value *value) {
    static senc_error err;
    sample s = {0};
    senc_value *t = with(key, value);
    err = (senc_error){0};
    const bool ok = senc_options_read(sample_options, &s, t, "train", NULL, NULL, &err);
    ck_assert(ok == (err.kind == SENC_OK));
    if (!ok) ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    senc_options_free(sample_options, &s);
    senc_value_free(t);
    return ok ? NULL : err.text;
}

#define AT "configs/a.toml:3:9: train."

START_TEST(wrong_values) {
    ck_assert_ptr_null(read_error("size", integer(1)));
    ck_assert_ptr_null(read_error("size", integer(1000)));
    ck_assert_str_eq(read_error("size", integer(0)), AT "size: expected an integer in [1, 1000], got 0");
    ck_assert_str_eq(read_error("size", integer(1001)), AT "size: expected an integer in [1, 1000], got 1001");
    ck_assert_str_eq(read_error("size", string("sixteen")),
                     AT "size: expected an integer in [1, 1000], got \"sixteen\"");
    ck_assert_str_eq(read_error("size", real(2)), AT "size: expected an integer in [1, 1000], got 2.0");
    ck_assert_str_eq(read_error("size", boolean(true)), AT "size: expected an integer in [1, 1000], got true");
    ck_assert_str_eq(read_error("size", list(NULL, NULL)),
                     AT "size: expected an integer in [1, 1000], got an empty array");
    ck_assert_str_eq(read_error("size", list(integer(1), NULL)),
                     AT "size: expected an integer in [1, 1000], got an array");
    ck_assert_str_eq(read_error("size", table()),
                     "configs/a.toml:2:1: train.size: expected an integer in [1, 1000], got a table");
    ck_assert_ptr_null(read_error("rate", integer(1)));
    ck_assert_str_eq(read_error("rate", integer(2)), AT "rate: expected a number in [0, 1], got 2");
    ck_assert_str_eq(read_error("rate", real((double)NAN)), AT "rate: expected a number in [0, 1], got nan");
    ck_assert_str_eq(read_error("rate", real(-1e-9)), AT "rate: expected a number in [0, 1], got -1e-9");
    ck_assert_str_eq(read_error("flag", string("yes")), AT "flag: expected true or false, got \"yes\"");
    ck_assert_str_eq(read_error("flag", integer(1)), AT "flag: expected true or false, got 1");
    ck_assert_str_eq(read_error("name", integer(1)), AT "name: expected a string, got 1");
    ck_assert_str_eq(read_error("name", senc_value_create_string("a\0b", 3, place)),
                     AT "name: the string holds the character U+0000");
    ck_assert_str_eq(read_error("path", string("")), AT "path: expected a path, got \"\"");
    ck_assert_str_eq(read_error("path", integer(1)), AT "path: expected a path (a string), got 1");
    ck_assert_str_eq(read_error("kind", string("man")),
                     AT "kind: expected one of \"mean\", \"cls\", \"max\", got \"man\"; did you mean \"mean\"?");
    ck_assert_str_eq(read_error("kind", string("nothing")),
                     AT "kind: expected one of \"mean\", \"cls\", \"max\", got \"nothing\"");
    ck_assert_str_eq(read_error("kind", string("cls|max")),
                     AT "kind: expected one of \"mean\", \"cls\", \"max\", got \"cls|max\"");
    ck_assert_str_eq(read_error("kind", string("")), AT "kind: expected one of \"mean\", \"cls\", \"max\", got \"\"");
    ck_assert_str_eq(read_error("kind", integer(0)), AT "kind: expected one of \"mean\", \"cls\", \"max\", got 0");
    ck_assert_str_eq(read_error("memory", string("4 apples")),
                     AT "memory: expected a size such as \"4GiB\", \"500MB\" or 1048576, got \"4 apples\"");
    ck_assert_str_eq(read_error("memory", integer(-1)),
                     AT "memory: expected a size such as \"4GiB\", \"500MB\" or 1048576, got -1");
}
END_TEST

START_TEST(wrong_items) {
    ck_assert_ptr_null(read_error("at_k", integer(5)));
    ck_assert_ptr_null(read_error("at_k", list(NULL, NULL)));
    ck_assert_str_eq(read_error("at_k", list(integer(5), integer(0))),
                     AT "at_k: item 2: expected an integer >= 1, got 0");
    ck_assert_str_eq(read_error("at_k", list(string("x"), integer(1))),
                     AT "at_k: item 1: expected an integer >= 1, got \"x\"");
    ck_assert_str_eq(read_error("at_k", string("x")), AT "at_k: expected an integer >= 1, got \"x\"");
    ck_assert_str_eq(read_error("words", list(string("x"), integer(1))), AT "words: item 2: expected a string, got 1");
    ck_assert_ptr_null(read_error("words", string("alone")));
    ck_assert_str_eq(read_error("weights", list(real(0.5), real(1.5))),
                     AT "weights: item 2: expected a number in [0, 1], got 1.5");
    ck_assert_str_eq(read_error("weights", list(list(NULL, NULL), NULL)),
                     AT "weights: item 1: expected a number in [0, 1], got an empty array");
}
END_TEST

/* A long or strange value is quoted on one line, cut between characters. */
START_TEST(quoted_values_stay_short) {
    char text[400], expected[400];
    memset(text, 'x', 56);
    memcpy(text + 56, "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 9);
    snprintf(expected, sizeof expected, AT "size: expected an integer in [1, 1000], got \"%.56s...\"", text);
    ck_assert_str_eq(read_error("size", string(text)), expected);
    ck_assert_str_eq(read_error("size", string("a\n\"\\\t")),
                     AT "size: expected an integer in [1, 1000], got \"a\\n\\\"\\\\\\t\"");
}
END_TEST

START_TEST(unknown_keys) {
    static const char *const ignored[] = {"type", NULL};
    sample s = {0};
    senc_error err = {0};
    senc_value *t = with("siez", integer(1));
    ck_assert(!senc_options_read(sample_options, &s, t, "loss", "loss \"triplet\"", ignored, &err));
    ck_assert_str_eq(err.text,
                     "configs/a.toml:3:1: loss.siez: unknown key for loss \"triplet\"; did you mean \"size\"?");
    senc_options_free(sample_options, &s);
    senc_value_free(t);
    err = (senc_error){0};
    t = with("xyz", integer(1));
    ck_assert(!senc_options_read(sample_options, &s, t, "", NULL, NULL, &err));
    ck_assert_str_eq(err.text, "configs/a.toml:3:1: xyz: unknown key");
    senc_options_free(sample_options, &s);
    senc_value_free(t);
    err = (senc_error){0};
    t = with("typo", integer(1));
    ck_assert(!senc_options_read(sample_options, &s, t, "loss", NULL, ignored, &err));
    ck_assert_str_eq(err.text, "configs/a.toml:3:1: loss.typo: unknown key; did you mean \"type\"?");
    senc_options_free(sample_options, &s);
    senc_value_free(t);
    err = (senc_error){0};
    t = with("type", integer(1));
    ck_assert(senc_options_read(sample_options, &s, t, "loss", NULL, ignored, &err));
    senc_options_free(sample_options, &s);
    senc_value_free(t);
}
END_TEST

START_TEST(not_a_table) {
    sample s = {0};
    senc_error err = {0};
    senc_value *v = integer(3);
    ck_assert(!senc_options_read(sample_options, &s, v, "train", NULL, NULL, &err));
    ck_assert_str_eq(err.text, "configs/a.toml:3:9: train: expected a table, got 3");
    senc_options_free(sample_options, &s);
    senc_value_free(v);
}
END_TEST

typedef struct needs {
    char *path;
} needs;

START_TEST(required_keys) {
    static const senc_option options[] = {SENC_OPTION_PATH(needs, path, "!", "where"), {0}};
    needs n = {0};
    senc_error err = {0};
    senc_value *t = table();
    ck_assert(!senc_options_read(options, &n, t, "data", NULL, NULL, &err));
    ck_assert_str_eq(err.text, "configs/a.toml:2:1: data.path: this required key is missing");
    senc_value_free(t);
    err = (senc_error){0};
    ck_assert(!senc_options_read(options, &n, NULL, "data", NULL, NULL, &err));
    ck_assert_str_eq(err.text, "data.path: this required key is missing");
    t = with("path", string("/x"));
    err = (senc_error){0};
    ck_assert(senc_options_read(options, &n, t, "data", NULL, NULL, &err));
    ck_assert_str_eq(n.path, "/x");
    senc_options_free(options, &n);
    senc_value_free(t);
}
END_TEST

typedef struct limit {
    double x;
} limit;

static bool reads_infinity(const senc_option *options) {
    limit l = {0};
    senc_error err = {0};
    senc_value *t = with("x", real((double)INFINITY));
    const bool ok = senc_options_read(options, &l, t, "", NULL, NULL, &err);
    senc_value_free(t);
    return ok && isinf(l.x);
}

START_TEST(infinity_only_where_it_is_the_default) {
    static const senc_option no_limit[] = {SENC_OPTION_REAL(limit, x, "inf", 0, HUGE_VAL, "limit"), {0}};
    static const senc_option some[] = {SENC_OPTION_REAL(limit, x, "1", 0, HUGE_VAL, "limit"), {0}};
    static const senc_option none[] = {SENC_OPTION_REAL(limit, x, NULL, 0, HUGE_VAL, "limit"), {0}};
    ck_assert(reads_infinity(no_limit));
    ck_assert(!reads_infinity(some));
    ck_assert(!reads_infinity(none));
}
END_TEST

/* The path that a value in a file leads to; the caller frees. */
static char *path_from(const char *file, int line, const char *text) {
    static const senc_option options[] = {SENC_OPTION_PATH(needs, path, NULL, "where"), {0}};
    needs n = {0};
    senc_error err = {0};
    senc_value *t = table();
    senc_value_put(t, "path", place, senc_value_create_string(text, strlen(text), (senc_place){file, line, 1}));
    ck_assert_msg(senc_options_read(options, &n, t, "", NULL, NULL, &err), "%s", err.text);
    senc_value_free(t);
    return n.path;
}

START_TEST(paths_start_at_their_file) {
    static const struct {
        const char *file;
        int line;
        const char *text, *expected;
    } cases[] = {
        {"configs/a.toml", 1, "data/x.jsonl", "configs/data/x.jsonl"},
        {"configs/a.toml", 1, "/x", "/x"},
        {"a.toml", 1, "data/x.jsonl", "data/x.jsonl"},
        {"/etc/a.toml", 1, "x", "/etc/x"},
        {"/a.toml", 1, "x", "/x"},
        {"../a.toml", 1, "x", "../x"},
        {"--set", 0, "data/x", "data/x"},
        {"configs/--set", 0, "data/x", "data/x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path = path_from(cases[i].file, cases[i].line, cases[i].text);
        ck_assert_str_eq(path, cases[i].expected);
        free(path);
    }
}
END_TEST

START_TEST(prints_values_and_help) {
    sample s = {0};
    senc_error err = {0};
    senc_value *t = with("path", string("x.jsonl"));
    senc_value *columns = table();
    senc_value_put(columns, "anchor", place, string("question"));
    senc_value_put(t, "columns", place, columns);
    ck_assert(senc_options_read(sample_options, &s, t, "", NULL, NULL, &err));
    senc_buffer out = {0};
    senc_options_print(sample_options, &s, true, &out);
    char expected[2000], folder[1000];
    ck_assert_ptr_nonnull(getcwd(folder, sizeof folder));
    const int n_bytes = (int)strlen(folder) + 28, gap = n_bytes + 3 > 36 ? 3 : 36 - n_bytes;
    snprintf(expected, sizeof expected,
             "size    = 16                        # how many\n"
             "rate    = 2e-5                      # how fast\n"
             "flag    = true                      # whether\n"
             "name    = \"a \\\"name\\\"\"              # what\n"
             "path    = \"%s/configs/x.jsonl\"%*s# where\n"
             "kind    = \"cls\"                     # which (mean, cls, max)\n"
             "memory  = \"4GiB\"                    # how much\n"
             "at_k    = [1, 10]                   # cut-offs\n"
             "words   = [\"x\", \"y z\"]              # words\n"
             "weights = [0.5]                     # weights\n"
             "columns = { anchor = \"question\" }   # columns\n",
             folder, gap, "");
    ck_assert_str_eq(senc_buffer_text(&out), expected);
    senc_buffer_free(&out);
    senc_options_free(sample_options, &s);
    senc_value_free(t);
}
END_TEST

START_TEST(nearest_names) {
    static const char *const names[] = {"batch_size", "learning_rate", "margin", "k", "warmup", "epochs"};
    ck_assert_str_eq(senc_nearest_name("batch_sise", names, 6), "batch_size");
    ck_assert_str_eq(senc_nearest_name("Batch-Size", names, 6), "batch_size");
    ck_assert_str_eq(senc_nearest_name("batchsiez", names, 6), "batch_size");
    ck_assert_str_eq(senc_nearest_name("margn", names, 6), "margin");
    ck_assert_str_eq(senc_nearest_name("magrin", names, 6), "margin");
    ck_assert_str_eq(senc_nearest_name("peohcs", names, 6), "epochs"); /* two swaps */
    ck_assert_str_eq(senc_nearest_name("learn_rate", names, 6), "learning_rate");
    ck_assert_str_eq(senc_nearest_name("epoch", names, 6), "epochs");
    ck_assert_ptr_null(senc_nearest_name("seed", names, 6));
    ck_assert_ptr_null(senc_nearest_name("x", names, 6)); /* one letter is not like another */
    ck_assert_ptr_null(senc_nearest_name("", names, 6));
    ck_assert_ptr_null(senc_nearest_name("margin", names, 0));
    char longest[200];
    memset(longest, 'm', sizeof longest);
    longest[199] = '\0';
    ck_assert_ptr_null(senc_nearest_name(longest, names, 6));
}
END_TEST

START_TEST(sizes) {
    static const struct {
        const char *text;
        int64_t bytes; /* -1: refused */
    } cases[] = {
        {"0", 0},
        {"1048576", 1048576},
        {"4GiB", INT64_C(4) << 30},
        {"500MB", 500000000},
        {"1.5GB", 1500000000},
        {"2 KiB", 2048},
        {"1kb", 1000},
        {"7B", 7},
        {"3TiB", INT64_C(3) << 40},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775808", -1},
        {"9000000TiB", -1},
        {"99999999.5TiB", -1},
        {"", -1},
        {"-1", -1},
        {"+1", -1},
        {"GiB", -1},
        {"4G", -1},
        {"4GiBs", -1},
        {"1.GB", -1},
        {".5GB", -1},
        {"1e9", -1},
        {" 1", -1},
        {"0x10", -1},
        {"4 GiB ", -1},
        {"4iB", -1},
        {"4X", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t bytes = -1;
        const bool ok = senc_bytes_parse(cases[i].text, &bytes);
        ck_assert_msg(ok == (cases[i].bytes >= 0), "%s", cases[i].text);
        if (ok) ck_assert_int_eq(bytes, cases[i].bytes);
    }
    char text[32];
    ck_assert_str_eq(senc_bytes_text(0, text, sizeof text), "0 B");
    ck_assert_str_eq(senc_bytes_text(1023, text, sizeof text), "1023 B");
    ck_assert_str_eq(senc_bytes_text(12 * 1024, text, sizeof text), "12 KiB");
    ck_assert_str_eq(senc_bytes_text(INT64_C(3) << 29, text, sizeof text), "1.5 GiB");
    ck_assert_str_eq(senc_bytes_text(INT64_C(1) << 30, text, sizeof text), "1 GiB");
    ck_assert_str_eq(senc_bytes_text(INT64_C(5000) << 40, text, sizeof text), "5000 TiB");
}
END_TEST

START_TEST(every_allocation_may_fail) {
    senc_value *t = with("path", string("x"));
    senc_value_put(t, "words", place, list(string("p"), string("q")));
    senc_value_put(t, "name", place, string("n"));
    int64_t n = 1;
    for (bool ok = false; !ok; n++) {
        sample s = {0};
        senc_error err = {0};
        senc_alloc_fail_at(n);
        ok = senc_options_read(sample_options, &s, t, "", NULL, NULL, &err);
        senc_alloc_fail_at(0);
        if (!ok) ck_assert_int_eq(err.kind, SENC_FAILED);
        senc_options_free(sample_options, &s);
        ck_assert_int_lt(n, 100);
    }
    ck_assert_int_gt(n, 20);
    senc_value_free(t);
}
END_TEST

START_TEST(printing_without_memory_is_noticed) {
    sample s = {0};
    senc_error err = {0};
    senc_value *t = with("path", string("x"));
    ck_assert(senc_options_read(sample_options, &s, t, "", NULL, NULL, &err));
    for (int n = 1; n <= 2; n++) { /* the text itself, the path */
        senc_buffer out = {0};
        senc_alloc_fail_at(n);
        senc_options_print(sample_options, &s, false, &out);
        senc_alloc_fail_at(0);
        ck_assert(out.failed);
        senc_buffer_free(&out);
    }
    senc_options_free(sample_options, &s);
    senc_value_free(t);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("options");
    TCase *cases = tcase_create("options");
    tcase_add_test(cases, defaults);
    tcase_add_test(cases, what_is_not_set);
    tcase_add_test(cases, wrong_values);
    tcase_add_test(cases, wrong_items);
    tcase_add_test(cases, quoted_values_stay_short);
    tcase_add_test(cases, unknown_keys);
    tcase_add_test(cases, not_a_table);
    tcase_add_test(cases, required_keys);
    tcase_add_test(cases, infinity_only_where_it_is_the_default);
    tcase_add_test(cases, paths_start_at_their_file);
    tcase_add_test(cases, prints_values_and_help);
    tcase_add_test(cases, nearest_names);
    tcase_add_test(cases, sizes);
    tcase_add_test(cases, every_allocation_may_fail);
    tcase_add_test(cases, printing_without_memory_is_noticed);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
