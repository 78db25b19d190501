/* UTF-8: see utf8.h. */
#include "data/formats/utf8.h"

#include <string.h>

/* Length and allowed range of the second byte for each lead byte (Unicode 15, table 3-7). 0: never a lead byte. */
static int lead_length(uint8_t lead, uint8_t *low, uint8_t *high) {
    *low = 0x80;
    *high = 0xBF;
    if (lead < 0x80) return 1;
    if (lead < 0xC2) return 0;
    if (lead < 0xE0) return 2;
    if (lead < 0xF0) {
        if (lead == 0xE0) *low = 0xA0;  /* no overlong forms */
        if (lead == 0xED) *high = 0x9F; /* no surrogates */
        return 3;
    }
    if (lead > 0xF4) return 0;
    if (lead == 0xF0) *low = 0x90;
    if (lead == 0xF4) *high = 0x8F; /* nothing above U+10FFFF */
    return 4;
}

int data_utf8_decode(const char *text, size_t n_bytes, uint32_t *code) {
    const uint8_t *s = (const uint8_t *)text;
    uint8_t low, high;
    const int length = lead_length(s[0], &low, &high);
    if (length == 1) {
        *code = s[0];
        return 1;
    }
    *code = 0xFFFD;
    if (length == 0) return -1;
    uint32_t value = s[0] & (0xFFu >> (length + 1));
    for (int i = 1; i < length; i++) {
        if ((size_t)i >= n_bytes || s[i] < low || s[i] > high) return -i;
        value = value << 6 | (s[i] & 0x3F);
        low = 0x80;
        high = 0xBF;
    }
    *code = value;
    return length;
}

size_t data_utf8_check(const char *text, size_t n_bytes) {
    size_t i = 0;
    while (i < n_bytes) {
        uint64_t word; /* eight ASCII bytes at once */
        while (n_bytes - i >= sizeof word) {
            memcpy(&word, text + i, sizeof word);
            if (word & UINT64_C(0x8080808080808080)) break;
            i += sizeof word;
        }
        if (i == n_bytes) break;
        if ((uint8_t)text[i] < 0x80) {
            i++;
            continue;
        }
        uint32_t code;
        const int length = data_utf8_decode(text + i, n_bytes - i, &code);
        if (length < 0) return i;
        i += (size_t)length;
    }
    return n_bytes;
}

int64_t data_utf8_append_replaced(const char *text, size_t n_bytes, senc_buffer *out) {
    int64_t n_replaced = 0;
    while (n_bytes > 0) {
        const size_t good = data_utf8_check(text, n_bytes);
        senc_buffer_append(out, text, good);
        if (good == n_bytes) break;
        uint32_t code;
        const int bad = -data_utf8_decode(text + good, n_bytes - good, &code);
        senc_buffer_append_text(out, "\xEF\xBF\xBD");
        n_replaced++;
        text += good + (size_t)bad;
        n_bytes -= good + (size_t)bad;
    }
    return n_replaced;
}

int data_utf8_encode(uint32_t code, char *out) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

int64_t data_utf8_count(const char *text, size_t n_bytes) {
    int64_t n = 0;
    for (size_t i = 0; i < n_bytes; n++) {
        uint32_t code;
        const int length = data_utf8_decode(text + i, n_bytes - i, &code);
        i += (size_t)(length < 0 ? -length : length);
    }
    return n;
}
