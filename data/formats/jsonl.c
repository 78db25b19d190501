/* Lines and JSON Lines: see jsonl.h. */
#include "data/formats/jsonl.h"

#include <inttypes.h>
#include <string.h>

#include "data/formats/foreign.h"
#include "data/formats/utf8.h"

data_cursor data_cursor_first(const char *text, size_t n_bytes) {
    const bool mark = n_bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0;
    return (data_cursor){mark ? 3 : 0, 1};
}

bool data_line_next(const char *text, size_t n_bytes, data_cursor *cursor, const char **line, size_t *line_bytes) {
    if (cursor->offset >= n_bytes) return false;
    *line = text + cursor->offset;
    const size_t left = n_bytes - cursor->offset;
    const char *end = memchr(*line, '\n', left);
    size_t n = end ? (size_t)(end - *line) : left;
    cursor->offset += end ? n + 1 : n;
    cursor->line++;
    if (n > 0 && (*line)[n - 1] == '\r') n--;
    *line_bytes = n;
    return true;
}

/* Whether the bad byte looks like a letter of one byte (é, ü): nothing before it in the text is UTF-8 beyond ASCII, and
 * what follows does not continue it. Then the name of the encoding for iconv. */
static const char *one_byte_encoding(const uint8_t *text, size_t n_bytes, size_t bad) {
    for (size_t i = 0; i < bad; i++)
        if (text[i] & 0x80) return NULL;
    if (bad + 1 < n_bytes && text[bad] >= 0xc0 && text[bad + 1] >= 0x80 && text[bad + 1] < 0xc0) return NULL;
    for (size_t i = bad; i < n_bytes && text[i] != '\n'; i++)
        if (text[i] >= 0x80 && text[i] < 0xa0) return "WINDOWS-1252";
    return "ISO-8859-1";
}

bool data_fail_utf8(const char *place, int64_t line, const char *text, size_t n_bytes, size_t bad, senc_error *err) {
    const char *start = text, *at = text + bad;
    for (const char *p = text; p < at && (p = memchr(p, '\n', (size_t)(at - p))); p++) {
        line++;
        start = p + 1;
    }
    senc_buffer advice = {0};
    const char *encoding = one_byte_encoding((const uint8_t *)text, n_bytes, bad);
    if (encoding) {
        senc_buffer_printf(&advice, "; if the file is in %s, ", encoding);
        data_append_conversion(place, encoding, &advice);
        senc_buffer_append_text(&advice, " converts it");
    }
    senc_fail(err, SENC_BAD_INPUT, "%s:%" PRId64 ":%" PRId64 ": ill-formed UTF-8 (byte 0x%02x)%s", place, line,
              (int64_t)(at - start) + 1, (uint8_t)*at, senc_buffer_text(&advice));
    senc_buffer_free(&advice);
    return false;
}

static bool is_blank(const char *line, size_t n_bytes) {
    for (size_t i = 0; i < n_bytes; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') return false;
    }
    return true;
}

/* A row's text as an object: 1, -1 on failure. floor: where its line may begin in memory. */
static int parse_object(const char *floor, const char *row, size_t n_bytes, const char *place, int64_t line,
                        bool replace_utf8, data_json_pool *pool, senc_buffer *scratch, const data_json **object,
                        senc_error *err) {
    const size_t good = data_utf8_check(row, n_bytes);
    if (good < n_bytes && !replace_utf8) {
        const char *start = row;
        while (start > floor && start[-1] != '\n') start--;
        data_fail_utf8(place, line, start, (size_t)(row - start) + n_bytes, (size_t)(row - start) + good, err);
        return -1;
    }
    if (good < n_bytes) {
        senc_buffer_clear(scratch);
        data_utf8_append_replaced(row, n_bytes, scratch);
        if (scratch->failed) {
            senc_fail_memory(err, n_bytes, "a line");
            return -1;
        }
        floor = row = scratch->data;
        n_bytes = scratch->n_bytes;
    }
    return data_json_parse_within(pool, floor, row, n_bytes, place, line, replace_utf8, object, err) ? 1 : -1;
}

/* What is wrong with the whole file when its first line is. */
static void advise(const char *text, size_t n_bytes, const char *place, senc_error *err) {
    data_cursor at = data_cursor_first(text, n_bytes);
    const char *line;
    size_t line_bytes;
    if (!err || err->kind != SENC_BAD_INPUT || !data_line_next(text, n_bytes, &at, &line, &line_bytes)) return;
    for (; line_bytes > 0 && (*line == ' ' || *line == '\t'); line++) line_bytes--;
    senc_buffer b = {0};
    if (line_bytes > 0 && *line == '[')
        senc_buffer_printf(&b, "; the file is a JSON array, expected an object a line, as jq -c '.[]' %s writes them",
                           place);
    else if (line_bytes == 1 && *line == '{')
        senc_buffer_printf(&b,
                           "; the file's first object goes over several lines, expected an object a line, as jq -c "
                           ". %s writes them",
                           place);
    const size_t n = strlen(err->text);
    if (!b.failed && n + b.n_bytes < sizeof err->text) memcpy(err->text + n, senc_buffer_text(&b), b.n_bytes + 1);
    senc_buffer_free(&b);
}

