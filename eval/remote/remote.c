/* A model behind an API: opening it and what is known of it. See remote.h; the work is in remote_embed.c. */
#include "eval/remote/remote.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "eval/remote/remote_parts.h"

#define LIMIT_DOLLARS 1
#define LIMIT_TOKENS  1000000
#define BACKOFF_MS    1000

static const char *variable(const char *name) {
    const char *value = name ? getenv(name) : NULL;
    return value && value[0] ? value : NULL;
}

/* ---- the key ---- */

/* A key of OpenAI must not go to whatever server url= names. */
static bool has_own_server(const eval_remote_spec *spec) {
    return spec->choices.url && spec->provider->default_base;
}

static bool fail_key(const eval_remote_spec *spec, senc_error *err) {
    const eval_provider *p = spec->provider;
    senc_buffer names = {0};
    for (int i = 0; p->key_names[i]; i++) senc_buffer_printf(&names, "%s%s", i ? " or " : "", p->key_names[i]);
    senc_fail(err, SENC_BAD_INPUT, "%s: no API key: expected it in the environment variable %s%s%s", spec->name,
              senc_buffer_text(&names), p->key_hint ? "; " : "", p->key_hint ? p->key_hint : "");
    senc_buffer_free(&names);
    return false;
}

static bool is_variable_name(const char *name) {
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static bool find_key(eval_remote *r, senc_error *err) {
    const eval_remote_spec *spec = &r->spec;
    const eval_provider *p = spec->provider;
    const char *name = spec->choices.key_env;
    if (name && !is_variable_name(name)) /* perhaps the key itself, which is not repeated */
        return senc_fail(err, SENC_BAD_INPUT, "%s: key_env: expected the name of an environment variable", spec->name);
    if (name && !variable(name))
        return senc_fail(err, SENC_BAD_INPUT, "%s: key_env: the environment variable %s is not set", spec->name, name);
    for (int i = 0; !name && !has_own_server(spec) && p->key_names[i]; i++)
        if (variable(p->key_names[i])) name = p->key_names[i];
    const char *key = variable(name);
    if (!key) return (!p->key_needed || has_own_server(spec)) || fail_key(spec, err);
    for (const char *c = key; *c; c++)
        if (*c <= ' ' || *c >= 0x7f)
            return senc_fail(err, SENC_BAD_INPUT,
                             "%s: %s: expected a key of letters, digits and signs, found a blank, a line break or a "
                             "character that is not ASCII",
                             spec->name, name);
    senc_buffer header = {0};
    senc_buffer_printf(&header, "%s%s", p->key_header, key);
    r->header = senc_buffer_take(&header);
    r->key = senc_strdup(key);
    return (r->key && r->header) || senc_fail_memory(err, strlen(key), "a key");
}

/* ---- the address ---- */

/* Ollama's variable may be "host" or "host:port"; the scheme and port are then the default's. */
static void put_whole_base(const eval_provider *p, const char *base, senc_buffer *out) {
    const char *port = p->default_base ? strrchr(p->default_base, ':') : NULL;
    const bool is_bare = base[0] && !strstr(base, "://") && p->default_base;
    senc_buffer_printf(out, "%s%s%s", is_bare ? "http://" : "", base,
                       is_bare && port && !strchr(base, ':') ? port : "");
    while (out->n_bytes > 0 && out->data[out->n_bytes - 1] == '/') out->data[--out->n_bytes] = '\0';
}

static bool is_loopback(const char *url) {
    const char *host = strstr(url, "://") + 3;
    return strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost", 9) == 0 || strncmp(host, "[::1]", 5) == 0;
}

static bool find_address(eval_remote *r, senc_error *err) {
    const eval_remote_spec *spec = &r->spec;
    const eval_provider *p = spec->provider;
    const char *base = spec->choices.url, *where = "url";
    if (!base && strcmp(p->model_form, "URL") == 0) base = spec->model;
    for (int i = 0; !base && i < 2 && p->base_names[i]; i++) base = variable(where = p->base_names[i]);
    if (!base) base = p->default_base;
    if (!base)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: no address: expected the URL in the environment variable %s, or ?url=", spec->name,
                         p->base_names[0]);
    senc_buffer whole = {0}, url = {0};
    put_whole_base(p, base, &whole);
    r->base = senc_buffer_take(&whole);
    bool ok = r->base || senc_fail_memory(err, strlen(base), "a URL");
    char place[256];
    snprintf(place, sizeof place, "%s: %s", spec->name, where);
    ok = ok && (!base[0] || eval_remote_check_url(place, r->base, err));
    ok = ok && p->put_url(spec, base[0] ? r->base : NULL, &url, err);
    ok = ok && ((r->url = senc_buffer_take(&url)) || senc_fail_memory(err, 0, "a URL"));
    senc_buffer_free(&url);
    if (ok && r->key && strncmp(r->url, "http://", 7) == 0 && !is_loopback(r->url))
        senc_warn("%s: the key and all texts travel unencrypted: the address begins with http://", spec->name);
    return ok;
}

