/* See kept_pool.h. */
#include "eval/kept_pool.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/kept_vectors.h"

typedef struct kept_model {
    char *key;
    eval_kept_vectors vectors;
    eval_encoder_stats stats;
    struct kept_model *next;
} kept_model;

struct eval_kept_pool {
    int64_t bytes_at_most;
    kept_model *models;
};

struct eval_kept_share {
    eval_kept_pool *pool;
    kept_model *model;
    eval_embedder inner;
};

bool eval_kept_pool_open(int64_t bytes_at_most, eval_kept_pool **out, senc_error *err) {
    *out = senc_alloc_zero(1, sizeof **out);
    if (!*out) return senc_fail_memory(err, sizeof **out, "vectors");
    (*out)->bytes_at_most = bytes_at_most;
    return true;
}

void eval_kept_pool_free(eval_kept_pool *pool) {
    if (!pool) return;
    for (kept_model *m = pool->models, *next; m; m = next) {
        next = m->next;
        eval_kept_vectors_free(&m->vectors);
        free(m->key);
        free(m);
    }
    free(pool);
}

static kept_model *find_model(eval_kept_pool *pool, const char *key, senc_error *err) {
    for (kept_model *m = pool->models; m; m = m->next)
        if (strcmp(m->key, key) == 0) return m;
    kept_model *m = senc_alloc_zero(1, sizeof *m);
    char *copy = senc_strdup(key);
    if (!m || !copy) {
        free(m);
        free(copy);
        senc_fail_memory(err, strlen(key) + sizeof *m, "vectors");
        return NULL;
    }
    m->key = copy;
    m->next = pool->models;
    pool->models = m;
    return m;
}

/* What the other models leave. */
static int64_t bytes_left(const eval_kept_share *s) {
    int64_t left = s->pool->bytes_at_most;
    for (const kept_model *m = s->pool->models; m; m = m->next)
        if (m != s->model) left -= m->vectors.n * m->vectors.inner.width * (int64_t)sizeof(float);
    return left;
}

static bool embed(void *context, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err) {
    eval_kept_share *s = context;
    s->model->vectors.inner = s->inner;
    s->model->vectors.bytes_at_most = bytes_left(s);
    return eval_kept_vectors_embed(&s->model->vectors, role, texts, n, out, err);
}

bool eval_kept_pool_share(eval_kept_pool *pool, const char *key, const eval_embedder *inner, eval_kept_share **out,
                          eval_embedder *embedder, senc_error *err) {
    SENC_ASSERT(!inner->prepare, "%s: vectors that are fitted to the data are others each time", key);
    *out = NULL;
    kept_model *model = find_model(pool, key, err);
    if (!model) return false;
    eval_kept_share *s = senc_alloc(1, sizeof *s);
    if (!s) return senc_fail_memory(err, sizeof *s, "vectors");
    *s = (eval_kept_share){pool, model, *inner};
    *out = s;
    *embedder = *inner;
    embedder->embed = embed;
    embedder->context = s;
    if (inner->reader) {
        model->vectors.reader.sum.max_length = inner->reader->sum.max_length;
        embedder->reader = &model->vectors.reader;
    }
    return true;
}

void eval_kept_share_free(eval_kept_share *share) {
    free(share);
}

eval_encoder_stats eval_kept_share_stats(eval_kept_share *share, const eval_encoder_stats *own) {
    if (own->n_texts > share->model->stats.n_texts) share->model->stats = *own;
    return share->model->stats;
}
