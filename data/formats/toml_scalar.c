/* TOML numbers, booleans, dates and times: one token each. See toml_parser.h. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/formats/toml_parser.h"

/* The token and its place. */
typedef struct scalar {
    data_toml_parser *p;
    senc_place place;
    const char *text;
    int n;
} scalar;

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_token_byte(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '-' || c == '_' ||
           c == '.' || c == ':';
}

static bool equals(const scalar *s, const char *word) {
    return strlen(word) == (size_t)s->n && memcmp(s->text, word, (size_t)s->n) == 0;
}

/* "a.toml:3:5: "1__2" is no number: underscores ...". Returns NULL. */
static senc_value *fail_token(const scalar *s, const char *what, const char *why) {
    const int shown = s->n > 40 ? 40 : s->n;
    data_toml_fail(s->p, s->place, "\"%.*s%s\" is not %s: %s", shown, s->text, shown < s->n ? "..." : "", what, why);
    return NULL;
}

static senc_value *create(const scalar *s, senc_value_type type) {
    senc_value *v = senc_value_create(type, s->place);
    if (!v) data_toml_fail_memory(s->p);
    return v;
}

/* ---- dates and times (RFC 3339) ---- */

/* The two digits at text[at], or -1. */
static int two_digits(const scalar *s, int at) {
    if (at + 2 > s->n || !is_digit(s->text[at]) || !is_digit(s->text[at + 1])) return -1;
    return (s->text[at] - '0') * 10 + (s->text[at + 1] - '0');
}

static bool char_is(const scalar *s, int at, char c) {
    return at < s->n && s->text[at] == c;
}

static int days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* NULL when text[0..10) is a date of the calendar, else what is wrong. */
static const char *check_date(const scalar *s) {
    const int century = two_digits(s, 0), years = two_digits(s, 2), month = two_digits(s, 5), day = two_digits(s, 8);
    if (century < 0 || years < 0 || !char_is(s, 4, '-') || month < 0 || !char_is(s, 7, '-') || day < 0)
        return "expected the form YYYY-MM-DD";
    if (month < 1 || month > 12) return "the month must be 01 to 12";
    if (day < 1 || day > days_in_month(century * 100 + years, month)) return "the month has no such day";
    return NULL;
}

/* Checks HH:MM:SS[.digits] at `at`; *end: behind it. *minute_of_day and *leap_second tell the offset check. */
static const char *check_time(const scalar *s, int at, int *end, int *minute_of_day, bool *leap_second) {
    const int hour = two_digits(s, at), minute = two_digits(s, at + 3), second = two_digits(s, at + 6);
    if (hour < 0 || !char_is(s, at + 2, ':') || minute < 0 || !char_is(s, at + 5, ':') || second < 0)
        return "expected the form HH:MM:SS";
    if (hour > 23) return "the hour must be 00 to 23";
    if (minute > 59) return "the minute must be 00 to 59";
    if (second > 60) return "the second must be 00 to 59, or 60 for a leap second";
    *end = at + 8;
    *minute_of_day = hour * 60 + minute;
    *leap_second = second == 60;
    if (!char_is(s, *end, '.')) return NULL;
    const int fraction = ++*end;
    while (*end < s->n && is_digit(s->text[*end])) ++*end;
    return *end > fraction ? NULL : "expected digits after \".\"";
}

/* Z, z, +HH:MM or -HH:MM up to the token's end. */
static const char *check_offset(const scalar *s, int at, int minute_of_day, bool leap_second) {
    int offset = 0;
    if (s->text[at] == 'Z' || s->text[at] == 'z') {
        at += 1;
    } else if (s->text[at] == '+' || s->text[at] == '-') {
        const int hours = two_digits(s, at + 1), minutes = two_digits(s, at + 4);
        if (hours < 0 || !char_is(s, at + 3, ':') || minutes < 0) return "expected an offset such as Z or +02:00";
        if (hours > 23 || minutes > 59) return "the offset must be within 23:59";
        offset = (s->text[at] == '-' ? -1 : 1) * (hours * 60 + minutes);
        at += 6;
    }
    if (at != s->n) return "unexpected characters behind the time";
    const int day = 24 * 60, utc = ((minute_of_day - offset) % day + day) % day;
    if (leap_second && utc != day - 1) return "a leap second is at 23:59:60 UTC";
    return NULL;
}