/* ---- which weights, how wide ---- */

static bool ask_identity(eval_remote *r, senc_buffer *identity, senc_error *err) {
    const eval_provider *p = r->spec.provider;
    senc_buffer url = {0}, answer = {0};
    bool found = false;
    senc_buffer_printf(&url, "%s%s", r->base, p->identity_path);
    bool ok = !url.failed || senc_fail_memory(err, 0, "a URL");
    ok = ok && eval_http_get(r->http, senc_buffer_text(&url), &answer, &found, err);
    data_json *document = NULL;
    if (ok && found) {
        ok = data_json_parse(senc_buffer_text(&answer), answer.n_bytes, p->identity_path, &document, err) &&
             p->read_identity(&r->spec, document, identity, &r->limits, err);
        if (!ok) senc_error_prefix(err, "%s: ", r->spec.name);
    }
    data_json_free(document);
    senc_buffer_free(&answer);
    senc_buffer_free(&url);
    return ok;
}

/* The name under which vectors are kept says all that may change them. */
static bool open_cache(eval_remote *r, senc_error *err) {
    senc_buffer space = {0}, identity = {0};
    bool ok = !r->spec.provider->identity_path || ask_identity(r, &identity, err);
    senc_buffer_printf(&space, "%s\n%s\n%s\n%s\ndimensions=%lld", r->spec.provider->name, r->spec.model, r->url,
                       senc_buffer_text(&identity), (long long)r->spec.choices.dimensions);
    ok = ok && ((!space.failed && !identity.failed) || senc_fail_memory(err, space.n_bytes, "a name"));
    ok = ok && eval_paid_vectors_open(r->options.cache_path, senc_buffer_text(&space), &r->cache, err);
    senc_buffer_free(&space);
    senc_buffer_free(&identity);
    return ok;
}

static bool find_width(eval_remote *r, senc_error *err) {
    static const eval_text word = {"width", 5};
    r->width = r->spec.choices.dimensions;
    if (r->width == 0) r->width = eval_paid_vectors_width(r->cache);
    if (r->width > 0 || !eval_remote_embed(r, EVAL_DOCUMENT, &word, 1, NULL, err)) return r->width > 0;
    const eval_remote_stats asked = r->stats; /* nobody asked for this text, but it is billed */
    r->stats = (eval_remote_stats){.n_tokens = asked.n_tokens, .tokens_estimated = asked.tokens_estimated};
    return true;
}

