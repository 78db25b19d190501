/* What can be evaluated: see system.h. The kinds of systems, and what they have in common. */
#include "eval/system.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/remote/remote_spec.h"
#include "eval/systems/system_parts.h"
#include "eval/systems/variant.h"

#define SYSTEM(name) extern const eval_system_kind eval_##name##_system;
#include "eval/systems.def"
#undef SYSTEM

#define SYSTEM(name) &eval_##name##_system,
static const eval_system_kind *const kinds[] = {
#include "eval/systems.def"
};
#undef SYSTEM
enum { N_KINDS = sizeof kinds / sizeof *kinds };

const eval_system_kind *eval_system_kind_find(const char *name) {
    for (int i = 0; i < N_KINDS; i++)
        if (strcmp(kinds[i]->name, name) == 0) return kinds[i];
    return NULL;
}

const char *eval_system_kind_nearest(const char *wrong) {
    const char *names[N_KINDS];
    int n = 0;
    for (int i = 0; i < N_KINDS; i++)
        if (strcmp(kinds[i]->name, "model") != 0) names[n++] = kinds[i]->name;
    return senc_nearest_name(wrong, names, n);
}

bool eval_system_list(int i, const char **form, const char **help, const senc_option **options) {
    if (i < 0 || i > N_KINDS + 1) return false;
    if (i == N_KINDS) {
        *form = "API?KEY=VALUE";
        *help = "keys of the embedding APIs (openai to ollama)";
        *options = eval_remote_option_rows;
    } else if (i == N_KINDS + 1) {
        *form = "SPEC?KEY=VALUE";
        *help = "a variant of what has vectors; several keys are joined by &";
        *options = eval_variant_options;
    } else {
        *form = kinds[i]->form;
        *help = kinds[i]->help;
        *options = kinds[i]->is_remote ? NULL : kinds[i]->options;
    }
    return true;
}

bool eval_system_may_send(const char *spec) {
    for (int i = 0; i < N_KINDS; i++) {
        const size_t n = strlen(kinds[i]->name);
        for (const char *at = spec; kinds[i]->is_remote && (at = strstr(at, kinds[i]->name)); at += n)
            if (at[n] == ':') return true;
    }
    return false;
}

bool eval_system_add_rule(eval_system *s, senc_error *err, const char *fmt, ...) {
    char **grown = senc_realloc(s->rules, (size_t)s->n_rules + 1, sizeof *grown);
    if (!grown) return senc_fail_memory(err, sizeof *grown, "a rule");
    s->rules = grown;
    va_list args;
    va_start(args, fmt);
    const int n = vasprintf(&grown[s->n_rules], fmt, args);
    va_end(args);
    if (n < 0) return senc_fail_memory(err, strlen(fmt), "a rule");
    s->n_rules++;
    return true;
}

bool eval_system_add_part(eval_system *s, eval_system *part, senc_error *err) {
    eval_system **grown = senc_realloc(s->parts, (size_t)s->n_parts + 1, sizeof *grown);
    if (!grown) {
        eval_system_free(part);
        return senc_fail_memory(err, sizeof *grown, "a system");
    }
    s->parts = grown;
    s->parts[s->n_parts++] = part;
    return true;
}

/* ---- opening ---- */

static bool fail_unknown(const eval_spec_text *t, senc_error *err) {
    const char *near = eval_system_kind_nearest(t->scheme);
    return senc_fail(err, SENC_BAD_INPUT, "%s: there is no kind of system \"%s\", nor such a file%s%s%s", t->body,
                     t->scheme, near ? "; did you mean \"" : " (senc list systems)", near ? near : "",
                     near ? "\"?" : "");
}

static bool find_kind(const eval_spec_text *t, const eval_system_kind **kind, senc_error *err) {
    *kind = eval_system_kind_find(t->scheme ? t->scheme : "model");
    if (!*kind || (t->scheme && strcmp(t->scheme, "model") == 0)) return fail_unknown(t, err);
    if ((*kind)->takes_argument && !t->argument[0])
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected %s", t->body, (*kind)->form);
    if (!(*kind)->takes_argument && t->argument[0])
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected nothing behind \"%s\" but keys: %s", t->body, t->scheme,
                         (*kind)->form);
    return true;
}

/* Names of a table, for `ignore`, ended by NULL. */
static void names_of(const senc_option *table, const char **names, int64_t most) {
    int64_t n = 0;
    for (; table && table->name && n + 1 < most; table++) names[n++] = table->name;
    names[n] = NULL;
}

#define MOST_KEYS 32

/* Keys of the kind; those of variants are left for eval_variant_open where variants apply and the kind has its own. */
static bool read_options(eval_system *s, const senc_value *keys, senc_error *err) {
    static const senc_option none[] = {{0}};
    const eval_system_kind *kind = s->kind;
    const char *ignore[MOST_KEYS] = {NULL};
    if (kind->has_vectors) names_of(eval_variant_options, ignore, MOST_KEYS);
    char owner[64];
    snprintf(owner, sizeof owner, "system \"%s\"", kind->name);
    s->options = senc_alloc_zero(1, kind->options_bytes + 1);
    if (!s->options) return senc_fail_memory(err, kind->options_bytes, "the options of a system");
    if (kind->has_vectors && !kind->options) return true; /* eval_variant_open reads them all */
    if (senc_options_read(kind->options ? kind->options : none, s->options, keys, kind->name, owner, ignore, err))
        return true;
    return strcmp(kind->name, "hybrid") == 0
               ? senc_error_prefix(err, "a part's own keys stand in parentheses with it: ")
               : false;
}

