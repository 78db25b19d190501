/* Parts by group: what shares a text stays together, and every source on a file gets the same parts. */
#include "data/row_groups.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "autograd/base/rng.h"

static char folder[64];

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/senc-test-groups-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void) {
    senc_error err = {0};
    ck_assert(senc_path_remove(folder, &err));
    data_row_groups_forget();
}

static char *file_of(const char *name, const senc_buffer *text) {
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    senc_error err = {0};
    ck_assert_msg(senc_file_write(path, text->data, text->n_bytes, &err), "%s", err.text);
    return path;
}

static const data_role roles[] = {{.name = "anchor", .kind = DATA_ROLE_TEXT},
                                  {.name = "positive", .kind = DATA_ROLE_TEXT},
                                  {.name = "negative", .kind = DATA_ROLE_TEXT, .optional = true, .numbered = true}};

static data_set *open_part(char *path, int part, int by, int64_t limit, int64_t n_roles) {
    const data_source source = {.path = path, .held_out = 0.3, .held_out_by = by, .part = part, .limit = limit};
    data_set *set;
    senc_error err = {0};
    ck_assert_msg(data_set_open(&source, 1, roles, n_roles, "test", &set, &err), "%s", err.text);
    return set;
}

/* The line of every row, ascending; -1 behind the last. */
static void lines_of(const data_set *set, int64_t *lines) {
    senc_error err = {0};
    const char *path;
    for (int64_t i = 0; i < data_set_n_rows(set); i++)
        ck_assert_msg(data_set_where(set, i, &path, &lines[i], &err), "%s", err.text);
    lines[data_set_n_rows(set)] = -1;
}

static bool has_line(const int64_t *lines, int64_t line) {
    for (; *lines >= 0; lines++)
        if (*lines == line) return true;
    return false;
}

#define N_ROWS 600

/* Rows of which every third asks what the one before asks, in other letters, every seventh answers as the one before,
 * and every eleventh asks nearly the same as the one before. */
static char *make_file(const char *name) {
    senc_buffer text = {0};
    senc_rng rng;
    senc_rng_init(&rng, 3);
    for (int i = 1; i <= N_ROWS; i++) {
        const int question = i % 3 == 0 ? i - 1 : i, answer = i % 7 == 0 ? i - 1 : i,
                  near = i % 11 == 0 ? i - 1 : question;
        senc_buffer_printf(&text,
                           "{\"anchor\": \"%s q%d a%d b%d c%d d%d e%d f%d g%d%s\", \"positive\": \"answer %d\", "
                           "\"negative\": \"no %d\"}\n",
                           i % 3 == 0 ? "WHY" : "why", near, near, near, near, near, near, near, near,
                           i % 11 == 0  ? " then"
                           : i % 3 == 0 ? "?"
                                        : "",
                           answer, i);
    }
    char *path = file_of(name, &text);
    senc_buffer_free(&text);
    return path;
}

/* 1 when both lines are held out, or neither. */
static int together(const int64_t *held_out, int64_t a, int64_t b) {
    return has_line(held_out, a) == has_line(held_out, b);
}

START_TEST(what_shares_a_text_stays_together) {
    char *path = make_file("a.jsonl");
    static int64_t held_out[N_ROWS + 1], train[N_ROWS + 1];
    data_set *a = open_part(path, DATA_PART_HELD_OUT, DATA_HELD_OUT_BY_GROUP, 0, 2);
    data_set *b = open_part(path, DATA_PART_TRAIN, DATA_HELD_OUT_BY_GROUP, 0, 3); /* other roles, the same parts */
    lines_of(a, held_out);
    lines_of(b, train);
    ck_assert_int_eq(data_set_n_rows(a) + data_set_n_rows(b), N_ROWS);
    ck_assert_int_gt(data_set_n_rows(a), N_ROWS / 10);
    for (int64_t i = 1; i <= N_ROWS; i++) {
        ck_assert_int_ne(has_line(held_out, i), has_line(train, i));
        const bool is_folded = i % 3 == 0 && i % 11 != 0 && (i - 1) % 11 != 0,
                   is_near = i % 11 == 0 && (i - 1) % 3 != 0;
        if (is_folded || is_near || i % 7 == 0)
            ck_assert_msg(together(held_out, i, i - 1), "lines %d and %d", (int)i - 1, (int)i);
    }
    data_split split;
    ck_assert(data_set_get_split(b, 0, &split));
    ck_assert_int_eq(split.n_rows, N_ROWS);
    ck_assert_int_eq(split.n_held_out, data_set_n_rows(a));
    ck_assert(split.n_groups > N_ROWS / 3 && split.n_groups < N_ROWS && split.largest >= 2);
    ck_assert(split.n_groups_held_out > 0 && split.n_groups_held_out < split.n_held_out);
    ck_assert_ptr_null(split.large_text);
    data_set_close(a);
    data_set_close(b);
    data_row_groups_forget();
    data_set *c = open_part(path, DATA_PART_TRAIN, DATA_HELD_OUT_BY_GROUP, 50, 3); /* a limit changes no part */
    static int64_t first[N_ROWS + 1];
    lines_of(c, first);
    ck_assert_int_eq(data_set_n_rows(c), 50);
    ck_assert_mem_eq(first, train, 50 * sizeof *first);
    data_set_close(c);
}
END_TEST

