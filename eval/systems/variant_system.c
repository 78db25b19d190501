/* A variant of an embedder that is open already: see eval_system_open_variant. */
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/systems/system_parts.h"
#include "eval/systems/variant.h"

static const eval_system_kind variant_kind = {
    .name = "variant", .form = "EMBEDDER?KEYS", .help = "", .has_vectors = true};

static bool open_keys(eval_system *s, const char *keys, senc_error *err) {
    static const char *const ignore[] = {NULL};
    senc_buffer spec = {0};
    senc_buffer_printf(&spec, "variant?%s", keys);
    eval_spec_text text;
    if (spec.failed) return senc_fail_memory(err, strlen(keys), "a system");
    bool ok = eval_spec_parse(senc_buffer_text(&spec), &text, err);
    if (ok) {
        ok = eval_variant_open(s, text.keys, ignore, err);
        eval_spec_free(&text);
    }
    senc_buffer_free(&spec);
    return ok;
}

bool eval_system_open_variant(const eval_embedder *embedder, const char *keys, eval_system **out, senc_error *err) {
    *out = NULL;
    eval_system *s = senc_alloc_zero(1, sizeof *s);
    if (!s) return senc_fail_memory(err, sizeof *s, "a system");
    s->kind = &variant_kind;
    s->embedder = *embedder;
    s->embedder.rules = NULL;
    s->embedder.n_rules = 0;
    s->label = senc_strdup(keys);
    s->spec = senc_strdup(keys);
    bool ok = (s->label && s->spec) || senc_fail_memory(err, strlen(keys), "a system");
    ok = ok && open_keys(s, keys, err);
    if (ok)
        *out = s;
    else
        eval_system_free(s);
    return ok;
}
