/* JSON text -> values (RFC 8259), by recursive descent. See json.h. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/json.h"
#include "data/formats/json_value.h"
#include "data/formats/utf8.h"

#define MAX_DEPTH 512 /* nested arrays and objects; a stack frame each */

typedef struct parser {
    const char *floor; /* columns count from the line's beginning, which may stand before `begin` but not before this */
    const char *begin, *p, *end;
    data_json_pool *pool;
    const char *place;
    int64_t first_line;
    bool lone_surrogates;
    int depth;
    senc_error *err;
} parser;

/* place:line:column: bad JSON: what. The column counts characters. */
__attribute__((format(printf, 3, 4))) static bool fail_at(const parser *c, const char *at, const char *fmt, ...) {
    int64_t line = c->first_line;
    const char *start = c->begin;
    while (start > c->floor && start[-1] != '\n') start--;
    for (const char *q = c->begin; q < at && (q = memchr(q, '\n', (size_t)(at - q))); q++) {
        line++;
        start = q + 1;
    }
    char what[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return senc_fail(c->err, SENC_BAD_INPUT, "%s:%" PRId64 ":%" PRId64 ": bad JSON: %s", c->place, line,
                     data_utf8_count(start, (size_t)(at - start)) + 1, what);
}

static bool fail_no_memory(const parser *c) {
    return senc_fail_memory(c->err, (size_t)(c->end - c->begin), "JSON");
}

/* "expected X, found Y" */
static bool fail_expected(const parser *c, const char *expected) {
    if (c->p == c->end) return fail_at(c, c->p, "expected %s, found the end of the text", expected);
    const uint8_t byte = (uint8_t)*c->p;
    if (byte < 0x20 || byte == 0x7f)
        return fail_at(c, c->p, "expected %s, found the control character 0x%02x", expected, byte);
    uint32_t code;
    const int length = data_utf8_decode(c->p, (size_t)(c->end - c->p), &code);
    if (length < 0) return fail_at(c, c->p, "ill-formed UTF-8 (byte 0x%02x)", byte);
    return fail_at(c, c->p, "expected %s, found '%.*s'", expected, length, c->p);
}

static void skip_space(parser *c) {
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t')) c->p++;
}

/* ---- strings ---- */

static bool read_hex4(parser *c, uint32_t *code) {
    *code = 0;
    for (int i = 0; i < 4; i++, c->p++) {
        if (c->p == c->end) return fail_expected(c, "a hexadecimal digit");
        const char h = *c->p;
        const int digit = h >= '0' && h <= '9'   ? h - '0'
                          : h >= 'a' && h <= 'f' ? h - 'a' + 10
                          : h >= 'A' && h <= 'F' ? h - 'A' + 10
                                                 : -1;
        if (digit < 0) return fail_expected(c, "a hexadecimal digit");
        *code = *code << 4 | (uint32_t)digit;
    }
    return true;
}

/* Behind "\u": one code point, from two escapes when it is a surrogate pair. */
static bool read_unicode(parser *c, uint32_t *code) {
    const char *at = c->p - 2;
    if (!read_hex4(c, code)) return false;
    if (*code < 0xD800 || *code > 0xDFFF) return true;
    if (*code < 0xDC00 && c->end - c->p >= 6 && c->p[0] == '\\' && c->p[1] == 'u') {
        const char *low_at = c->p;
        uint32_t low;
        c->p += 2;
        if (!read_hex4(c, &low)) return false;
        if (low >= 0xDC00 && low <= 0xDFFF) {
            *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
            return true;
        }
        c->p = low_at;
    }
    if (!c->lone_surrogates)
        return fail_at(c, at, "\\u%04" PRIx32 " is half of a surrogate pair, the other half is missing", *code);
    *code = 0xFFFD;
    return true;
}

static bool read_escape(parser *c, char **out) {
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    c->p++;
    if (c->p == c->end) return fail_expected(c, "an escape");
    if (*c->p == 'u') {
        uint32_t code;
        c->p++;
        if (!read_unicode(c, &code)) return false;
        *out += data_utf8_encode(code, *out);
        return true;
    }
    const char *found = *c->p ? strchr(letters, *c->p) : NULL;
    if (!found) return fail_expected(c, "one of \" \\ / b f n r t u behind a backslash");
    *(*out)++ = values[found - letters];
    c->p++;
    return true;
}

/* True when one of eight bytes may be a quote, a backslash or a control character (Mycroft's test for a zero byte, and
 * the same for "less than 0x20"; a byte above a match may be reported too, and the caller looks at each). */
static bool may_be_special(const char *p) {
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
    uint64_t word;
    memcpy(&word, p, sizeof word);
    const uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
    return (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((word - ones * 0x20) & ~word)) & high;
}

/* The closing quote from p on, or the first control character, or end. *plain: no escapes on the way. */
static const char *find_quote(const char *p, const char *end, bool *plain) {
    *plain = true;
    while (p < end) {
        while (end - p >= 8 && !may_be_special(p)) p += 8;
        if (p == end || *p == '"' || (uint8_t)*p < 0x20) return p;
        if (*p == '\\') *plain = false;
        p += *p == '\\' && end - p > 1 && (uint8_t)p[1] >= 0x20 ? 2 : 1;
    }
    return p;
}

/* At a quote. An escape is never shorter than what it stands for, so the text fits in the literal's length. */
static bool read_string(parser *c, const char **text, size_t *n_bytes) {
    const char *start = c->p++;
    bool plain;
    const char *quote = find_quote(c->p, c->end, &plain);
    if (quote == c->end) return fail_at(c, start, "the string that begins here never ends");
    if (*quote != '"') {
        return fail_at(c, quote, "control character 0x%02x in a string; expected an escape such as \\n",
                       (uint8_t)*quote);
    }
    const size_t good = data_utf8_check(c->p, (size_t)(quote - c->p));
    if (c->p + good < quote) return fail_at(c, c->p + good, "ill-formed UTF-8 (byte 0x%02x)", (uint8_t)c->p[good]);
    char *out = json_pool_alloc(c->pool, (size_t)(quote - c->p) + 1);
    if (!out) return fail_no_memory(c);
    *text = out;
    if (plain) {
        memcpy(out, c->p, (size_t)(quote - c->p));
        out += quote - c->p;
        c->p = quote;
    }
    while (*c->p != '"') {
        if (*c->p != '\\')
            *out++ = *c->p++;
        else if (!read_escape(c, &out))
            return false;
    }
    c->p++;
    *out = '\0';
    *n_bytes = (size_t)(out - *text);
    return true;
}

/* ---- numbers ---- */

static bool read_digits(parser *c) {
    const char *start = c->p;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9') c->p++;
    return c->p > start || fail_expected(c, "a digit");
}

/* The literal's range is found by the grammar; only then is it converted, so strtod's wider grammar does not matter. */
static bool scan_number(parser *c, bool *integral) {
    *integral = true;
    if (*c->p == '-') c->p++;
    if (c->p < c->end && *c->p == '0')
        c->p++; /* no leading zeros: "01" ends here and fails in the caller */
    else if (!read_digits(c))
        return false;
    if (c->p < c->end && *c->p == '.') {
        *integral = false;
        c->p++;
        if (!read_digits(c)) return false;
    }
    if (c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
        *integral = false;
        c->p++;
        if (c->p < c->end && (*c->p == '+' || *c->p == '-')) c->p++;
        if (!read_digits(c)) return false;
    }
    return true;
}

static bool to_integer(const char *p, const char *end, int64_t *value) {
    const bool negative = *p == '-';
    *value = 0;
    for (p += negative; p < end; p++) {
        const int digit = *p - '0';
        if (__builtin_mul_overflow(*value, 10, value)) return false;
        if (__builtin_add_overflow(*value, negative ? -digit : digit, value)) return false;
    }
    return true;
}

static bool to_number(const parser *c, const char *p, double *value) {
    char small[64];
    const size_t n = (size_t)(c->p - p);
    char *copy = n < sizeof small ? small : senc_alloc(n + 1, 1);
    if (!copy) return fail_no_memory(c);
    memcpy(copy, p, n);
    copy[n] = '\0';
    *value = strtod(copy, NULL);
    if (copy != small) free(copy);
    return isfinite(*value) || fail_at(c, p, "the number is too large for a 64-bit float");
}

static bool parse_number(parser *c, data_json *v) {
    const char *start = c->p;
    bool integral;
    if (!scan_number(c, &integral)) return false;
    v->type = DATA_JSON_INTEGER;
    if (integral && to_integer(start, c->p, &v->integer)) return true;
    v->type = DATA_JSON_NUMBER;
    return to_number(c, start, &v->number);
}

/* ---- values ---- */

static bool parse_value(parser *c, data_json *v);

static bool parse_items(parser *c, data_json *array) {
    array->type = DATA_JSON_ARRAY;
    c->p++;
    skip_space(c);
    if (c->p < c->end && *c->p == ']') return c->p++, true;
    for (;;) {
        data_json *item = json_value_create(c->pool, DATA_JSON_NULL);
        if (!item) return fail_no_memory(c);
        json_value_link(array, item);
        if (!parse_value(c, item)) return false;
        skip_space(c);
        if (c->p < c->end && *c->p == ']') return c->p++, true;
        if (c->p == c->end || *c->p != ',') return fail_expected(c, "',' or ']'");
        c->p++;
    }
}

static bool parse_member(parser *c, data_json *object) {
    skip_space(c);
    if (c->p == c->end || *c->p != '"') return fail_expected(c, "a key in double quotes");
    const char *at = c->p;
    data_json *member = json_value_create(c->pool, DATA_JSON_NULL);
    if (!member) return fail_no_memory(c);
    if (!read_string(c, &member->key, &member->key_bytes)) return false;
    if (memchr(member->key, '\0', member->key_bytes)) return fail_at(c, at, "a key holds \\u0000");
    if (json_value_find(object, member->key, member->key_bytes)) {
        return fail_at(c, at, "the key \"%.80s\" stands twice", member->key);
    }
    skip_space(c);
    if (c->p == c->end || *c->p != ':') return fail_expected(c, "':' behind the key");
    c->p++;
    if (!json_value_link(object, member)) return fail_no_memory(c);
    return parse_value(c, member);
}

static bool parse_members(parser *c, data_json *object) {
    object->type = DATA_JSON_OBJECT;
    c->p++;
    skip_space(c);
    if (c->p < c->end && *c->p == '}') return c->p++, true;
    for (;;) {
        if (!parse_member(c, object)) return false;
        skip_space(c);
        if (c->p < c->end && *c->p == '}') return c->p++, true;
        if (c->p == c->end || *c->p != ',') return fail_expected(c, "',' or '}'");
        c->p++;
    }
}

static bool parse_word(parser *c, const char *word) {
    const size_t n = strlen(word);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0) return fail_expected(c, "a value");
    c->p += n;
    return true;
}

