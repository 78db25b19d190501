/* JSON values -> text. See json.h. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "data/formats/json.h"
#include "data/formats/json_value.h"

void data_json_append_string(senc_buffer *out, const char *text, size_t n_bytes) {
    static const char special[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    senc_buffer_append_text(out, "\"");
    size_t from = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        const uint8_t byte = (uint8_t)text[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
        senc_buffer_append(out, text + from, i - from);
        from = i + 1;
        const char *found = byte ? strchr(special, byte) : NULL;
        if (found)
            senc_buffer_printf(out, "\\%c", letters[found - special]);
        else
            senc_buffer_printf(out, "\\u%04x", byte);
    }
    senc_buffer_append(out, text + from, n_bytes - from);
    senc_buffer_append_text(out, "\"");
}

/* 17 significant digits always read back to the same double; most values need fewer. */
void data_json_append_number(senc_buffer *out, double value) {
    if (!isfinite(value)) {
        senc_buffer_append_text(out, "null");
        return;
    }
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    /* 1e+06 is shortest for a million, but nobody writes it so. */
    if (fabs(value) < 1e15 && value == trunc(value)) snprintf(text, sizeof text, "%.0f", value);
    senc_buffer_append_text(out, text);
    if (!strpbrk(text, ".e")) senc_buffer_append_text(out, ".0");
}

static void new_line(senc_buffer *out, int indent, int depth) {
    if (indent > 0) senc_buffer_printf(out, "\n%*s", indent * depth, "");
}

static void dump(const data_json *v, int indent, int depth, senc_buffer *out);

static void dump_children(const data_json *v, int indent, int depth, senc_buffer *out) {
    const bool object = v->type == DATA_JSON_OBJECT;
    senc_buffer_append_text(out, object ? "{" : "[");
    for (const data_json *m = v->first; m; m = m->next) {
        if (m != v->first) senc_buffer_append_text(out, indent > 0 ? "," : ", ");
        new_line(out, indent, depth + 1);
        if (object) {
            data_json_append_string(out, m->key, m->key_bytes);
            senc_buffer_append_text(out, ": ");
        }
        dump(m, indent, depth + 1, out);
    }
    if (v->first) new_line(out, indent, depth);
    senc_buffer_append_text(out, object ? "}" : "]");
}

static void dump(const data_json *v, int indent, int depth, senc_buffer *out) {
    switch (v->type) {
    case DATA_JSON_NULL:
        senc_buffer_append_text(out, "null");
        break;
    case DATA_JSON_BOOL:
        senc_buffer_append_text(out, v->boolean ? "true" : "false");
        break;
    case DATA_JSON_INTEGER:
        senc_buffer_printf(out, "%" PRId64, v->integer);
        break;
    case DATA_JSON_NUMBER:
        data_json_append_number(out, v->number);
        break;
    case DATA_JSON_STRING:
        data_json_append_string(out, v->text, v->n_bytes);
        break;
    case DATA_JSON_ARRAY:
    case DATA_JSON_OBJECT:
        dump_children(v, indent, depth, out);
        break;
    }
}

bool data_json_dump(const data_json *v, int indent, senc_buffer *out) {
    if (!v || v->pool->failed) return false;
    dump(v, indent, 0, out);
    return !out->failed;
}

bool data_json_save(const data_json *v, int indent, const char *path, senc_error *err) {
    senc_buffer text = {0};
    bool ok = data_json_dump(v, indent, &text);
    senc_buffer_append_text(&text, "\n");
    ok = ok && !text.failed;
    if (!ok) senc_fail_memory(err, text.n_bytes, "JSON");
    ok = ok && senc_file_write(path, text.data, text.n_bytes, err);
    senc_buffer_free(&text);
    return ok;
}
