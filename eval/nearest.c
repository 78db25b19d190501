/* Heaps of the nearest documents. */
#include "eval/nearest.h"

#include <stdlib.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"

/* Whether a belongs below b. */
static inline bool worse(const eval_nearest *s, eval_hit a, eval_hit b) {
    if (a.score != b.score) return a.score < b.score;
    const int64_t *rank = s->tie_rank;
    const int64_t x = rank != NULL ? rank[a.document] : a.document;
    const int64_t y = rank != NULL ? rank[b.document] : b.document;
    return s->tie_descending ? x < y : x > y;
}

/* Moves heap[i] down until neither child is worse. */
static void sift_down(const eval_nearest *s, eval_hit *heap, int64_t n, int64_t i) {
    const eval_hit moved = heap[i];
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n) { /* which child is chance: added instead of branched on, but for ties */
            const eval_hit left = heap[child], right = heap[child + 1];
            child += left.score == right.score ? worse(s, right, left) : (int64_t)(right.score < left.score);
        }
        if (!worse(s, heap[child], moved)) break;
        heap[i] = heap[child];
    }
    heap[i] = moved;
}

static void sift_up(const eval_nearest *s, eval_hit *heap, int64_t i) {
    const eval_hit moved = heap[i];
    for (int64_t parent; i > 0; i = parent) {
        parent = (i - 1) / 2;
        if (!worse(s, moved, heap[parent])) break;
        heap[i] = heap[parent];
    }
    heap[i] = moved;
}

bool eval_nearest_init(eval_nearest *nearest) {
    const size_t n = (size_t)nearest->n_queries, k = (size_t)nearest->k;
    nearest->hits = n == 0 || k <= SIZE_MAX / n ? senc_alloc(n * k, sizeof *nearest->hits) : NULL;
    nearest->n_hits = senc_alloc_zero(n, sizeof *nearest->n_hits);
    return nearest->hits && nearest->n_hits;
}

void eval_nearest_free(eval_nearest *nearest) {
    free(nearest->hits);
    free(nearest->n_hits);
    nearest->hits = NULL;
    nearest->n_hits = NULL;
}

void eval_nearest_offer(eval_nearest *nearest, int64_t query, eval_hit hit) {
    eval_hit *heap = nearest->hits + query * nearest->k;
    if (nearest->n_hits[query] < nearest->k) {
        heap[nearest->n_hits[query]] = hit;
        sift_up(nearest, heap, nearest->n_hits[query]++);
    } else if (worse(nearest, heap[0], hit)) {
        heap[0] = hit;
        sift_down(nearest, heap, nearest->k, 0);
    }
}

static void sort_task(void *context, int64_t query, int thread) {
    (void)thread;
    const eval_nearest *s = context;
    eval_hit *heap = s->hits + query * s->k;
    for (int64_t n = s->n_hits[query] - 1; n > 0; n--) { /* the worst goes to the end */
        const eval_hit worst = heap[0];
        heap[0] = heap[n];
        heap[n] = worst;
        sift_down(s, heap, n, 0);
    }
}

void eval_nearest_sort(eval_nearest *nearest) {
    senc_parallel(nearest->n_queries, sort_task, nearest);
}
