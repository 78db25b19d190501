/* What a server says when it refuses: see http_error.h. */
#include "eval/remote/http_error.h"

#include <string.h>

#include "data/formats/json.h"
#include "data/formats/utf8.h"

#define MOST_BYTES 300

/* The text behind a member that may be a string, or an object or array with one inside; NULL: none. */
static const char *text_of(const data_json *v) {
    static const char *const inner[] = {"message", "msg", "detail", "error"};
    if (!v) return NULL;
    const data_json_type type = data_json_get_type(v);
    if (type == DATA_JSON_STRING) return data_json_text(v, NULL);
    if (type == DATA_JSON_ARRAY) v = data_json_first(v);
    if (v && data_json_get_type(v) == DATA_JSON_STRING) return data_json_text(v, NULL);
    for (int i = 0; v && i < 4; i++) {
        const char *text = data_json_text(data_json_find(v, inner[i]), NULL);
        if (text && text[0]) return text;
    }
    return NULL;
}

/* The message in a document; NULL: none of the known forms. */
static const char *find_message(const data_json *document) {
    static const char *const names[] = {"error", "message", "detail", "errors"};
    if (document && data_json_get_type(document) == DATA_JSON_ARRAY) document = data_json_first(document);
    for (int i = 0; i < 4; i++) {
        const char *text = text_of(data_json_find(document, names[i]));
        if (text && text[0]) return text;
    }
    return NULL;
}

bool eval_http_may_retry(long status, const char *body, size_t n_bytes) {
    if (status == 429) {
        data_json *document = NULL;
        data_json_parse(body, n_bytes, "", &document, NULL);
        const char *code = data_json_text(data_json_find(data_json_find(document, "error"), "code"), NULL);
        const bool is_empty = code && strcmp(code, "insufficient_quota") == 0; /* OpenAI, Azure */
        data_json_free(document);
        return !is_empty;
    }
    return status == 408 || status == 425 || (status >= 500 && status != 501 && status != 505);
}

void eval_http_append_redacted(const char *text, size_t n_bytes, const char *secret, senc_buffer *out) {
    const size_t n = secret ? strlen(secret) : 0;
    while (n_bytes > 0) {
        const char *found = n > 0 ? memmem(text, n_bytes, secret, n) : NULL;
        const size_t before = found ? (size_t)(found - text) : n_bytes;
        senc_buffer_append(out, text, before);
        if (!found) return;
        senc_buffer_append_text(out, "***");
        text += before + n, n_bytes -= before + n;
    }
}

void eval_http_append_message(const char *body, size_t n_bytes, const char *secret, senc_buffer *out) {
    data_json *document = NULL;
    data_json_parse(body, n_bytes, "", &document, NULL);
    const char *message = find_message(document);
    senc_buffer redacted = {0}, clean = {0};
    eval_http_append_redacted(message ? message : body, message ? strlen(message) : n_bytes, secret, &redacted);
    data_utf8_append_replaced(senc_buffer_text(&redacted), redacted.n_bytes, &clean);
    size_t n = 0;
    for (size_t i = 0; i < clean.n_bytes; i++) { /* runs of blanks and controls become one space */
        const unsigned char c = (unsigned char)clean.data[i];
        const bool blank = c <= ' ' || c == 0x7f;
        if (blank && (n == 0 || clean.data[n - 1] == ' ')) continue;
        clean.data[n++] = blank ? ' ' : (char)c;
    }
    const bool is_cut = n > MOST_BYTES;
    if (is_cut) n = MOST_BYTES;
    while (is_cut && n > 0 && ((unsigned char)clean.data[n] & 0xc0) == 0x80) n--; /* at a character */
    while (n > 0 && clean.data[n - 1] == ' ') n--;
    senc_buffer_append(out, n > 0 ? clean.data : "", n);
    if (is_cut) senc_buffer_append_text(out, "...");
    senc_buffer_free(&clean);
    senc_buffer_free(&redacted);
    data_json_free(document);
}

static const char *advice(long status) {
    switch (status) {
    case 401:
        return "; is the key right?";
    case 403:
        return "; may this key do it?";
    case 404:
        return "; is the model's name right?";
    case 413:
        return "; ?batch=N makes requests smaller";
    default:
        return status >= 300 && status < 400 ? "; redirects are not followed, expected the final URL" : "";
    }
}

bool eval_http_fail(const char *place, const char *url, const char *secret, long status, int64_t n_tries,
                    const char *body, size_t n_bytes, senc_error *err) {
    senc_buffer text = {0};
    senc_buffer_printf(&text, "%s: ", place);
    eval_http_append_redacted(url, strlen(url), secret, &text);
    senc_buffer_printf(&text, " answered %ld", status);
    if (n_tries > 1) senc_buffer_printf(&text, " (%lld tries)", (long long)n_tries);
    const size_t head = text.n_bytes;
    senc_buffer_append_text(&text, ": ");
    const size_t start = text.n_bytes;
    eval_http_append_message(body, n_bytes, secret, &text);
    if (text.n_bytes == start && text.data) text.data[text.n_bytes = head] = '\0';
    senc_buffer_append_text(&text, advice(status));
    const bool is_input = status >= 300 && status < 500 && status != 429 && status != 408;
    senc_fail(err, is_input ? SENC_BAD_INPUT : SENC_FAILED, "%s", senc_buffer_text(&text));
    senc_buffer_free(&text);
    return false;
}
