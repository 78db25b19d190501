/* The TOML parser's cursor: places, messages, white space, strings and key parts. See toml_parser.h. */
#include "data/formats/toml_parser.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/formats/utf8.h"

int data_toml_peek(const data_toml_parser *p) {
    return p->at < p->end ? (unsigned char)*p->at : -1;
}

/* The byte n behind the cursor, or -1. */
static int peek_at(const data_toml_parser *p, int n) {
    return p->end - p->at > n ? (unsigned char)p->at[n] : -1;
}

bool data_toml_at_newline(const data_toml_parser *p) {
    const int c = data_toml_peek(p);
    return c == '\n' || (c == '\r' && peek_at(p, 1) == '\n');
}

void data_toml_skip_newline(data_toml_parser *p) {
    p->at += *p->at == '\r' ? 2 : 1;
    if (p->line > 0) p->line++;
    p->column_at = p->at;
    p->column = 1;
}

/* TOML's white space: tab and space, nothing else. */
static bool is_space(int c) {
    return c == ' ' || c == '\t';
}

/* Control characters other than tab stand neither in comments nor in strings. A carriage return alone is one of them.
 */
static bool is_control(int c) {
    return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f;
}

static bool is_bare(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

void data_toml_skip_spaces(data_toml_parser *p) {
    while (is_space(data_toml_peek(p))) p->at++;
}

bool data_toml_skip_comment(data_toml_parser *p) {
    data_toml_skip_spaces(p);
    if (data_toml_peek(p) != '#') return true;
    while (p->at < p->end && !data_toml_at_newline(p)) {
        if (is_control(data_toml_peek(p))) return data_toml_fail_expected(p, "a comment without control characters");
        p->at++;
    }
    return true;
}

bool data_toml_skip_lines(data_toml_parser *p) {
    for (;;) {
        if (!data_toml_skip_comment(p)) return false;
        if (!data_toml_at_newline(p)) return true;
        data_toml_skip_newline(p);
    }
}

/* ---- places and messages ---- */

senc_place data_toml_place(data_toml_parser *p) {
    if (p->line == 0) return (senc_place){.file = p->file};
    for (; p->column_at < p->at; p->column_at++) {
        const bool begins_character = ((unsigned char)*p->column_at & 0xc0) != 0x80;
        if (begins_character) p->column++;
    }
    return (senc_place){p->file, p->line, p->column};
}

bool data_toml_fail(data_toml_parser *p, senc_place place, const char *fmt, ...) {
    char at[600], what[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return senc_fail(p->err, SENC_BAD_INPUT, "%s%s", senc_place_text(place, at, sizeof at), what);
}

/* A character beyond ASCII with its code point: many of them look like others or like nothing. */
static void describe_character(const data_toml_parser *p, char *out, size_t out_bytes) {
    uint32_t code;
    const int n = data_utf8_decode(p->at, (size_t)(p->end - p->at), &code);
    snprintf(out, out_bytes, "\"%.*s\" (U+%04X)", n, p->at, (unsigned)code);
}

bool data_toml_fail_expected(data_toml_parser *p, const char *what) {
    char found[80];
    const int c = data_toml_peek(p);
    int n = 0;
    while (n < 40 && (is_bare(peek_at(p, n)) || (n > 0 && peek_at(p, n) == '.'))) n++;
    if (c < 0)
        snprintf(found, sizeof found, "%s", p->end_name);
    else if (data_toml_at_newline(p))
        snprintf(found, sizeof found, "newline");
    else if (is_control(c))
        snprintf(found, sizeof found, "control character U+%04X", (unsigned)c);
    else if (c == '"')
        snprintf(found, sizeof found, "'\"'");
    else if (c < 0x80)
        snprintf(found, sizeof found, "\"%.*s%s\"", n ? n : 1, p->at, n == 40 ? "..." : "");
    else
        describe_character(p, found, sizeof found);
    return data_toml_fail(p, data_toml_place(p), "expected %s, found %s", what, found);
}

bool data_toml_fail_memory(data_toml_parser *p) {
    return senc_fail(p->err, SENC_FAILED, "%s: out of memory", p->file);
}

/* ---- strings ---- */

static int hex_digit(int c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* \uXXXX or \UXXXXXXXX: a Unicode scalar value, so no surrogate. */
static bool parse_unicode_escape(data_toml_parser *p, int n_digits, senc_buffer *out) {
    const senc_place place = data_toml_place(p);
    uint32_t c = 0;
    p->at += 2;
    for (int i = 0; i < n_digits; i++, p->at++) {
        const int digit = hex_digit(data_toml_peek(p));
        if (digit < 0)
            return data_toml_fail_expected(p, n_digits == 4 ? "four hexadecimal digits after \\u"
                                                            : "eight hexadecimal digits after \\U");
        c = c << 4 | (uint32_t)digit;
    }
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return data_toml_fail(p, place, "expected a Unicode scalar value, found \\%c%0*X", n_digits == 4 ? 'u' : 'U',
                              n_digits, c);
    char bytes[4];
    senc_buffer_append(out, bytes, (size_t)data_utf8_encode(c, bytes));
    return true;
}

static bool parse_escape(data_toml_parser *p, senc_buffer *out) {
    static const char letters[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";
    const int c = peek_at(p, 1);
    if (c == 'u') return parse_unicode_escape(p, 4, out);
    if (c == 'U') return parse_unicode_escape(p, 8, out);
    const char *letter = c > 0 ? strchr(letters, c) : NULL;
    if (!letter) {
        const char shown[] = {'\\', (char)c, '\0'};
        return data_toml_fail(p, data_toml_place(p),
                              "expected one of \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX \\UXXXXXXXX, found %s",
                              c > 0x20 && c < 0x7f ? shown : "a backslash before something else");
    }
    senc_buffer_append(out, &meanings[letter - letters], 1);
    p->at += 2;
    return true;
}

/* The bytes up to the next one that means something: a quote, a backslash, a control character, the end. */
static void append_plain(data_toml_parser *p, int quote, senc_buffer *out) {
    const char *start = p->at;
    for (int c; (c = data_toml_peek(p)) >= 0 && c != quote && c != '\\' && !is_control(c);) p->at++;
    if (p->at == start) p->at++; /* a backslash in a literal string */
    senc_buffer_append(out, start, (size_t)(p->at - start));
}

static bool parse_line_string(data_toml_parser *p, int quote, senc_buffer *out) {
    p->at++;
    for (;;) {
        const int c = data_toml_peek(p);
        if (c == quote) {
            p->at++;
            return true;
        }
        if (c < 0 || data_toml_at_newline(p))
            return data_toml_fail_expected(p, quote == '"' ? "the closing '\"' of the string"
                                                           : "the closing \"'\" of the string");
        if (is_control(c)) return data_toml_fail_expected(p, "a string without control characters");
        if (c == '\\' && quote == '"') {
            if (!parse_escape(p, out)) return false;
        } else {
            append_plain(p, quote, out);
        }
    }
}

/* A backslash at the end of a line: nothing but spaces up to the newline. */
static bool at_line_continuation(const data_toml_parser *p) {
    data_toml_parser ahead = *p;
    ahead.at++;
    data_toml_skip_spaces(&ahead);
    return data_toml_at_newline(&ahead);
}

static void skip_line_continuation(data_toml_parser *p) {
    p->at++;
    for (;;) {
        data_toml_skip_spaces(p);
        if (!data_toml_at_newline(p)) return;
        data_toml_skip_newline(p);
    }
}

/* Quotes inside or at the end of a multi-line string: three close it, and up to two more before them belong to it. True
 * when the string has ended. */
static bool take_quotes(data_toml_parser *p, int quote, senc_buffer *out) {
    int n = 0;
    while (n < 5 && peek_at(p, n) == quote) n++;
    const int n_content = n >= 3 ? n - 3 : n;
    senc_buffer_append(out, p->at, (size_t)n_content);
    p->at += n;
    return n >= 3;
}

static bool parse_block_string(data_toml_parser *p, int quote, senc_buffer *out) {
    const senc_place start = data_toml_place(p);
    p->at += 3;
    if (data_toml_at_newline(p)) data_toml_skip_newline(p);
    for (;;) {
        const int c = data_toml_peek(p);
        if (c < 0)
            return data_toml_fail(p, start, "expected the closing %s of this string, found %s",
                                  quote == '"' ? "\"\"\"" : "'''", p->end_name);
        if (c == quote) {
            if (take_quotes(p, quote, out)) return true;
        } else if (data_toml_at_newline(p)) {
            senc_buffer_append(out, "\n", 1);
            data_toml_skip_newline(p);
        } else if (is_control(c)) {
            return data_toml_fail_expected(p, "a string without control characters");
        } else if (c != '\\' || quote == '\'') {
            append_plain(p, quote, out);
        } else if (at_line_continuation(p)) {
            skip_line_continuation(p);
        } else if (!parse_escape(p, out)) {
            return false;
        }
    }
}

static bool at_block_string(const data_toml_parser *p) {
    return peek_at(p, 1) == *p->at && peek_at(p, 2) == *p->at;
}

bool data_toml_parse_string(data_toml_parser *p, senc_buffer *out) {
    const int quote = data_toml_peek(p);
    return at_block_string(p) ? parse_block_string(p, quote, out) : parse_line_string(p, quote, out);
}

/* ---- keys ---- */

char *data_toml_parse_key_part(data_toml_parser *p, senc_place *place) {
    senc_buffer key = {0};
    const int c = data_toml_peek(p);
    *place = data_toml_place(p);
    if (c == '"' || c == '\'') {
        const bool ok = at_block_string(p) ? data_toml_fail(p, *place, "expected a key, found a multi-line string")
                                           : parse_line_string(p, c, &key);
        if (!ok || (key.n_bytes && memchr(key.data, '\0', key.n_bytes))) {
            if (ok) data_toml_fail(p, *place, "a key may not hold the character U+0000");
            senc_buffer_free(&key);
            return NULL;
        }
    } else {
        const char *start = p->at;
        while (is_bare(data_toml_peek(p))) p->at++;
        if (p->at == start) {
            data_toml_fail_expected(p, "a key");
            return NULL;
        }
        senc_buffer_append(&key, start, (size_t)(p->at - start));
    }
    char *text = senc_buffer_take(&key);
    if (!text) data_toml_fail_memory(p);
    return text;
}