static bool parse_nested(parser *c, data_json *v) {
    if (++c->depth > MAX_DEPTH) return fail_at(c, c->p, "nested deeper than %d levels", MAX_DEPTH);
    const bool ok = *c->p == '{' ? parse_members(c, v) : parse_items(c, v);
    c->depth--;
    return ok;
}

static bool parse_value(parser *c, data_json *v) {
    skip_space(c);
    switch (c->p < c->end ? *c->p : '\0') {
    case '{':
    case '[':
        return parse_nested(c, v);
    case '"': {
        const char *text;
        size_t n_bytes;
        if (!read_string(c, &text, &n_bytes)) return false;
        v->type = DATA_JSON_STRING;
        v->text = text;
        v->n_bytes = n_bytes;
        return true;
    }
    case 't':
    case 'f':
        v->type = DATA_JSON_BOOL;
        v->boolean = *c->p == 't';
        return parse_word(c, v->boolean ? "true" : "false");
    case 'n':
        return parse_word(c, "null");
    case 'N':
    case 'I':
        return fail_at(c, c->p, "NaN and Infinity are not JSON");
    default:
        break;
    }
    if (c->p < c->end && (*c->p == '-' || (*c->p >= '0' && *c->p <= '9'))) return parse_number(c, v);
    return fail_expected(c, "a value");
}

