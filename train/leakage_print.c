/* Leakage for people and for machines: see leakage.h. */
#include <inttypes.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/terminal.h"
#include "data/near_texts.h"
#include "train/leakage.h"

const char *train_leak_match_name(train_leak_match m) {
    static const char *const names[TRAIN_N_LEAK_MATCHES] = {"none", "near", "folded", "exact"};
    return names[m];
}

/* "213 of 213 questions are in the training data: 200 exactly, 10 but for case, blanks or punctuation, 3 nearly" */
static void append_counts(const train_leak *l, senc_buffer *out) {
    static const struct {
        train_leak_match match;
        const char *words;
    } kinds[] = {{TRAIN_LEAK_EXACT, "exactly"},
                 {TRAIN_LEAK_FOLDED, "but for case, blanks or punctuation"},
                 {TRAIN_LEAK_NEAR, "nearly"}};
    const int64_t n = train_leak_count(l);
    const char *plural = l->n_units == 1 ? "" : "s";
    if (n == 0) {
        senc_buffer_printf(out, "%s: none of %" PRId64 " %s%s is in the training data", l->name, l->n_units, l->unit,
                           plural);
        return;
    }
    senc_buffer_printf(out, "%s: %" PRId64 " of %" PRId64 " %s%s %s in the training data", l->name, n, l->n_units,
                       l->unit, plural, n == 1 ? "is" : "are");
    const char *separator = ": ";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (l->n[kinds[i].match] == 0) continue;
        senc_buffer_printf(out, "%s%" PRId64 " %s", separator, l->n[kinds[i].match], kinds[i].words);
        separator = ", ";
    }
}

/* "train.jsonl:77 is nearly question 12: What is asthma?" */
static void append_example(const train_leak *l, const train_leak_example *x, senc_buffer *out) {
    const char *nearly = x->match == TRAIN_LEAK_NEAR ? " nearly" : "";
    senc_buffer_printf(out, "%s:%" PRId64, senc_path_name(x->path), x->line);
    if (x->id)
        senc_buffer_printf(out, " is%s %s %s", nearly, l->unit, x->id);
    else if (nearly[0])
        senc_buffer_printf(out, ",%s", nearly);
    senc_buffer_printf(out, ": %s", x->text);
}

/* What follows from all of it; nothing when nothing was found. */
static void append_consequence(const train_leakage *l, senc_buffer *out) {
    bool is_withheld = false, has_near = false;
    if (!train_leakage_is_any(l)) return;
    for (int64_t i = 0; i < l->n; i++) {
        is_withheld = is_withheld || eval_leak_withholds(&l->leaks[i]);
        has_near = has_near || l->items[i].n[TRAIN_LEAK_NEAR] > 0;
    }
    if (has_near)
        senc_buffer_printf(out, "nearly: at least %g of all runs of %d words are shared (Jaccard). ", l->threshold,
                           DATA_SHINGLE_WORDS);
    if (l->n_dropped > 0)
        senc_buffer_printf(out, "%" PRId64 " of %" PRId64 " rows were left out of training for it.", l->n_dropped,
                           l->n_rows);
    else if (is_withheld)
        senc_buffer_printf(out,
                           "Above %g %% there is no verdict; train.on_leakage = \"drop\" leaves the rows out of "
                           "training.",
                           100 * EVAL_LEAK_SHARE);
}

void train_leakage_print(const train_leakage *l, int64_t width, senc_buffer *out) {
    senc_buffer line = {0};
    for (int64_t i = 0; i < l->n; i++) {
        append_counts(&l->items[i], &line);
        senc_text_wrap(out, senc_buffer_text(&line), 0, 0, width);
        senc_buffer_clear(&line);
        for (int64_t k = 0; k < l->items[i].n_examples; k++) {
            append_example(&l->items[i], &l->items[i].examples[k], &line);
            senc_buffer_append_text(out, "  ");
            senc_text_append(out, senc_buffer_text(&line), (int64_t)line.n_bytes, width - 2);
            senc_buffer_append_text(out, "\n");
            senc_buffer_clear(&line);
        }
    }
    append_consequence(l, &line);
    if (line.n_bytes > 0) senc_text_wrap(out, senc_buffer_text(&line), 0, 0, width);
    out->failed = out->failed || line.failed;
    senc_buffer_free(&line);
}

