/* UTF-8: validation and repair by the rules of the Unicode standard (3.9, table 3-7) and the WHATWG encoding standard:
 * one U+FFFD for each maximal subpart of an ill-formed sequence. */
#ifndef DATA_UTF8_H
#define DATA_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/buffer.h"

/* The offset of the first byte of the first ill-formed sequence; n_bytes when the text is well-formed. */
size_t data_utf8_check(const char *text, size_t n_bytes);

/* Appends text with every ill-formed subpart replaced by U+FFFD; returns how many there were. */
int64_t data_utf8_append_replaced(const char *text, size_t n_bytes, senc_buffer *out);

/* Decodes one character at text[0..n_bytes), n_bytes >= 1: the length of the sequence (1..4) with the code point in
 * *code, or, when it is ill-formed, minus the length of its maximal subpart (-1..-3) with *code = 0xFFFD. */
int data_utf8_decode(const char *text, size_t n_bytes, uint32_t *code);

/* Writes code (not a surrogate, <= 0x10FFFF) to out[4]; returns the number of bytes. */
int data_utf8_encode(uint32_t code, char *out);

/* Number of characters in well-formed text; ill-formed subparts count one each. */
int64_t data_utf8_count(const char *text, size_t n_bytes);

#endif
