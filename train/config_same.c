/* Is a configuration that of a run? See config.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/formats/toml.h"
#include "train/config.h"

/* Keys that may change between a run and its continuation: they decide what is kept and shown, not what is computed. */
static const char *const free_keys[] = {"output.dir", "train.log_every", "train.checkpoint_every",
                                        "train.keep_checkpoints", "train.threads"};
/* Keys that may change with --extend. */
static const char *const length_keys[] = {"train.epochs", "train.max_steps"};

typedef struct comparison {
    const train_config *config;
    bool extend;
} comparison;

static bool is_among(const char *key, const char *const *keys, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(key, keys[i]) == 0) return true;
    }
    return false;
}

static bool is_length(const char *key) {
    return is_among(key, length_keys, sizeof length_keys / sizeof *length_keys);
}

static bool is_free(const comparison *c, const char *key) {
    return is_among(key, free_keys, sizeof free_keys / sizeof *free_keys) || (c->extend && is_length(key));
}

static void value_text(const senc_value *v, senc_buffer *out) {
    senc_buffer_clear(out);
    if (v)
        senc_value_print(v, out);
    else
        senc_buffer_append_text(out, "nothing");
}

static bool fail_changed(const char *key, const senc_value *stored, const senc_value *now, senc_error *err) {
    senc_buffer a = {0}, b = {0};
    value_text(stored, &a);
    value_text(now, &b);
    senc_fail(err, SENC_BAD_INPUT,
              "resume: %s: the run was started with %s, the config says %s; change it back, %sor start anew in another "
              "output.dir",
              key, senc_buffer_text(&a), senc_buffer_text(&b),
              is_length(key) ? "add --extend to go on for longer, " : "");
    senc_buffer_free(&a);
    senc_buffer_free(&b);
    return false;
}

/* ---- keys that an older program did not know ---- */

/* The option table that a key belongs to; *name: its last part. NULL: not known. */
static const senc_option *table_of(const train_config *c, const char *key, const char **name) {
    const struct {
        const char *section;
        const senc_option *options;
    } sections[] = {{"model.", train_model_options},
                    {"train.", train_settings_options},
                    {"output.", train_output_options},
                    {"data.", data_source_options},
                    {"loss.", c->loss->options}};
    *name = strrchr(key, '.');
    if (!*name) return NULL;
    (*name)++;
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if (strncmp(key, sections[i].section, strlen(sections[i].section)) == 0) return sections[i].options;
    }
    if (strncmp(key, "eval.", 5) != 0) return NULL;
    const long long at = strtoll(key + 5, NULL, 10);
    if (at < 0 || at >= c->n_evals) return NULL;
    const senc_value *type = senc_value_find(c->evals[at], "type");
    const eval_spec *spec = type && type->type == SENC_VALUE_STRING ? eval_find(type->string) : NULL;
    return spec ? spec->options : NULL;
}

/* Whether the value is the key's default: what a program that did not know the key did. */
static bool is_default(const train_config *c, const char *key, const senc_value *v) {
    const char *name;
    const senc_option *o = table_of(c, key, &name);
    while (o && o->name && strcmp(o->name, name) != 0) o++;
    if (!o || !o->name || !o->initial) return false;
    if (v->type == SENC_VALUE_STRING) return strcmp(v->string, o->initial) == 0;
    senc_buffer text = {0};
    value_text(v, &text);
    char *end;
    const double number = strtod(o->initial, &end), other = strtod(senc_buffer_text(&text), NULL);
    const bool same = *end == '\0' ? number == other : strcmp(senc_buffer_text(&text), o->initial) == 0;
    senc_buffer_free(&text);
    return same;
}

/* ---- comparing ---- */

static bool same_value(const comparison *c, const char *key, const senc_value *stored, const senc_value *now,
                       senc_error *err);

static bool same_tables(const comparison *c, const char *key, const senc_value *stored, const senc_value *now,
                        senc_error *err) {
    for (int side = 0; side < 2; side++) { /* keys of either: order does not matter */
        const senc_value *t = side == 0 ? stored : now;
        for (int64_t i = 0; i < t->n; i++) {
            char inner[512];
            snprintf(inner, sizeof inner, "%s%s%s", key, key[0] ? "." : "", t->pairs[i].key);
            const senc_value *a = senc_value_find(stored, t->pairs[i].key), *b = senc_value_find(now, t->pairs[i].key);
            if (is_free(c, inner) || (!a && is_default(c->config, inner, b))) continue;
            if (!a || !b) return fail_changed(inner, a, b, err);
            if (!same_value(c, inner, a, b, err)) return false;
        }
    }
    return true;
}

static bool same_value(const comparison *c, const char *key, const senc_value *stored, const senc_value *now,
                       senc_error *err) {
    if (stored->type == SENC_VALUE_TABLE && now->type == SENC_VALUE_TABLE) return same_tables(c, key, stored, now, err);
    const bool arrays = stored->type == SENC_VALUE_ARRAY && now->type == SENC_VALUE_ARRAY;
    if (arrays && stored->n == now->n) {
        for (int64_t i = 0; i < now->n; i++) {
            char inner[512];
            snprintf(inner, sizeof inner, "%s.%lld", key, (long long)i);
            if (!same_value(c, inner, stored->items[i], now->items[i], err)) return false;
        }
        return true;
    }
    senc_buffer a = {0}, b = {0};
    value_text(stored, &a);
    value_text(now, &b);
    const bool same = !arrays && strcmp(senc_buffer_text(&a), senc_buffer_text(&b)) == 0;
    senc_buffer_free(&a);
    senc_buffer_free(&b);
    return same ? true : fail_changed(key, stored, now, err);
}

bool train_config_check_same(const train_config *c, const char *stored_path, bool extend, senc_error *err) {
    senc_buffer text = {0};
    senc_value *stored = NULL, *now = NULL;
    const comparison how = {c, extend};
    const bool ok = train_config_print(c, false, &text, err) && data_toml_load(stored_path, &stored, err) &&
                    data_toml_parse(senc_buffer_text(&text), text.n_bytes, c->path, &now, err) &&
                    same_value(&how, "", stored, now, err);
    senc_value_free(stored);
    senc_value_free(now);
    senc_buffer_free(&text);
    return ok;
}
