/* Texts to vectors by an API: see remote.h. Texts with the same bytes are one text; what is in the cache is not sent;
 * the rest goes out in batches, in the order of the texts, and every answer is stored before the next is looked at. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/sha256.h"
#include "eval/remote/remote_parts.h"

/* A number of a vector, as JSON writes it, is shorter than this; so is the room for all else in an answer. */
#define NUMBER_BYTES 40
#define FRAME_BYTES  (1 << 20)

typedef struct text_key {
    uint8_t digest[EVAL_PAID_DIGEST];
    int64_t index; /* of the text */
} text_key;

/* Texts that are the same: keys[from .. to), by index. */
typedef struct text_group {
    int64_t from, to, index, n_tokens; /* index: of the first */
} text_group;

typedef struct embed_run {
    eval_remote *r;
    eval_role role;
    const char *type, *prompt; /* type: NULL for none */
    const eval_text *texts;
    int64_t n;
    float *out;
    text_key *keys;     /* (n_keys), by digest */
    text_group *groups; /* (n_groups) to be sent, by index */
    int64_t *batches;   /* (n_batches + 1) borders in groups */
    int64_t n_keys, n_groups, n_batches;
    int64_t n_tokens;
} embed_run;

int64_t eval_remote_estimate_tokens(const char *text, int64_t n_bytes) {
    int64_t n_ascii = 0, n_other = 0;
    for (int64_t i = 0; i < n_bytes; i++) {
        const unsigned char c = (unsigned char)text[i];
        n_ascii += c < 0x80;
        n_other += c >= 0xc0; /* first bytes of sequences */
    }
    return (n_ascii + 3) / 4 + n_other;
}

static bool is_blank(const eval_text *t) {
    for (int64_t i = 0; i < t->n_bytes; i++)
        if (!isspace((unsigned char)t->bytes[i])) return false;
    return true;
}

/* A text without what max_bytes cuts off, at a character. */
static eval_text cut(const eval_remote *r, const eval_text *t) {
    const int64_t most = r->spec.choices.max_bytes;
    eval_text c = *t;
    if (most == 0 || c.n_bytes <= most) return c;
    c.n_bytes = most;
    while (c.n_bytes > 0 && ((unsigned char)c.bytes[c.n_bytes] & 0xc0) == 0x80) c.n_bytes--;
    return c;
}