/* By row, equal anchors go together, and nothing else; where nothing is shared, both rules give the same parts. */
START_TEST(parts_by_row) {
    static int64_t by_group[N_ROWS + 1], by_row[N_ROWS + 1];
    char *path = make_file("a.jsonl");
    data_set *set = open_part(path, DATA_PART_HELD_OUT, DATA_HELD_OUT_BY_ROW, 0, 2);
    data_split split;
    ck_assert(!data_set_get_split(set, 0, &split));
    lines_of(set, by_row);
    int n_parted = 0;
    for (int64_t i = 3; i <= N_ROWS; i += 3) n_parted += !together(by_row, i, i - 1);
    ck_assert_int_gt(n_parted, 20);
    data_set_close(set);
    senc_buffer text = {0};
    for (int i = 0; i < N_ROWS; i++)
        senc_buffer_printf(&text, "{\"anchor\": \"question %d\", \"positive\": \"answer %d\"}\n", i, i);
    path = file_of("b.jsonl", &text);
    senc_buffer_free(&text);
    set = open_part(path, DATA_PART_HELD_OUT, DATA_HELD_OUT_BY_ROW, 0, 2);
    data_set *other = open_part(path, DATA_PART_HELD_OUT, DATA_HELD_OUT_BY_GROUP, 0, 2);
    lines_of(set, by_row);
    lines_of(other, by_group);
    ck_assert_int_eq(data_set_n_rows(set), data_set_n_rows(other));
    ck_assert_mem_eq(by_row, by_group, (size_t)data_set_n_rows(set) * sizeof *by_row);
    data_set_close(set);
    data_set_close(other);
}
END_TEST

/* One answer of a tenth of the rows does not decide the split: they are trained on, and named. */
START_TEST(a_large_group_is_trained_on) {
    senc_buffer text = {0};
    for (int i = 0; i < N_ROWS; i++)
        senc_buffer_printf(&text, "{\"anchor\": \"question %d\", \"positive\": \"%s %d\"}\n", i,
                           i % 10 == 4 ? "Ask your doctor; number" : "answer", i % 10 == 4 ? 7 : i);
    char *path = file_of("a.jsonl", &text);
    senc_buffer_free(&text);
    data_set *set = open_part(path, DATA_PART_HELD_OUT, DATA_HELD_OUT_BY_GROUP, 0, 2);
    static int64_t lines[N_ROWS + 1];
    lines_of(set, lines);
    for (int64_t i = 5; i <= N_ROWS; i += 10) ck_assert(!has_line(lines, i));
    data_split split;
    ck_assert(data_set_get_split(set, 0, &split));
    ck_assert_int_eq(split.n_large, 1);
    ck_assert_int_eq(split.large_rows, N_ROWS / 10);
    ck_assert_int_eq(split.large_sharing, N_ROWS / 10);
    ck_assert_int_eq(split.large_line, 5);
    ck_assert_str_eq(split.large_text, "Ask your doctor; number 7");
    ck_assert_int_eq(split.largest, N_ROWS / 10);
    data_set_close(set);
}
END_TEST

/* A file that was written anew is grouped anew. */
START_TEST(a_changed_file_is_read_again) {
    char *path = make_file("a.jsonl");
    data_set *set = open_part(path, DATA_PART_TRAIN, DATA_HELD_OUT_BY_GROUP, 0, 2);
    data_set_close(set);
    senc_buffer text = {0};
    for (int i = 0; i < 100; i++)
        senc_buffer_printf(&text, "{\"anchor\": \"question %d\", \"positive\": \"answer %d\"}\n", i, i);
    path = file_of("a.jsonl", &text);
    senc_buffer_free(&text);
    set = open_part(path, DATA_PART_TRAIN, DATA_HELD_OUT_BY_GROUP, 0, 2);
    data_split split;
    ck_assert(data_set_get_split(set, 0, &split));
    ck_assert_int_eq(split.n_rows, 100);
    ck_assert_int_eq(split.n_groups, 100);
    data_set_close(set);
}
END_TEST