void train_leakage_write(const train_leakage *l, const eval_writer *w) {
    senc_buffer line = {0}, examples[TRAIN_LEAK_EXAMPLES] = {{0}};
    for (int64_t i = 0; i < l->n; i++) {
        const train_leak *leak = &l->items[i];
        const char *lines[TRAIN_LEAK_EXAMPLES];
        append_counts(leak, &line);
        eval_write_paragraph(w, "%s.", senc_buffer_text(&line));
        senc_buffer_clear(&line);
        for (int64_t k = 0; k < leak->n_examples; k++) {
            append_example(leak, &leak->examples[k], &examples[k]);
            lines[k] = senc_buffer_text(&examples[k]);
        }
        eval_write_list(w, lines, leak->n_examples);
        for (int64_t k = 0; k < leak->n_examples; k++) senc_buffer_free(&examples[k]);
    }
    append_consequence(l, &line);
    if (line.n_bytes > 0) eval_write_paragraph(w, "%s", senc_buffer_text(&line));
    w->out->failed = w->out->failed || line.failed;
    senc_buffer_free(&line);
}

static void put_examples(const train_leak *l, data_json *object) {
    data_json *list = data_json_put_array(object, "examples");
    for (int64_t i = 0; i < l->n_examples; i++) {
        const train_leak_example *x = &l->examples[i];
        data_json *o = data_json_put_object(list, NULL);
        data_json_put_string(o, "unit", x->id);
        data_json_put_string(o, "text", x->text);
        data_json_put_string(o, "match", train_leak_match_name(x->match));
        data_json_put_string(o, "path", x->path);
        data_json_put_integer(o, "line", x->line);
    }
}

void train_leakage_put_json(const train_leakage *l, data_json *object) {
    data_json_put_number(object, "threshold", l->threshold);
    data_json_put_integer(object, "rows", l->n_rows);
    data_json_put_integer(object, "dropped_rows", l->n_dropped);
    data_json *list = data_json_put_array(object, "evaluations");
    for (int64_t i = 0; i < l->n; i++) {
        const train_leak *leak = &l->items[i];
        data_json *o = data_json_put_object(list, NULL);
        data_json_put_string(o, "name", leak->name);
        data_json_put_string(o, "unit", leak->unit);
        data_json_put_integer(o, "units", leak->n_units);
        for (train_leak_match m = TRAIN_LEAK_EXACT; m > TRAIN_LEAK_NONE; m--)
            data_json_put_integer(o, train_leak_match_name(m), leak->n[m]);
        data_json_put_bool(o, "withheld", eval_leak_withholds(&l->leaks[i]));
        put_examples(leak, o);
    }
}

/* ---- parts ---- */

static void append_split(const data_split *split, senc_buffer *out) {
    senc_buffer_printf(
        out,
        "%s: %lld rows in %lld groups that share an anchor or a positive, the largest %lld rows; held out "
        "%lld rows (%lld groups), left to train on %lld",
        senc_path_name(split->path), (long long)split->n_rows, (long long)split->n_groups, (long long)split->largest,
        (long long)split->n_held_out, (long long)split->n_groups_held_out,
        (long long)(split->n_rows - split->n_held_out));
    if (!split->large_text) return;
    senc_buffer_printf(
        out,
        "\n%s above 5 %% of the rows stay%s in training: %lld rows from line %lld on, of which %lld have or "
        "nearly have the text \"%s\"",
        split->n_large == 1 ? "a group" : "groups", split->n_large == 1 ? "s" : "", (long long)split->large_rows,
        (long long)split->large_line, (long long)split->large_sharing, split->large_text);
}

void train_splits_print(const data_set *set, int64_t width, senc_buffer *out) {
    senc_buffer text = {0};
    for (int64_t k = 0; k < data_set_n_sources(set); k++) {
        data_split split;
        if (!data_set_get_split(set, k, &split)) continue;
        if (text.n_bytes > 0) senc_buffer_append_text(&text, "\n");
        append_split(&split, &text);
    }
    if (text.n_bytes > 0) senc_text_wrap(out, senc_buffer_text(&text), 0, 0, width);
    out->failed = out->failed || text.failed;
    senc_buffer_free(&text);
}