/* The token ends behind the date when a space and a time follow: TOML takes a space for RFC 3339's T. */
static void include_time_behind_space(scalar *s) {
    const data_toml_parser *p = s->p;
    const char *c = s->text + s->n;
    if (s->n != 10 || p->end - c < 4 || c[0] != ' ' || !is_digit(c[1]) || !is_digit(c[2]) || c[3] != ':') return;
    s->n++;
    while (s->text + s->n < p->end && is_token_byte(s->text[s->n])) s->n++;
}

static const char *check_datetime(const scalar *s) {
    int at = 0, minute_of_day = 0;
    bool leap_second = false;
    if (!char_is(s, 2, ':')) {
        const char *wrong = check_date(s);
        if (wrong || s->n == 10) return wrong;
        if (!char_is(s, 10, 'T') && !char_is(s, 10, 't') && !char_is(s, 10, ' '))
            return "expected T between date and time";
        at = 11;
    }
    const bool time_only = at == 0;
    const char *wrong = check_time(s, at, &at, &minute_of_day, &leap_second);
    if (wrong || at == s->n) return wrong;
    if (time_only) return "unexpected characters behind the time";
    return check_offset(s, at, minute_of_day, leap_second);
}

static senc_value *parse_datetime(scalar *s) {
    include_time_behind_space(s);
    const char *wrong = check_datetime(s);
    if (wrong) return fail_token(s, "a date or time", wrong);
    senc_value *v = create(s, SENC_VALUE_DATETIME);
    if (!v) return NULL;
    v->string = senc_strndup(s->text, (size_t)s->n);
    v->n_bytes = (size_t)s->n;
    if (v->string) return v;
    senc_value_free(v);
    data_toml_fail_memory(s->p);
    return NULL;
}

/* ---- numbers ---- */

static int digit_value(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 99;
}

/* Behind the digits of a base at text[at]; underscores stand only between two digits. `at` itself when there are none,
 * -1 when an underscore is misplaced. */
static int skip_digits(const scalar *s, int at, int base) {
    const int start = at;
    while (at < s->n && (digit_value(s->text[at]) < base || s->text[at] == '_')) at++;
    for (int i = start; i < at; i++) {
        if (s->text[i] != '_') continue;
        if (i == start || i + 1 == at || s->text[i - 1] == '_') return -1;
    }
    return at;
}

static const char *const misplaced_underscore = "underscores stand between two digits";

/* The digits text[at..n) of an integer; `negative` only with base 10. */
static senc_value *parse_integer(const scalar *s, int at, int base, bool negative) {
    int64_t value = 0;
    for (; at < s->n; at++) {
        if (s->text[at] == '_') continue;
        const int digit = digit_value(s->text[at]);
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return fail_token(s, "an integer of 64 bits", "it is too large");
    }
    senc_value *v = create(s, SENC_VALUE_INTEGER);
    if (v) v->integer = value;
    return v;
}

static senc_value *parse_based_integer(const scalar *s, int base) {
    const int end = skip_digits(s, 2, base);
    if (end < 0) return fail_token(s, "an integer", misplaced_underscore);
    if (end != s->n || end == 2)
        return fail_token(s, "an integer",
                          base == 16  ? "expected hexadecimal digits after 0x"
                          : base == 8 ? "expected octal digits after 0o"
                                      : "expected binary digits after 0b");
    return parse_integer(s, 2, base, false);
}

