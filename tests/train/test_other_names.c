/* Names of other tools: each is answered, and none hides a key or a loss of senc's own. */
#include "train/other_names.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/formats/toml.h"
#include "train/config.h"

static const struct {
    const char *section;
    const senc_option *rows;
} sections[] = {
    {"model", train_model_options},
    {"train", train_settings_options},
    {"output", train_output_options},
    {"data", data_source_options},
};
#define N_SECTIONS (sizeof sections / sizeof *sections)

static bool has_key(const senc_option *rows, const char *name) {
    for (; rows->name; rows++) {
        if (strcmp(rows->name, name) == 0) return true;
    }
    return false;
}

/* Keys of [loss]: `type` and those of every loss. */
static bool is_loss_key(const char *name) {
    int n;
    const loss_spec *const *all = loss_all(&n);
    bool found = strcmp(name, "type") == 0;
    for (int i = 0; i < n; i++) found = found || has_key(all[i]->options, name);
    return found;
}

START_TEST(every_answer_is_a_key) {
    int64_t n;
    const train_other_name *all = train_other_names(&n);
    for (int64_t i = 0; i < n; i++) {
        if (!all[i].here) {
            ck_assert_ptr_nonnull(all[i].note);
            continue;
        }
        const char *dot = strchr(all[i].here, '.');
        ck_assert_ptr_nonnull(dot);
        bool found = strncmp(all[i].here, "loss.", 5) == 0 && is_loss_key(dot + 1);
        for (size_t k = 0; k < N_SECTIONS; k++) {
            const size_t length = strlen(sections[k].section);
            if (strncmp(all[i].here, sections[k].section, length) == 0 && all[i].here[length] == '.')
                found = found || has_key(sections[k].rows, dot + 1);
        }
        ck_assert_msg(found, "%s: \"%s\" is no key", all[i].other, all[i].here);
    }
}
END_TEST

START_TEST(no_name_hides_a_key) {
    for (size_t k = 0; k < N_SECTIONS; k++) {
        for (const senc_option *row = sections[k].rows; row->name; row++)
            ck_assert_msg(!train_other_name_find(row->name), "%s.%s is refused", sections[k].section, row->name);
    }
    int n;
    const loss_spec *const *all = loss_all(&n);
    for (int i = 0; i < n; i++) {
        ck_assert_msg(!train_other_loss_find(all[i]->name), "loss %s is refused", all[i]->name);
        for (const senc_option *row = all[i]->options; row->name; row++)
            ck_assert_msg(!train_other_name_find(row->name), "loss.%s is refused", row->name);
    }
}
END_TEST

/* `type = "mnrl", symmetric = true` of an answer, read as a configuration. */
START_TEST(every_loss_answer_loads) {
    int64_t n;
    const train_other_loss *all = train_other_losses(&n);
    for (int64_t i = 0; i < n; i++) {
        if (!all[i].here) continue;
        char text[256];
        snprintf(text, sizeof text, "loss = { %s }\n", all[i].here);
        senc_value *tree = NULL;
        senc_error err = {0};
        ck_assert_msg(data_toml_parse(text, strlen(text), "answer", &tree, &err), "%s: %s", all[i].other, err.text);
        const senc_value *table = senc_value_find(tree, "loss");
        const loss_spec *loss = loss_find(senc_value_find(table, "type")->string);
        ck_assert_msg(loss, "%s: %s", all[i].other, all[i].here);
        static const char *const type_key[] = {"type", NULL};
        void *options = calloc(1, loss->options_bytes);
        ck_assert_ptr_nonnull(options);
        ck_assert_msg(senc_options_read(loss->options, options, table, "loss", NULL, type_key, &err), "%s: %s",
                      all[i].other, err.text);
        senc_options_free(loss->options, options);
        free(options);
        senc_value_free(tree);
    }
}
END_TEST

static void check_answer(const char *text, const char *want) {
    senc_value *tree = NULL;
    senc_error err = {0};
    ck_assert_msg(data_toml_parse(text, strlen(text), "a.toml", &tree, &err), "%s", err.text);
    const bool ok = train_other_names_check(tree, &err);
    if (want)
        ck_assert_str_eq(err.text, want);
    else
        ck_assert_msg(ok, "%s", err.text);
    ck_assert(ok == !want);
    senc_value_free(tree);
}

START_TEST(answers) {
    check_answer("[train]\nepochs = 2\nlr = 1e-5\n",
                 "a.toml:3:1: train.lr: unknown key; here it is train.learning_rate");
    check_answer("[loss]\ntype = \"mnrl\"\nscale = 20\n",
                 "a.toml:3:1: loss.scale: unknown key; here it is loss.temperature (1 / scale: a scale of 20 is 0.05)");
    check_answer("[[data]]\npath = \"a\"\n[[data]]\nTrain-File = \"b\"\n",
                 "a.toml:4:1: data.Train-File: unknown key; here it is data.path (in a [[data]] table)");
    check_answer("output_dir = \"x\"\n", "a.toml:1:1: output_dir: unknown key; here it is output.dir");
    check_answer("[train]\neval_batch_size = 4\n",
                 "a.toml:2:1: train.eval_batch_size: unknown key, and none is needed: "
                 "evaluations choose their batches themselves");
    check_answer("[train]\nlearning_rate = 1e-5\nlrr = 2\n", NULL); /* the option table's to refuse */
}
END_TEST

int main(void) {
    Suite *suite = suite_create("other_names");
    TCase *tests = tcase_create("other_names");
    tcase_add_test(tests, every_answer_is_a_key);
    tcase_add_test(tests, no_name_hides_a_key);
    tcase_add_test(tests, every_loss_answer_loads);
    tcase_add_test(tests, answers);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
