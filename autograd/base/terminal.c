/* Text laid out for people: see terminal.h. The width tables are coarse on purpose: whole blocks of combining and of
 * wide characters (Unicode Standard Annex 11 names the wide ones), not one entry for each character. */
#include "autograd/base/terminal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/error.h"
#include "autograd/base/memory.h"

typedef struct code_range {
    uint32_t first, last;
} code_range;

static const code_range zero_width[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x064B, 0x065F},   {0x0E34, 0x0E3A},
    {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F},   {0x20D0, 0x20FF},
    {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF},
};
static const code_range double_width[] = {
    {0x1100, 0x115F}, {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},
    {0xA000, 0xA4CF}, {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
    {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
};

static bool is_in(const code_range *ranges, size_t n, uint32_t code) {
    for (size_t i = 0; i < n; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last) return true;
    }
    return false;
}

/* Reads one code point; an ill-formed byte is a character of its own. Returns the bytes read (at least 1). */
static int64_t next_code(const unsigned char *s, int64_t n_bytes, uint32_t *code) {
    const int more = s[0] >= 0xF0 && s[0] < 0xF8   ? 3
                     : s[0] >= 0xE0 && s[0] < 0xF0 ? 2
                     : s[0] >= 0xC2 && s[0] < 0xE0 ? 1
                                                   : 0;
    *code = s[0] < 0x80 ? s[0] : 0xFFFD;
    if (more == 0 || more >= n_bytes) return 1;
    uint32_t value = s[0] & (0x3Fu >> more);
    for (int i = 1; i <= more; i++) {
        if ((s[i] & 0xC0) != 0x80) return 1;
        value = value << 6 | (s[i] & 0x3Fu);
    }
    *code = value;
    return more + 1;
}

static int64_t code_width(uint32_t code) {
    if (code < 0x300) return 1;
    if (is_in(zero_width, sizeof zero_width / sizeof *zero_width, code)) return 0;
    return is_in(double_width, sizeof double_width / sizeof *double_width, code) ? 2 : 1;
}

int64_t senc_text_width(const char *text, int64_t n_bytes) {
    int64_t width = 0;
    for (int64_t i = 0; i < n_bytes;) {
        uint32_t code;
        i += next_code((const unsigned char *)text + i, n_bytes - i, &code);
        width += code_width(code);
    }
    return width;
}

void senc_text_append(senc_buffer *out, const char *text, int64_t n_bytes, int64_t width) {
    static const char dots[] = "...";
    const bool cut = width > 0 && senc_text_width(text, n_bytes) > width;
    const int64_t room = cut ? width - (int64_t)strlen(dots) : 0;
    int64_t used = 0;
    for (int64_t i = 0; i < n_bytes;) {
        uint32_t code;
        const int64_t n = next_code((const unsigned char *)text + i, n_bytes - i, &code);
        used += code_width(code);
        if (cut && used > room) break;
        /* C0 and C1 controls, DEL: an escape sequence in a corpus must stay harmless */
        if (code < 0x20 || (code >= 0x7F && code < 0xA0))
            senc_buffer_append(out, " ", 1);
        else
            senc_buffer_append(out, text + i, (size_t)n);
        i += n;
    }
    if (cut) senc_buffer_append(out, dots, (size_t)(width < 3 ? width : 3));
}

static void append_spaces(senc_buffer *out, int64_t n) {
    for (int64_t i = 0; i < n; i++) senc_buffer_append(out, " ", 1);
}

void senc_text_wrap(senc_buffer *out, const char *text, int64_t column, int64_t indent, int64_t width) {
    bool at_start = true; /* of a line: no space between words yet */
    bool is_first = true; /* word of a paragraph: its own spaces are kept, examples are indented with them */
    bool is_broken = false;
    while (*text) {
        if (*text == '\n') {
            senc_buffer_append(out, "\n", 1);
            column = 0;
            at_start = is_first = is_broken = true;
            text++;
            continue;
        }
        int64_t n_spaces = (int64_t)strspn(text, " ");
        const char *word = text + n_spaces;
        const int64_t n_bytes = (int64_t)strcspn(word, " \n"), n_columns = senc_text_width(word, n_bytes);
        text = word + n_bytes;
        if (n_bytes == 0) continue; /* trailing spaces */
        if (!at_start && width > 0 && column + n_spaces + n_columns > width) {
            senc_buffer_append(out, "\n", 1);
            column = 0;
            at_start = is_broken = true;
        }
        if (at_start && is_broken) {
            append_spaces(out, indent - column);
            column = indent;
        }
        if (at_start && !is_first) n_spaces = 0;
        append_spaces(out, n_spaces);
        senc_buffer_append(out, word, (size_t)n_bytes);
        column += n_spaces + n_columns;
        at_start = is_first = false;
    }
    senc_buffer_append(out, "\n", 1);
}

const char *senc_count_text(int64_t n, char *out, size_t out_bytes) {
    char digits[32];
    const int n_digits = snprintf(digits, sizeof digits, "%lld", (long long)n);
    size_t at = 0;
    for (int i = 0; i < n_digits && at + 2 < out_bytes; i++) {
        if (i > 0 && (n_digits - i) % 3 == 0 && digits[i - 1] != '-') out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

void senc_grid_init(senc_grid *g, const char *alignment) {
    *g = (senc_grid){.alignment = alignment, .n_columns = (int64_t)strlen(alignment)};
    SENC_ASSERT(g->n_columns > 0, "a table needs columns");
}

static void add_cell(senc_grid *g, char *cell) {
    if (!cell) g->failed = true;
    if (!g->failed && g->n_cells == g->capacity) {
        const int64_t capacity = g->capacity ? 2 * g->capacity : 64;
        char **grown = senc_realloc(g->cells, (size_t)capacity, sizeof *grown);
        if (grown) {
            g->cells = grown;
            g->capacity = capacity;
        } else {
            g->failed = true;
        }
    }
    if (g->failed)
        free(cell);
    else
        g->cells[g->n_cells++] = cell;
}

void senc_grid_add(senc_grid *g, const char *fmt, ...) {
    senc_buffer cell = {0};
    char small[512];
    va_list args;
    va_start(args, fmt);
    const int n = vsnprintf(small, sizeof small, fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof small) {
        senc_buffer_append(&cell, small, (size_t)n);
    } else if (n >= 0) {
        char *large = senc_alloc((size_t)n + 1, 1);
        va_start(args, fmt);
        if (large) vsnprintf(large, (size_t)n + 1, fmt, args);
        va_end(args);
        add_cell(g, large);
        return;
    }
    add_cell(g, senc_buffer_take(&cell));
}

void senc_grid_end_row(senc_grid *g) {
    while (!g->failed && g->n_cells % g->n_columns != 0) add_cell(g, senc_strdup(""));
}

static int64_t cell_width(const char *cell) {
    return senc_text_width(cell, (int64_t)strlen(cell));
}

static int64_t column_width(const senc_grid *g, int64_t column) {
    int64_t widest = 0;
    for (int64_t i = column; i < g->n_cells; i += g->n_columns) {
        const int64_t width = cell_width(g->cells[i]);
        if (width > widest) widest = width;
    }
    return widest;
}

static void print_row(const senc_grid *g, int64_t first, const int64_t *widths, int64_t indent, int64_t width,
                      senc_buffer *out) {
    int64_t last = g->n_columns - 1;
    while (last > 0 && !g->cells[first + last][0]) last--; /* no trailing spaces */
    append_spaces(out, indent);
    int64_t at = indent;
    for (int64_t c = 0; c < last; c++) {
        const int64_t pad = widths[c] - cell_width(g->cells[first + c]);
        if (g->alignment[c] == 'r') append_spaces(out, pad);
        senc_buffer_append_text(out, g->cells[first + c]);
        append_spaces(out, (g->alignment[c] == 'r' ? 0 : pad) + 2);
        at += widths[c] + 2;
    }
    if (g->alignment[last] == 'r') append_spaces(out, widths[last] - cell_width(g->cells[first + last]));
    if (last == g->n_columns - 1 && g->alignment[last] == 'l' && width > at + 20) { /* 20: narrower is no paragraph */
        senc_text_wrap(out, g->cells[first + last], at, at, width);
    } else {
        senc_buffer_append_text(out, g->cells[first + last]);
        senc_buffer_append(out, "\n", 1);
    }
}

void senc_grid_print(const senc_grid *g, int64_t indent, int64_t width, senc_buffer *out) {
    int64_t *widths = senc_alloc((size_t)g->n_columns, sizeof *widths);
    if (!widths || g->failed) {
        out->failed = true;
        free(widths);
        return;
    }
    SENC_ASSERT(g->n_cells % g->n_columns == 0, "%lld cells in rows of %lld", (long long)g->n_cells,
                (long long)g->n_columns);
    for (int64_t c = 0; c < g->n_columns; c++) widths[c] = column_width(g, c);
    for (int64_t i = 0; i < g->n_cells; i += g->n_columns) print_row(g, i, widths, indent, width, out);
    free(widths);
}

void senc_grid_print_markdown(const senc_grid *g, senc_buffer *out) {
    if (g->failed) out->failed = true;
    for (int64_t i = 0; i < g->n_cells; i++) {
        senc_buffer_append_text(out, i % g->n_columns == 0 ? "| " : " ");
        for (const char *p = g->cells[i]; *p; p++) {
            /* a cell's end, a tag of HTML */
            if (*p == '|' || (*p == '<' && (isalpha((unsigned char)p[1]) || strchr("/!?", p[1]))))
                senc_buffer_append_text(out, "\\");
            senc_buffer_append(out, p, 1);
        }
        senc_buffer_append_text(out, " |");
        if (i % g->n_columns != g->n_columns - 1) continue;
        senc_buffer_append_text(out, "\n");
        if (i != g->n_columns - 1) continue;
        for (int64_t c = 0; c < g->n_columns; c++)
            senc_buffer_append_text(out, g->alignment[c] == 'r' ? "|--:" : "|---");
        senc_buffer_append_text(out, "|\n");
    }
}

void senc_grid_free(senc_grid *g) {
    for (int64_t i = 0; i < g->n_cells; i++) free(g->cells[i]);
    free(g->cells);
    *g = (senc_grid){0};
}
