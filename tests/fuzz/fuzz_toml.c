/* Fuzz target: the TOML parser, the printer and --set. Whatever the bytes are, a document is refused with one line of
 * text or becomes a tree whose printed form is TOML for the same tree, after the expansion of the environment too. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/error.h"
#include "data/formats/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

/* "tree = ..." of a table. */
static void print_document(const senc_value *tree, senc_buffer *out) {
    senc_buffer_append_text(out, "tree = ");
    senc_value_print(tree, out);
    SENC_ASSERT(!out->failed, "%zu bytes printed", out->n_bytes);
}

static void check_prints_back(const senc_value *tree) {
    senc_buffer printed = {0}, again = {0};
    senc_value *parsed;
    senc_error err = {0};
    print_document(tree, &printed);
    /* One level deeper than the original, which may stand at the limit. */
    if (data_toml_parse(printed.data, printed.n_bytes, "printed", &parsed, &err)) {
        SENC_ASSERT(data_toml_expand_environment(parsed, &err), "%s\n%s", err.text, printed.data);
        print_document(senc_value_find(parsed, "tree"), &again);
        SENC_ASSERT(strcmp(printed.data, again.data) == 0, "%s\n%s", printed.data, again.data);
        senc_value_free(parsed);
    } else {
        SENC_ASSERT(strstr(err.text, "levels of tables"), "%s\n%s", err.text, printed.data);
    }
    senc_buffer_free(&printed);
    senc_buffer_free(&again);
}

static void check_assignment(const uint8_t *data, size_t n_bytes) {
    char *text = malloc(n_bytes + 1);
    SENC_ASSERT(text, "%zu bytes", n_bytes);
    memcpy(text, data, n_bytes);
    text[n_bytes] = '\0';
    senc_value *tree;
    senc_error err = {0};
    const bool ok = data_toml_parse_assignment(text, &tree, &err);
    SENC_ASSERT(ok == (tree != NULL) && ok == (err.kind == SENC_OK), "%s", err.text);
    senc_value_free(tree);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
    senc_value *tree;
    senc_error err = {0};
    const bool ok = data_toml_parse((const char *)data, n_bytes, "fuzz", &tree, &err);
    SENC_ASSERT(ok == (tree != NULL) && ok == (err.kind == SENC_OK), "%s", err.text);
    if (ok)
        check_prints_back(tree);
    else
        SENC_ASSERT(err.text[0] && !strchr(err.text, '\n'), "%s", err.text);
    if (ok && !data_toml_expand_environment(tree, &err)) SENC_ASSERT(err.text[0], "%d", err.kind);
    senc_value_free(tree);
    check_assignment(data, n_bytes);
    return 0;
}