static void set_defaults(eval_remote *r) {
    const eval_remote_choices *c = &r->spec.choices;
    const eval_provider *p = r->spec.provider;
    if (!(r->options.limit_dollars > 0)) r->options.limit_dollars = LIMIT_DOLLARS;
    if (r->options.limit_tokens <= 0) r->options.limit_tokens = LIMIT_TOKENS;
    if (!(r->options.backoff_ms > 0)) r->options.backoff_ms = BACKOFF_MS;
    r->limits = p->limits;
    if (p->limit) p->limit(r->spec.model, &r->limits);
    r->price = c->price;
    if (isnan(r->price) && (!has_own_server(&r->spec) || eval_provider_list_price(p, "") == 0))
        r->price = eval_provider_list_price(p, r->spec.model);
}

static bool open_parts(eval_remote *r, senc_error *err) {
    set_defaults(r);
    const eval_remote_choices *c = &r->spec.choices;
    if (!find_key(r, err) || !find_address(r, err)) return false;
    const eval_http_options http = {.place = r->spec.name,
                                    .header = r->header,
                                    .secret = r->key,
                                    .parallel = c->parallel,
                                    .retries = c->retries,
                                    .per_minute = c->rate,
                                    .timeout_s = c->timeout,
                                    .backoff_ms = r->options.backoff_ms};
    r->pool = data_json_pool_create();
    if (!r->pool) return senc_fail_memory(err, 0, "answers");
    if (!eval_http_create(&http, &r->http, err) || !open_cache(r, err)) return false;
    if (c->batch > 0) r->limits.n_texts = c->batch;
    return find_width(r, err);
}

static eval_remote *create(const eval_remote_options *options, senc_error *err) {
    eval_remote *r = senc_alloc_zero(1, sizeof *r);
    if (!r) senc_fail_memory(err, sizeof *r, "a remote model");
    if (r && options) r->options = *options;
    return r;
}

static bool finish_open(eval_remote *r, bool ok, eval_remote **out) {
    *out = ok ? r : NULL;
    if (!ok) eval_remote_close(r);
    return ok;
}

bool eval_remote_open(const char *spec, const eval_remote_options *options, eval_remote **out, senc_error *err) {
    eval_remote *r = create(options, err);
    return finish_open(r, r && eval_remote_spec_parse(spec, &r->spec, err) && open_parts(r, err), out);
}

bool eval_remote_open_choices(const char *provider, const char *model, const eval_remote_choices *choices,
                              const eval_remote_options *options, eval_remote **out, senc_error *err) {
    const eval_provider *known = eval_provider_find(provider, strlen(provider));
    SENC_ASSERT(known, "provider %s", provider);
    eval_remote *r = create(options, err);
    return finish_open(r, r && eval_remote_spec_make(known, model, choices, &r->spec, err) && open_parts(r, err), out);
}

void eval_remote_close(eval_remote *r) {
    if (!r) return;
    eval_http_free(r->http);
    eval_paid_vectors_close(r->cache);
    data_json_pool_free(r->pool);
    if (r->key) explicit_bzero(r->key, strlen(r->key));
    if (r->header) explicit_bzero(r->header, strlen(r->header));
    free(r->key);
    free(r->header);
    free(r->base);
    free(r->url);
    eval_remote_spec_free(&r->spec);
    free(r);
}

const char *eval_remote_name(const eval_remote *r) {
    return r->spec.name;
}

const char *eval_remote_address(const eval_remote *r) {
    return r->url;
}

const char *eval_remote_prompt(const eval_remote *r, eval_role role) {
    return eval_remote_spec_prompt(&r->spec, role);
}

eval_remote_stats eval_remote_get_stats(const eval_remote *r) {
    eval_remote_stats stats = r->stats;
    const eval_http_stats http = eval_http_get_stats(r->http);
    stats.n_requests = http.n_requests;
    stats.n_retries = http.n_retries;
    stats.wait_ms = http.wait_ms;
    stats.price = r->price;
    stats.dollars = r->price * (double)stats.n_tokens / 1e6;
    return stats;
}

void eval_remote_watch(eval_remote *r, void (*show)(void *context, const eval_remote_stats *stats), void *context) {
    r->show = show;
    r->show_context = context;
}

