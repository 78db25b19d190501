/* Names where there is little room: see short_names.h. */
#include "eval/short_names.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/error.h"
#include "autograd/base/memory.h"
#include "autograd/base/terminal.h"

#define DOTS "..."

static bool is_inside_character(char c) {
    return ((unsigned char)c & 0xc0) == 0x80;
}

static int64_t width_of(const char *text, size_t n_bytes) {
    return senc_text_width(text, (int64_t)n_bytes);
}

/* Bytes of the longest beginning that takes at most so many columns. */
static size_t beginning(const char *text, int64_t columns) {
    size_t n = 0;
    for (size_t next = 0; text[next]; n = next) {
        do next++;
        while (is_inside_character(text[next]));
        if (width_of(text, next) > columns) break;
    }
    return n;
}

/* Where the longest such end begins. */
static size_t ending(const char *text, int64_t columns) {
    const size_t n = strlen(text);
    size_t first = n;
    for (size_t next = n; next > 0; first = next) {
        do next--;
        while (next > 0 && is_inside_character(text[next]));
        if (width_of(text + next, n - next) > columns) break;
    }
    return first;
}

static void cut(const char *label, int64_t head, int64_t tail, eval_short_name *out) {
    snprintf(out->text, sizeof out->text, "%.*s" DOTS "%s", (int)beginning(label, head), label,
             label + ending(label, tail));
}

/* Whether another label is shown by that text already. */
static bool is_taken(const eval_short_name *names, const char *const *labels, int64_t n, int64_t i) {
    for (int64_t k = 0; k < n; k++)
        if (k != i && strcmp(names[k].text, names[i].text) == 0 && strcmp(labels[k], labels[i]) != 0) return true;
    return false;
}

static void shorten(eval_short_name *names, const char *const *labels, int64_t n, int64_t i, int64_t width) {
    const int64_t room = width - (int64_t)strlen(DOTS), middle = room / 2;
    for (int64_t step = 0; step <= 2 * room; step++) { /* the middle, a little behind, a little before, ... */
        const int64_t tail = middle + (step % 2 ? (step + 1) / 2 : -(step / 2));
        if (tail < 0 || tail > room) continue;
        cut(labels[i], room - tail, tail, &names[i]);
        if (!is_taken(names, labels, n, i)) return;
    }
    for (int k = 2; k < 1000; k++) { /* they differ somewhere in the middle only */
        char number[8];
        const int n_number = snprintf(number, sizeof number, "~%d", k);
        snprintf(names[i].text, sizeof names[i].text, "%.*s%s", (int)beginning(labels[i], width - n_number), labels[i],
                 number);
        if (!is_taken(names, labels, n, i)) return;
    }
}

eval_short_name *eval_short_names(const char *const *labels, int64_t n, int64_t width) {
    SENC_ASSERT(width >= 8 && width <= 40, "%lld columns", (long long)width);
    eval_short_name *names = senc_alloc_zero((size_t)n, sizeof *names);
    for (int64_t i = 0; names && i < n; i++)
        if (width_of(labels[i], strlen(labels[i])) <= width && strlen(labels[i]) < sizeof names[i].text)
            snprintf(names[i].text, sizeof names[i].text, "%s", labels[i]);
    for (int64_t i = 0; names && i < n; i++)
        if (!names[i].text[0] && labels[i][0]) shorten(names, labels, n, i, width);
    return names;
}