static bool open_variant(eval_system *s, const senc_value *keys, senc_error *err) {
    const char *ignore[MOST_KEYS];
    names_of(s->kind->options, ignore, MOST_KEYS);
    return !s->kind->has_vectors || eval_variant_open(s, keys, ignore, err);
}

static bool open_parsed(const eval_spec_text *t, const eval_system_options *how, eval_system *s, senc_error *err) {
    if (!find_kind(t, &s->kind, err)) return false;
    s->spec = senc_strdup(t->body);
    s->label = t->label ? senc_strdup(t->label) : eval_system_name(t->body, 0);
    if (!s->spec || !s->label) return senc_fail_memory(err, strlen(t->body), "the name of a system");
    return read_options(s, t->keys, err) && s->kind->open(s, t->argument, s->options, how, err) &&
           open_variant(s, t->keys, err);
}

bool eval_system_open(const char *spec, const eval_system_options *options, eval_system **out, senc_error *err) {
    *out = NULL;
    eval_spec_text text;
    if (!eval_spec_parse(spec, &text, err)) return false;
    eval_system *s = senc_alloc_zero(1, sizeof *s);
    const bool ok = s ? open_parsed(&text, options, s, err) : senc_fail_memory(err, sizeof *s, "a system");
    eval_spec_free(&text);
    if (ok)
        *out = s;
    else
        eval_system_free(s);
    return ok;
}

void eval_system_free(eval_system *s) {
    if (!s) return;
    if (s->kind && s->kind->close) s->kind->close(s);
    eval_variant_free(s->variant);
    eval_kept_share_free(s->share);
    for (int64_t i = 0; i < s->n_parts; i++) eval_system_free(s->parts[i]);
    for (int64_t i = 0; i < s->n_rules; i++) free(s->rules[i]);
    if (s->options && s->kind->options) senc_options_free(s->kind->options, s->options);
    free(s->options);
    free(s->parts);
    free(s->rules);
    free(s->label);
    free(s->spec);
    free(s);
}

/* ---- what is known of one ---- */

const char *eval_system_label(const eval_system *s) {
    return s->label;
}

const char *eval_system_spec(const eval_system *s) {
    return s->spec;
}

eval_embedder eval_system_embedder(eval_system *s) {
    eval_embedder embedder = s->embedder;
    embedder.rules = (const char *const *)s->rules;
    embedder.n_rules = s->n_rules;
    return embedder;
}

bool eval_system_get_facts(const eval_system *s, eval_system_facts *facts, senc_error *err) {
    *facts = (eval_system_facts){.max_length = s->max_length};
    if (s->embedder.embed) {
        facts->dimension = s->embedder.width;
        facts->bytes_per_vector =
            s->bytes_per_vector > 0 ? s->bytes_per_vector : s->embedder.width * (int64_t)sizeof(float);
    }
    return !s->kind->add_facts || s->kind->add_facts(s, facts, err);
}

const char *eval_system_prompt(const eval_system *s, eval_role role) {
    if (s->encoder) return eval_encoder_prompt(s->encoder, role);
    if (s->remote) return eval_remote_system_prompt(s, role);
    return s->n_parts == 1 ? eval_system_prompt(s->parts[0], role) : NULL;
}

void eval_system_watch(eval_system *s, eval_encoder_progress *show, void *context) {
    if (s->encoder) eval_encoder_watch(s->encoder, show, context);
    if (s->remote) eval_remote_system_watch(s, show, context);
    for (int64_t i = 0; i < s->n_parts; i++) eval_system_watch(s->parts[i], show, context);
}

static void add_stats(const eval_system *s, eval_encoder_stats *sum, int64_t *max_length) {
    if (s->encoder) {
        eval_encoder_stats own = *eval_encoder_get_stats(s->encoder);
        if (s->share) own = eval_kept_share_stats(s->share, &own);
        eval_encoder_stats_add(sum, 1, &own);
        if (*max_length == 0 || s->max_length < *max_length) *max_length = s->max_length;
    }
    if (s->remote) eval_remote_system_add_stats(s, sum);
    for (int64_t i = 0; i < s->n_parts; i++) add_stats(s->parts[i], sum, max_length);
}

void eval_system_get_stats(const eval_system *s, eval_encoder_stats *stats, int64_t *max_length) {
    *stats = (eval_encoder_stats){0};
    *max_length = 0;
    add_stats(s, stats, max_length);
}

static void add_ranking(const eval_system *s, eval_ranking_cost *sum) {
    sum->n_documents += s->ranking.n_documents;
    sum->n_queries += s->ranking.n_queries;
    sum->index_bytes += s->ranking.index_bytes;
    sum->index_ms += s->ranking.index_ms;
    sum->query_ms += s->ranking.query_ms;
    for (int64_t i = 0; i < s->n_parts; i++) add_ranking(s->parts[i], sum);
}

void eval_system_get_ranking(const eval_system *s, eval_ranking_cost *cost) {
    *cost = (eval_ranking_cost){0};
    add_ranking(s, cost);
}
