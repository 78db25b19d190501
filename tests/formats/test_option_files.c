/* Option tables on TOML text: messages with places, and that what is printed reads back to the same values. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/options.h"
#include "data/formats/toml.h"

typedef struct plan {
    int64_t batch_size, steps;
    double rate, dropout;
    bool shuffle;
    char *prompt, *title, *path;
    int pooling;
    int64_t memory;
    senc_integers at_k;
    senc_strings words;
    senc_reals weights;
    const senc_value *columns;
} plan;

static const senc_option plan_options[] = {
    SENC_OPTION_INTEGER(plan, batch_size, "16", 1, HUGE_VAL, "sequences in a step"),
    SENC_OPTION_INTEGER(plan, steps, NULL, 0, HUGE_VAL, "steps"),
    SENC_OPTION_REAL(plan, rate, "2e-5", 0, 1, "learning rate"),
    SENC_OPTION_REAL(plan, dropout, "-1", 0, 1, "default: the model's"),
    SENC_OPTION_BOOLEAN(plan, shuffle, "true", "new order in each epoch"),
    SENC_OPTION_STRING(plan, prompt, "", "text in front"),
    SENC_OPTION_STRING(plan, title, NULL, "title"),
    SENC_OPTION_PATH(plan, path, NULL, "data"),
    SENC_OPTION_CHOICE(plan, pooling, "mean", "mean|cls|max", "pooling"),
    SENC_OPTION_BYTES(plan, memory, "0", "limit"),
    SENC_OPTION_INTEGERS(plan, at_k, "[1, 10]", 1, HUGE_VAL, "cut-offs"),
    SENC_OPTION_STRINGS(plan, words, "[]", "words"),
    SENC_OPTION_REALS(plan, weights, "[0.5]", -1, 1, "weights"),
    SENC_OPTION_VALUE(plan, columns, "columns"),
    {0},
};

static bool same_text(const char *a, const char *b) {
    return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static void check_same(const plan *a, const plan *b) {
    ck_assert_int_eq(a->batch_size, b->batch_size);
    ck_assert_int_eq(a->steps, b->steps);
    ck_assert(a->rate == b->rate && a->dropout == b->dropout && a->shuffle == b->shuffle);
    ck_assert_msg(same_text(a->prompt, b->prompt), "<%s> <%s>", a->prompt, b->prompt);
    ck_assert(same_text(a->title, b->title) && same_text(a->path, b->path));
    ck_assert_int_eq(a->pooling, b->pooling);
    ck_assert_int_eq(a->memory, b->memory);
    ck_assert_int_eq(a->at_k.n, b->at_k.n);
    for (int64_t i = 0; i < a->at_k.n; i++) ck_assert_int_eq(a->at_k.items[i], b->at_k.items[i]);
    ck_assert_int_eq(a->words.n, b->words.n);
    for (int64_t i = 0; i < a->words.n; i++) ck_assert_str_eq(a->words.items[i], b->words.items[i]);
    ck_assert_int_eq(a->weights.n, b->weights.n);
    for (int64_t i = 0; i < a->weights.n; i++) ck_assert(a->weights.items[i] == b->weights.items[i]);
    ck_assert(!a->columns == !b->columns);
}

/* Parses, expands and reads; the tree is returned because `columns` points into it. */
static senc_value *read_plan(const char *text, const char *file, plan *out) {
    senc_error err = {0};
    senc_value *tree;
    ck_assert_msg(data_toml_parse(text, strlen(text), file, &tree, &err), "%s\n%s", err.text, text);
    ck_assert_msg(data_toml_expand_environment(tree, &err), "%s\n%s", err.text, text);
    ck_assert_msg(senc_options_read(plan_options, out, tree, "", NULL, NULL, &err), "%s\n%s", err.text, text);
    return tree;
}

static const char *const plans[] = {
    "",
    "batch_size = 9223372036854775807\nsteps = 0\nrate = 1\ndropout = 0\nshuffle = false\n",
    "prompt = \"a \\\"b\\\" \\\\ \\n\\t\\r\\u0001\\u007F \xc3\xa9 '''\"\ntitle = \"\"\npath = \"/x/${SENC_T}.jsonl\"\n",
    "prompt = '$${A} $$${B} $ $$'\ntitle = '${SENC_T}'\n",
    "pooling = 'max'\nmemory = \"1.5MB\"\nat_k = 7\nwords = ['x', '', \"\\\"\"]\nweights = [-1, 1e-300, 0.1, "
    "0.3333333333333333]\n",
    "memory = 1099511627776\nat_k = []\nweights = []\nrate = 5e-324\n",
    "columns = { a = 'q', \"b c\" = ['${SENC_T}', 1.5, 2024-01-01], d = { e = true } }\n",
};