static bool embed(void *context, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err) {
    return eval_remote_embed(context, role, texts, n, out, err);
}

static bool embed_plan(void *context, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err) {
    return eval_remote_embed_plan(context, role, texts, n, out, err);
}

eval_embedder eval_remote_embedder(eval_remote *r) {
    return (eval_embedder){.embed = embed, .context = r, .width = r->width, .similarity = "cosine"};
}

eval_embedder eval_remote_planner(eval_remote *r) {
    return (eval_embedder){.embed = embed_plan, .context = r, .width = EVAL_REMOTE_PLAN_WIDTH, .similarity = "cosine"};
}

/* ---- what it will cost ---- */

static bool is_within(const eval_remote *r, int64_t n_tokens) {
    if (r->options.yes || r->price == 0) return true;
    if (isnan(r->price)) return n_tokens <= r->options.limit_tokens;
    return (double)n_tokens * r->price / 1e6 <= r->options.limit_dollars;
}

bool eval_remote_allow(const eval_remote *r, int64_t n_texts, int64_t n_tokens, senc_error *err) {
    if (is_within(r, r->n_tokens_allowed + n_tokens)) return true;
    char cost[128];
    if (isnan(r->price))
        snprintf(cost, sizeof cost,
                 "at a price that is not known (?price= per million tokens), above the limit of %lld",
                 (long long)r->options.limit_tokens);
    else
        snprintf(cost, sizeof cost, "about $%.2f at $%.10g per million, above the limit of $%.2f",
                 (double)(r->n_tokens_allowed + n_tokens) * r->price / 1e6, r->price, r->options.limit_dollars);
    return senc_fail(err, SENC_BAD_INPUT,
                     "%s: %lld texts are not in the cache: %sabout %lld tokens, %s; --yes sends them", r->spec.name,
                     (long long)n_texts, r->n_tokens_allowed > 0 ? "with what was sent before " : "",
                     (long long)(r->n_tokens_allowed + n_tokens), cost);
}

eval_remote_plan eval_remote_get_plan(const eval_remote *r) {
    eval_remote_plan plan = r->plan;
    plan.price = r->price;
    plan.dollars = r->price * (double)plan.n_tokens / 1e6;
    plan.within_limit = is_within(r, r->n_tokens_allowed + plan.n_tokens);
    return plan;
}

bool eval_remote_check_plan(const eval_remote *r, senc_error *err) {
    return eval_remote_allow(r, r->plan.n_texts, r->plan.n_tokens, err);
}

const char *eval_remote_dollars_text(double dollars, char *out, size_t out_bytes) {
    if (dollars > 0 && dollars < 0.01)
        snprintf(out, out_bytes, "less than $0.01");
    else
        snprintf(out, out_bytes, "$%.2f", dollars);
    return out;
}

void eval_remote_describe_plan(const eval_remote *r, senc_buffer *out) {
    const eval_remote_plan plan = eval_remote_get_plan(r);
    char cost[32];
    if (plan.n_texts == 0) {
        senc_buffer_printf(out, "%s: all texts are in the cache, nothing is sent", r->spec.name);
        return;
    }
    senc_buffer_printf(out, "%s: %lld texts to send, about %lld tokens", r->spec.name, (long long)plan.n_texts,
                       (long long)plan.n_tokens);
    if (isnan(plan.price))
        senc_buffer_append_text(out, " at a price that is not known (?price=)");
    else
        senc_buffer_printf(out, ", %s at $%.10g per million", eval_remote_dollars_text(plan.dollars, cost, sizeof cost),
                           plan.price);
    if (r->options.yes)
        senc_buffer_append_text(out, "; no limit (--yes)");
    else if (isnan(plan.price))
        senc_buffer_printf(out, "; the limit is %lld tokens", (long long)r->options.limit_tokens);
    else
        senc_buffer_printf(out, "; the limit is $%.2f", r->options.limit_dollars);
}