static bool parse_text(parser *c, data_json **out) {
    data_json *root = json_value_create(c->pool, DATA_JSON_NULL);
    c->pool->place = json_pool_text(c->pool, c->place, strlen(c->place));
    if (!root || !c->pool->place) {
        c->pool->place = "";
        return fail_no_memory(c);
    }
    if (c->end - c->p >= 3 && memcmp(c->p, "\xEF\xBB\xBF", 3) == 0) c->p += 3; /* a byte order mark */
    if (!parse_value(c, root)) return false;
    skip_space(c);
    if (c->p < c->end) return fail_expected(c, "the end of the text");
    *out = root;
    return true;
}

bool data_json_parse_in(data_json_pool *pool, const char *text, size_t n_bytes, const char *place, int64_t first_line,
                        bool lone_surrogates, const data_json **out, senc_error *err) {
    return data_json_parse_within(pool, text, text, n_bytes, place, first_line, lone_surrogates, out, err);
}

bool data_json_parse_within(data_json_pool *pool, const char *floor, const char *text, size_t n_bytes,
                            const char *place, int64_t first_line, bool lone_surrogates, const data_json **out,
                            senc_error *err) {
    *out = NULL;
    json_pool_reset(pool);
    parser c = {floor, text, text, text + n_bytes, pool, place, first_line, lone_surrogates, 0, err};
    data_json *root;
    if (!parse_text(&c, &root)) return false;
    *out = root;
    return true;
}

bool data_json_parse(const char *text, size_t n_bytes, const char *place, data_json **out, senc_error *err) {
    *out = NULL;
    data_json_pool *pool = data_json_pool_create();
    if (!pool) return senc_fail_memory(err, n_bytes, "JSON");
    parser c = {text, text, text, text + n_bytes, pool, place, 1, false, 0, err};
    data_json *root = NULL;
    if (!parse_text(&c, &root)) {
        data_json_pool_free(pool);
        return false;
    }
    root->is_root = true;
    *out = root;
    return true;
}

bool data_json_load(const char *path, data_json **out, senc_error *err) {
    *out = NULL;
    size_t n_bytes;
    char *text = senc_file_read(path, 0, &n_bytes, err);
    if (!text) return false;
    const bool ok = data_json_parse(text, n_bytes, path, out, err);
    free(text);
    return ok;
}