START_TEST(what_is_printed_reads_back) {
    setenv("SENC_T", "v${x}", 1);
    for (int with_help = 0; with_help < 2; with_help++) {
        plan first = {0}, second = {0};
        senc_buffer printed = {0}, again = {0};
        senc_value *tree = read_plan(plans[_i], "c.toml", &first);
        senc_options_print(plan_options, &first, with_help, &printed);
        senc_value *second_tree = read_plan(senc_buffer_text(&printed), "elsewhere/d.toml", &second);
        check_same(&first, &second);
        senc_options_print(plan_options, &second, with_help, &again);
        ck_assert_str_eq(senc_buffer_text(&again), senc_buffer_text(&printed));
        senc_options_free(plan_options, &first);
        senc_options_free(plan_options, &second);
        senc_buffer_free(&printed);
        senc_buffer_free(&again);
        senc_value_free(tree);
        senc_value_free(second_tree);
    }
}
END_TEST

/* A relative path is printed as the same file, whatever folder the text lands in. */
START_TEST(relative_paths_read_back_as_the_same_file) {
    plan first = {0}, second = {0};
    senc_buffer printed = {0};
    char expected[2000], folder[1000];
    ck_assert_ptr_nonnull(getcwd(folder, sizeof folder));
    senc_value *tree = read_plan("path = 'data/x.jsonl'", "configs/c.toml", &first);
    ck_assert_str_eq(first.path, "configs/data/x.jsonl");
    senc_options_print(plan_options, &first, false, &printed);
    senc_value *second_tree = read_plan(senc_buffer_text(&printed), "runs/d.toml", &second);
    snprintf(expected, sizeof expected, "%s/configs/data/x.jsonl", folder);
    ck_assert_str_eq(second.path, expected);
    senc_options_free(plan_options, &first);
    senc_options_free(plan_options, &second);
    senc_buffer_free(&printed);
    senc_value_free(tree);
    senc_value_free(second_tree);
}
END_TEST

static const struct {
    const char *text, *message;
} faults[] = {
    {"[train]\n\n  batch_size = \"sixteen\"",
     "c.toml:3:16: train.batch_size: expected an integer >= 1, got \"sixteen\""},
    {"[train]\nbatchsize = 16", "c.toml:2:1: train.batchsize: unknown key for [train]; did you mean \"batch_size\"?"},
    {"[train]\nat_k = [\n 1,\n 'x']", "c.toml:4:2: train.at_k: item 2: expected an integer >= 1, got \"x\""},
    {"[train]\nrate = nan", "c.toml:2:8: train.rate: expected a number in [0, 1], got nan"},
    {"[train]\nrate = 2024-01-01", "c.toml:2:8: train.rate: expected a number in [0, 1], got the date 2024-01-01"},
    {"train = 5", "c.toml:1:9: train: expected a table, got 5"},
    {"[[train]]", "c.toml:1:3: train: expected a table, got an array"},
    {"[train.rate]\nx = 1", "c.toml:1:1: train.rate: expected a number in [0, 1], got a table"},
    {"train.pooling = 'Max'",
     "c.toml:1:17: train.pooling: expected one of \"mean\", \"cls\", \"max\", got \"Max\"; did you mean \"max\"?"},
};

START_TEST(messages) {
    plan p = {0};
    senc_error err = {0};
    senc_value *tree;
    ck_assert(data_toml_parse(faults[_i].text, strlen(faults[_i].text), "c.toml", &tree, &err));
    ck_assert(!senc_options_read(plan_options, &p, senc_value_find(tree, "train"), "train", "[train]", NULL, &err));
    ck_assert_str_eq(err.text, faults[_i].message);
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    senc_options_free(plan_options, &p);
    senc_value_free(tree);
}
END_TEST

/* --set over a file: the value wins, and messages about it say --set. */
START_TEST(assignments_over_a_file) {
    static const char *const sets[] = {"train.batch_size=32", "train.path=data/y", "train.pooling=cls"};
    plan p = {0};
    senc_error err = {0};
    senc_value *tree, *set;
    ck_assert(data_toml_parse("[train]\nbatch_size = 8\npath = 'x'\n", 33, "configs/c.toml", &tree, &err));
    for (int i = 0; i < 3; i++) {
        ck_assert(data_toml_parse_assignment(sets[i], &set, &err));
        ck_assert(senc_value_merge(tree, set, &err));
    }
    ck_assert(senc_options_read(plan_options, &p, senc_value_find(tree, "train"), "train", NULL, NULL, &err));
    ck_assert_int_eq(p.batch_size, 32);
    ck_assert_str_eq(p.path, "data/y"); /* from the current folder, not from configs/ */
    ck_assert_int_eq(p.pooling, 1);
    senc_options_free(plan_options, &p);
    ck_assert(data_toml_parse_assignment("train.batch_size=many", &set, &err));
    ck_assert(senc_value_merge(tree, set, &err));
    ck_assert(!senc_options_read(plan_options, &p, senc_value_find(tree, "train"), "train", NULL, NULL, &err));
    ck_assert_str_eq(err.text, "--set: train.batch_size: expected an integer >= 1, got \"many\"");
    senc_options_free(plan_options, &p);
    senc_value_free(tree);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void) {
    Suite *suite = suite_create("option files");
    TCase *cases = tcase_create("option files");
    tcase_add_loop_test(cases, what_is_printed_reads_back, 0, COUNT(plans));
    tcase_add_test(cases, relative_paths_read_back_as_the_same_file);
    tcase_add_loop_test(cases, messages, 0, COUNT(faults));
    tcase_add_test(cases, assignments_over_a_file);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