static int by_digest(const void *a, const void *b) {
    const text_key *x = a, *y = b;
    const int order = memcmp(x->digest, y->digest, sizeof x->digest);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int by_index(const void *a, const void *b) {
    const text_group *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

static void free_run(embed_run *run) {
    free(run->keys);
    free(run->groups);
    free(run->batches);
}

static int64_t estimate(const embed_run *run, const eval_text *text) {
    return eval_remote_estimate_tokens(run->prompt, (int64_t)strlen(run->prompt)) +
           eval_remote_estimate_tokens(text->bytes, text->n_bytes);
}

static bool make_keys(embed_run *run, senc_error *err) {
    eval_remote *r = run->r;
    run->keys = senc_alloc((size_t)run->n, sizeof *run->keys);
    run->groups = senc_alloc((size_t)run->n, sizeof *run->groups);
    run->batches = senc_alloc((size_t)run->n + 1, sizeof *run->batches);
    if (!run->keys || !run->groups || !run->batches)
        return senc_fail_memory(err, (size_t)run->n * sizeof *run->keys, "texts");
    for (int64_t i = 0; i < run->n; i++) {
        if (is_blank(&run->texts[i])) {
            if (run->out) memset(run->out + i * r->width, 0, (size_t)r->width * sizeof *run->out);
            r->stats.n_empty++;
            continue;
        }
        const eval_text text = cut(r, &run->texts[i]);
        r->stats.n_truncated += text.n_bytes < run->texts[i].n_bytes;
        text_key *key = &run->keys[run->n_keys++];
        data_sha256 s;
        data_sha256_init(&s);
        data_sha256_update(&s, run->prompt, strlen(run->prompt));
        data_sha256_update(&s, text.bytes, (size_t)text.n_bytes);
        data_sha256_finish(&s, key->digest);
        key->index = i;
        r->stats.n_by_role[run->role]++;
        r->stats.n_tokens_by_role[run->role] += estimate(run, &text);
    }
    qsort(run->keys, (size_t)run->n_keys, sizeof *run->keys, by_digest);
    return true;
}

static void give(const embed_run *run, const text_group *g, const float *vector) {
    const int64_t width = run->r->width;
    for (int64_t k = g->from; run->out && k < g->to; k++)
        memcpy(run->out + run->keys[k].index * width, vector, (size_t)width * sizeof *vector);
}

/* Groups of the same text; those in the cache are given at once. */
static bool make_groups(embed_run *run, senc_error *err) {
    eval_remote *r = run->r;
    for (int64_t from = 0, to; from < run->n_keys; from = to) {
        const uint8_t *digest = run->keys[from].digest;
        for (to = from + 1; to < run->n_keys && memcmp(run->keys[to].digest, digest, EVAL_PAID_DIGEST) == 0;) to++;
        text_group g = {.from = from, .to = to, .index = run->keys[from].index};
        const float *vector;
        if (!eval_paid_vectors_find(r->cache, run->type ? run->type : "", digest, &vector, err)) return false;
        r->stats.n_repeated += to - from - 1;
        if (vector) {
            give(run, &g, vector);
            r->stats.n_cached++;
            continue;
        }
        const eval_text text = cut(r, &run->texts[g.index]);
        g.n_tokens = estimate(run, &text);
        run->n_tokens += g.n_tokens;
        run->groups[run->n_groups++] = g;
    }
    qsort(run->groups, (size_t)run->n_groups, sizeof *run->groups, by_index);
    return true;
}

/* As many texts a batch as the limits allow; at least one. */
static void make_batches(embed_run *run) {
    const eval_provider_limits *limits = &run->r->limits;
    run->batches[0] = 0;
    for (int64_t from = 0, to; from < run->n_groups; from = to) {
        int64_t n_tokens = run->groups[from].n_tokens;
        for (to = from + 1; to < run->n_groups && to - from < limits->n_texts; to++) {
            n_tokens += run->groups[to].n_tokens;
            if (n_tokens > limits->n_tokens) break;
        }
        run->batches[++run->n_batches] = to;
    }
}

/* ---- requests ---- */

/* Texts with the prompt in front lie one behind the other in `joined`. */
static bool collect(const embed_run *run, int64_t from, int64_t n, eval_text *texts, senc_buffer *joined,
                    senc_error *err) {
    const size_t prompt_bytes = strlen(run->prompt);
    for (int64_t i = 0; i < n; i++) {
        texts[i] = cut(run->r, &run->texts[run->groups[from + i].index]);
        if (prompt_bytes == 0) continue;
        senc_buffer_append(joined, run->prompt, prompt_bytes);
        senc_buffer_append(joined, texts[i].bytes, (size_t)texts[i].n_bytes);
        texts[i].n_bytes += (int64_t)prompt_bytes;
    }
    if (joined->failed) return senc_fail_memory(err, joined->n_bytes, "texts");
    const char *at = senc_buffer_text(joined);
    for (int64_t i = 0; prompt_bytes > 0 && i < n; i++) {
        texts[i].bytes = at;
        at += texts[i].n_bytes;
    }
    return true;
}

static bool build(void *context, int64_t b, senc_buffer *body, senc_error *err) {
    embed_run *run = context;
    const int64_t from = run->batches[b], n = run->batches[b + 1] - from;
    eval_text *texts = senc_alloc((size_t)n, sizeof *texts);
    senc_buffer joined = {0};
    bool ok = texts || senc_fail_memory(err, (size_t)n * sizeof *texts, "a request");
    ok = ok && collect(run, from, n, texts, &joined, err);
    if (ok) {
        const eval_provider_call call = {&run->r->spec, run->type, texts, n};
        data_json *object = data_json_create_object();
        run->r->spec.provider->put_body(&call, object);
        ok = data_json_dump(object, 0, body) || senc_fail_memory(err, joined.n_bytes, "a request");
        data_json_free(object);
    }
    senc_buffer_free(&joined);
    free(texts);
    return ok;
}

static bool read_answer(embed_run *run, const char *bytes, size_t n_bytes, eval_answer *answer, senc_error *err) {
    char place[128];
    snprintf(place, sizeof place, "%.100s: answer", run->r->spec.name);
    const data_json *document;
    return data_json_parse_in(run->r->pool, bytes, n_bytes, place, 1, true, &document, err) &&
           run->r->spec.provider->read_answer(document, answer, err);
}

static bool keep(embed_run *run, int64_t from, const eval_answer *answer, senc_error *err) {
    uint8_t(*digests)[EVAL_PAID_DIGEST] = senc_alloc((size_t)answer->n, sizeof *digests);
    if (!digests) return senc_fail_memory(err, (size_t)answer->n * sizeof *digests, "an answer");
    for (int64_t i = 0; i < answer->n; i++)
        memcpy(digests[i], run->keys[run->groups[from + i].from].digest, EVAL_PAID_DIGEST);
    const bool ok = eval_paid_vectors_store(run->r->cache, run->type ? run->type : "", digests, answer->values,
                                            answer->n, answer->width, err);
    free(digests);
    return ok;
}

static void count(embed_run *run, int64_t from, const eval_answer *answer) {
    eval_remote *r = run->r;
    int64_t n_tokens = answer->n_tokens;
    if (n_tokens < 0) {
        r->stats.tokens_estimated = true;
        n_tokens = 0;
        for (int64_t i = 0; i < answer->n; i++) n_tokens += run->groups[from + i].n_tokens;
    }
    r->stats.n_tokens += n_tokens;
    r->stats.n_sent += answer->n;
    if (r->show) {
        const eval_remote_stats stats = eval_remote_get_stats(r);
        r->show(r->show_context, &stats);
    }
}

/* A server may repeat the key in an answer that is wrong in another way; and it is the server that is wrong, not what
 * the user gave us. */
static bool fail_answer(const eval_remote *r, const senc_error *wrong, senc_error *err) {
    senc_buffer text = {0};
    eval_http_append_redacted(wrong->text, strlen(wrong->text), r->key, &text);
    senc_fail(err, SENC_FAILED, "%s", senc_buffer_text(&text));
    senc_buffer_free(&text);
    return false;
}

static bool take(void *context, int64_t b, const char *bytes, size_t n_bytes, senc_error *err) {
    embed_run *run = context;
    const int64_t from = run->batches[b];
    eval_answer answer = {
        .n = run->batches[b + 1] - from, .width = run->r->width, .n_tokens = -1, .place = run->r->spec.name};
    senc_error wrong = {0};
    const bool ok = read_answer(run, bytes, n_bytes, &answer, &wrong) ? keep(run, from, &answer, err)
                                                                      : fail_answer(run->r, &wrong, err);
    if (ok) {
        run->r->width = answer.width;
        for (int64_t i = 0; i < answer.n; i++) give(run, &run->groups[from + i], answer.values + i * answer.width);
        count(run, from, &answer);
    }
    eval_answer_free(&answer);
    return ok;
}

static bool send_groups(embed_run *run, senc_error *err) {
    eval_remote *r = run->r;
    if (run->n_groups == 0) return true;
    if (!eval_remote_allow(r, run->n_groups, run->n_tokens, err)) return false;
    r->n_tokens_allowed += run->n_tokens;
    make_batches(run);
    int64_t most = 1;
    for (int64_t b = 0; b < run->n_batches; b++) {
        const int64_t n = run->batches[b + 1] - run->batches[b];
        if (n > most) most = n;
    }
    const int64_t width = r->width > 0 ? r->width : 65536;
    const eval_http_work work = {.url = r->url,
                                 .n = run->n_batches,
                                 .max_answer_bytes = (size_t)(most * width * NUMBER_BYTES + FRAME_BYTES),
                                 .build = build,
                                 .take = take,
                                 .context = run};
    return eval_http_post(r->http, &work, err);
}

static embed_run make_run(eval_remote *r, eval_role role, const eval_text *texts, int64_t n, float *out) {
    return (embed_run){.r = r,
                       .role = role,
                       .type = eval_remote_spec_type(&r->spec, role),
                       .prompt = eval_remote_spec_prompt(&r->spec, role),
                       .texts = texts,
                       .n = n,
                       .out = out};
}

bool eval_remote_embed(eval_remote *r, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err) {
    embed_run run = make_run(r, role, texts, n, out);
    const double start_ms = senc_clock_ms();
    const bool ok = make_keys(&run, err) && make_groups(&run, err) && send_groups(&run, err);
    r->stats.n_texts += n;
    r->stats.ms += senc_clock_ms() - start_ms;
    free_run(&run);
    return ok;
}

/* ---- planning ---- */

/* Vectors that differ from text to text, so that no evaluator stumbles over a constant; of empty texts zeros. */
static void fill(const embed_run *run, float *out) {
    const int64_t width = EVAL_REMOTE_PLAN_WIDTH;
    memset(out, 0, (size_t)(run->n * width) * sizeof *out);
    for (int64_t k = 0; k < run->n_keys; k++) {
        float *row = out + run->keys[k].index * width;
        for (int64_t i = 0; i < width; i++) row[i] = ((float)run->keys[k].digest[i] - 127.5F) / 128;
    }
}

bool eval_remote_embed_plan(eval_remote *r, eval_role role, const eval_text *texts, int64_t n, float *out,
                            senc_error *err) {
    embed_run run = make_run(r, role, texts, n, NULL);
    const eval_remote_stats before = r->stats;
    bool ok = make_keys(&run, err) && make_groups(&run, err);
    r->stats = before; /* a plan is not work */
    for (int64_t g = 0; ok && g < run.n_groups; g++) {
        bool is_new = false;
        const uint8_t *digest = run.keys[run.groups[g].from].digest;
        ok = eval_paid_vectors_plan(r->cache, run.type ? run.type : "", digest, &is_new, err);
        r->plan.n_texts += is_new;
        r->plan.n_tokens += is_new ? run.groups[g].n_tokens : 0;
    }
    if (ok) fill(&run, out);
    free_run(&run);
    return ok;
}