START_TEST(nothing_left_to_hold_out) {
    senc_buffer text = {0};
    for (int i = 0; i < 40; i++)
        senc_buffer_printf(&text, "{\"anchor\": \"question %d\", \"positive\": \"the same\"}\n", i);
    const data_source source = {.path = file_of("a.jsonl", &text), .held_out = 0.3, .part = DATA_PART_HELD_OUT};
    senc_buffer_free(&text);
    data_set *set;
    senc_error err = {0};
    ck_assert(!data_set_open(&source, 1, roles, 2, "test", &set, &err));
    ck_assert_msg(strstr(err.text, "no rows in this part") && strstr(err.text, "held_out_by = \"row\""), "%s",
                  err.text);
}
END_TEST

/* Rows left out move the others up; places stay right across line marks. */
START_TEST(rows_are_dropped) {
    enum { N = 3 * DATA_ROWS_PER_LINE_MARK };
    senc_buffer text = {0};
    for (int i = 0; i < N; i++) senc_buffer_printf(&text, "{\"anchor\": \"q%d\", \"positive\": \"a%d\"}\n", i, i);
    const data_source sources[2] = {{.path = file_of("a.jsonl", &text)},
                                    {.path = file_of("b.jsonl", &text), .limit = 5}};
    senc_buffer_free(&text);
    data_set *set;
    senc_error err = {0};
    ck_assert_msg(data_set_open(sources, 2, roles, 2, "test", &set, &err), "%s", err.text);
    bool *drop = senc_alloc_zero(N + 5, sizeof *drop);
    for (int i = 0; i < N; i++) drop[i] = i % 3 == 1 || i < 50;
    drop[N + 4] = true;
    ck_assert_msg(data_set_drop_rows(set, drop, &err), "%s", err.text);
    int64_t at = 0;
    data_row row = {0};
    for (int64_t i = 0; i < N + 5; i++) {
        if (drop[i]) continue;
        char expected[24];
        const char *path;
        int64_t line;
        snprintf(expected, sizeof expected, "q%lld", (long long)(i < N ? i : i - N));
        ck_assert(data_set_row(set, at, &row, &err));
        ck_assert(row.values[0].n_bytes == strlen(expected) &&
                  memcmp(row.values[0].text, expected, strlen(expected)) == 0);
        if (i % 97 == 0 || i >= N) {
            ck_assert_msg(data_set_where(set, at, &path, &line, &err), "%s", err.text);
            ck_assert_int_eq(line, (i < N ? i : i - N) + 1);
        }
        at++;
    }
    ck_assert_int_eq(data_set_n_rows(set), at);
    data_row_free(&row);
    free(drop);
    data_set_close(set);
}
END_TEST

/* Every row of a list of positives keeps its own one. */
START_TEST(rows_of_lists_are_dropped) {
    senc_buffer text = {0};
    senc_buffer_append_text(&text, "{\"anchor\": \"p\", \"positive\": [\"0\", \"1\", \"2\"]}\n"
                                   "{\"anchor\": \"q\", \"positive\": [\"3\", \"4\"]}\n");
    static const data_role list_roles[] = {{.name = "anchor", .kind = DATA_ROLE_TEXT},
                                           {.name = "positive", .kind = DATA_ROLE_TEXT, .expands = true}};
    const data_source source = {.path = file_of("a.jsonl", &text)};
    senc_buffer_free(&text);
    data_set *set;
    senc_error err = {0};
    ck_assert_msg(data_set_open(&source, 1, list_roles, 2, "test", &set, &err), "%s", err.text);
    ck_assert_int_eq(data_set_n_rows(set), 5);
    const bool drop[5] = {true, false, true, true, false};
    ck_assert_msg(data_set_drop_rows(set, drop, &err), "%s", err.text);
    ck_assert_int_eq(data_set_n_rows(set), 2);
    data_row row = {0};
    ck_assert(data_set_row(set, 0, &row, &err) && row.values[1].text[0] == '1');
    ck_assert(data_set_row(set, 1, &row, &err) && row.values[1].text[0] == '4');
    data_row_free(&row);
    data_set_close(set);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("row_groups");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, what_shares_a_text_stays_together);
    tcase_add_test(tests, parts_by_row);
    tcase_add_test(tests, a_large_group_is_trained_on);
    tcase_add_test(tests, a_changed_file_is_read_again);
    tcase_add_test(tests, nothing_left_to_hold_out);
    tcase_add_test(tests, rows_are_dropped);
    tcase_add_test(tests, rows_of_lists_are_dropped);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? 1 : 0;
}