static int fail_type(const char *place, int64_t line, const data_json *v, senc_error *err) {
    senc_fail(err, SENC_BAD_INPUT, "%s:%" PRId64 ":1: expected an object {...}, found %s", place, line,
              data_json_type_name(data_json_get_type(v)));
    return -1;
}

int data_jsonl_next(const char *text, size_t n_bytes, const char *place, bool replace_utf8, data_cursor *cursor,
                    data_cursor *start, data_json_pool *pool, senc_buffer *scratch, const data_json **object,
                    senc_error *err) {
    const char *line;
    size_t line_bytes;
    do {
        *start = *cursor;
        if (!data_line_next(text, n_bytes, cursor, &line, &line_bytes)) return 0;
    } while (is_blank(line, line_bytes));
    int got = parse_object(line, line, line_bytes, place, start->line, replace_utf8, pool, scratch, object, err);
    if (got > 0 && data_json_get_type(*object) != DATA_JSON_OBJECT) got = fail_type(place, start->line, *object, err);
    if (got < 0 && start->line == 1) advise(text, n_bytes, place, err);
    return got;
}

/* ---- arrays ---- */

static void skip_space(const char *text, size_t n_bytes, data_cursor *at) {
    for (; at->offset < n_bytes && strchr(" \t\r\n", text[at->offset]) && text[at->offset]; at->offset++)
        at->line += text[at->offset] == '\n';
}

bool data_json_array_first(const char *text, size_t n_bytes, data_cursor *first) {
    *first = data_cursor_first(text, n_bytes);
    skip_space(text, n_bytes, first);
    if (first->offset == n_bytes || text[first->offset] != '[') return false;
    first->offset++;
    return true;
}

/* Where the object at text[at] ends (behind its '}'); n_bytes when it does not. */
static size_t find_end(const char *text, size_t n_bytes, size_t at) {
    int64_t depth = 0;
    for (; at < n_bytes; at++) {
        const char c = text[at];
        if (c == '"') {
            for (at++; at < n_bytes && text[at] != '"'; at++) at += text[at] == '\\';
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return at + 1;
        }
    }
    return n_bytes;
}

static int fail_array(const char *text, size_t n_bytes, const data_cursor *at, const char *place, const char *expected,
                      senc_error *err) {
    const char *start = text + at->offset;
    while (start > text && start[-1] != '\n') start--;
    const long long column = (long long)data_utf8_count(start, (size_t)(text + at->offset - start)) + 1;
    const uint8_t byte = at->offset < n_bytes ? (uint8_t)text[at->offset] : 0;
    if (at->offset >= n_bytes)
        senc_fail(err, SENC_BAD_INPUT, "%s:%" PRId64 ":%lld: bad JSON: expected %s, found the end of the text", place,
                  at->line, column, expected);
    else if (byte < 0x20 || byte > 0x7e)
        senc_fail(err, SENC_BAD_INPUT, "%s:%" PRId64 ":%lld: bad JSON: expected %s, found the byte 0x%02x", place,
                  at->line, column, expected, byte);
    else
        senc_fail(err, SENC_BAD_INPUT, "%s:%" PRId64 ":%lld: bad JSON: expected %s, found '%c'", place, at->line,
                  column, expected, text[at->offset]);
    return -1;
}

/* Behind an object: the comma, and that another one follows it; or the array's end. */
static int pass_comma(const char *text, size_t n_bytes, const char *place, data_cursor *cursor, senc_error *err) {
    skip_space(text, n_bytes, cursor);
    if (cursor->offset < n_bytes && text[cursor->offset] == ']') return 1;
    if (cursor->offset == n_bytes || text[cursor->offset] != ',')
        return fail_array(text, n_bytes, cursor, place, "',' or ']' behind the object", err);
    cursor->offset++;
    skip_space(text, n_bytes, cursor);
    if (cursor->offset < n_bytes && text[cursor->offset] != ']') return 1;
    return fail_array(text, n_bytes, cursor, place, "an object {...} behind ','", err);
}

/* At ']': nothing may follow. */
static int end_array(const char *text, size_t n_bytes, const char *place, const data_cursor *cursor, senc_error *err) {
    data_cursor at = *cursor;
    at.offset++;
    skip_space(text, n_bytes, &at);
    return at.offset == n_bytes ? 0 : fail_array(text, n_bytes, &at, place, "the end of the text behind ']'", err);
}

int data_json_array_next(const char *text, size_t n_bytes, const char *place, bool replace_utf8, data_cursor *cursor,
                         data_cursor *start, size_t *end, data_json_pool *pool, senc_buffer *scratch,
                         const data_json **object, senc_error *err) {
    skip_space(text, n_bytes, cursor);
    *start = *cursor;
    const size_t at = (size_t)cursor->offset;
    if (at < n_bytes && text[at] == ']') return end_array(text, n_bytes, place, cursor, err);
    if (at == n_bytes || text[at] != '{') return fail_array(text, n_bytes, cursor, place, "an object {...}", err);
    *end = find_end(text, n_bytes, at);
    if (parse_object(text, text + at, *end - at, place, start->line, replace_utf8, pool, scratch, object, err) < 0)
        return -1;
    cursor->offset = *end;
    for (size_t i = at; i < *end; i++) cursor->line += text[i] == '\n';
    return pass_comma(text, n_bytes, place, cursor, err);
}