/* The token is a float by its form. strtod reads decimal digits to the nearest double. */
static senc_value *parse_float(const scalar *s) {
    senc_buffer digits = {0};
    for (int i = 0; i < s->n; i++) {
        if (s->text[i] != '_') senc_buffer_append(&digits, &s->text[i], 1);
    }
    senc_value *v = digits.failed ? NULL : create(s, SENC_VALUE_FLOAT);
    if (v) v->number = strtod(digits.data, NULL);
    if (digits.failed) data_toml_fail_memory(s->p);
    senc_buffer_free(&digits);
    return v;
}

static senc_value *special_float(const scalar *s, double value) {
    senc_value *v = create(s, SENC_VALUE_FLOAT);
    if (v) v->number = value;
    return v;
}

/* decimal integer, then "." digits, then an exponent, each of the last two optional. */
static senc_value *parse_decimal(const scalar *s) {
    const bool sign = s->text[0] == '+' || s->text[0] == '-';
    const int start = sign, whole = skip_digits(s, start, 10);
    int at = whole;
    if (whole < 0) return fail_token(s, "a number", misplaced_underscore);
    if (whole == start) return fail_token(s, "a number", "expected a digit");
    if (s->text[start] == '0' && whole > start + 1) return fail_token(s, "a number", "it has leading zeros");
    if (at == s->n) return parse_integer(s, start, 10, s->text[0] == '-');
    if (s->text[at] == '.') {
        const int fraction = skip_digits(s, at + 1, 10);
        if (fraction < 0) return fail_token(s, "a number", misplaced_underscore);
        if (fraction == at + 1) return fail_token(s, "a number", "expected a digit after \".\"");
        at = fraction;
    }
    if (at < s->n && (s->text[at] == 'e' || s->text[at] == 'E')) {
        const int digits = at + 1 + (char_is(s, at + 1, '+') || char_is(s, at + 1, '-'));
        at = skip_digits(s, digits, 10);
        if (at < 0) return fail_token(s, "a number", misplaced_underscore);
        if (at == digits) return fail_token(s, "a number", "expected a digit in the exponent");
    }
    if (at != s->n) return fail_token(s, "a number", "unexpected characters behind the digits");
    return parse_float(s);
}

static senc_value *parse_number(const scalar *s) {
    const bool sign = s->text[0] == '+' || s->text[0] == '-';
    const scalar rest = {s->p, s->place, s->text + sign, s->n - sign};
    if (equals(&rest, "inf")) return special_float(s, s->text[0] == '-' ? -HUGE_VAL : HUGE_VAL);
    if (equals(&rest, "nan")) return special_float(s, s->text[0] == '-' ? -(double)NAN : (double)NAN);
    const char letter = char_is(&rest, 0, '0') && rest.n > 1 ? rest.text[1] : ' ';
    if (letter != 'x' && letter != 'o' && letter != 'b') return parse_decimal(s);
    if (sign) return fail_token(s, "an integer", "0x, 0o and 0b take no sign");
    return parse_based_integer(s, letter == 'x' ? 16 : letter == 'o' ? 8 : 2);
}

senc_value *data_toml_parse_scalar(data_toml_parser *p) {
    scalar s = {p, data_toml_place(p), p->at, 0};
    while (s.text + s.n < p->end && is_token_byte(s.text[s.n])) s.n++;
    senc_value *v = NULL;
    const bool date = s.n >= 5 && two_digits(&s, 0) >= 0 && two_digits(&s, 2) >= 0 && s.text[4] == '-';
    const bool time = s.n >= 3 && two_digits(&s, 0) >= 0 && s.text[2] == ':';
    if (date || time) {
        v = parse_datetime(&s);
    } else if (equals(&s, "true") || equals(&s, "false")) {
        v = create(&s, SENC_VALUE_BOOLEAN);
        if (v) v->boolean = s.text[0] == 't';
    } else if (s.n && (is_digit(s.text[0]) || s.text[0] == '+' || s.text[0] == '-' || equals(&s, "inf") ||
                       equals(&s, "nan"))) {
        v = parse_number(&s);
    } else {
        data_toml_fail_expected(p, s.n ? "a value (a string needs quotes)" : "a value");
    }
    p->at += s.n;
    return v;
}
