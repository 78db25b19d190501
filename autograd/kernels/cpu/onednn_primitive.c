/* See onednn_primitive.h. The library is loaded with dlopen: senc runs without it, and nobody else pays for its start
 * (40 MB, OpenMP). The headers decide which version: structs and enumerations of 2.x and 3.x differ. */
#include "autograd/kernels/cpu/onednn_primitive.h"

#ifdef SENC_WITH_ONEDNN

#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/error.h"
#include "autograd/base/threads.h"

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)
#define LIBRARY    "libdnnl.so." TEXT(DNNL_VERSION_MAJOR)

#define MOST_PRODUCTS 1024 /* a model has some dozens */
#define MOST_PARTS    8
#define PART_COLUMNS  64  /* oneDNN packs up to this many columns together */
#define LAYOUT_ROWS   256 /* the m that decides how weights are packed */

/* The functions that we use; api.NAME is dnnl_NAME. */
#define COMMON_FUNCTIONS(X)                                                                                            \
    X(version)                                                                                                         \
    X(engine_create)                                                                                                   \
    X(stream_create)                                                                                                   \
    X(memory_create)                                                                                                   \
    X(memory_destroy)                                                                                                  \
    X(memory_desc_get_size)                                                                                            \
    X(memory_desc_equal)                                                                                               \
    X(primitive_attr_create)                                                                                           \
    X(primitive_attr_destroy)                                                                                          \
    X(primitive_attr_set_scratchpad_mode)                                                                              \
    X(primitive_attr_set_post_ops)                                                                                     \
    X(post_ops_create)                                                                                                 \
    X(post_ops_destroy)                                                                                                \
    X(post_ops_append_sum)                                                                                             \
    X(primitive_desc_query_md)                                                                                         \
    X(primitive_desc_destroy)                                                                                          \
    X(reorder_primitive_desc_create)                                                                                   \
    X(primitive_create)                                                                                                \
    X(primitive_execute)                                                                                               \
    X(sgemm)
#if DNNL_VERSION_MAJOR >= 3
#define FUNCTIONS(X)                                                                                                   \
    COMMON_FUNCTIONS(X)                                                                                                \
    X(memory_desc_create_with_strides)                                                                                 \
    X(memory_desc_create_with_tag)                                                                                     \
    X(memory_desc_create_submemory)                                                                                    \
    X(memory_desc_destroy)                                                                                             \
    X(matmul_primitive_desc_create)
#else
#define FUNCTIONS(X)                                                                                                   \
    COMMON_FUNCTIONS(X)                                                                                                \
    X(memory_desc_init_by_strides)                                                                                     \
    X(memory_desc_init_by_tag)                                                                                         \
    X(memory_desc_init_submemory)                                                                                      \
    X(matmul_desc_init)                                                                                                \
    X(primitive_desc_create)
#endif

#define MEMBER(f) __typeof__(&dnnl_##f) f;
static struct {
    FUNCTIONS(MEMBER)
    void (*omp_set_num_threads)(int); /* NULL: this oneDNN has no threads */
} api;
static dnnl_engine_t engine;
static dnnl_stream_t streams[SENC_MAX_THREADS]; /* by senc_threads_index() */
static int n_streams;
static char name[64];

/* ---- What differs between the versions: a desc is a struct in 2.x, a pointer in 3.x. ---- */

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t desc_ref;
#define REF(desc) (desc)

static bool desc_strided(dnnl_memory_desc_t *d, const dnnl_dims_t dims, dnnl_data_type_t type,
                         const dnnl_dims_t strides) {
    return api.memory_desc_create_with_strides(d, 2, dims, type, strides) == dnnl_success;
}

static bool desc_any(dnnl_memory_desc_t *d, const dnnl_dims_t dims, dnnl_data_type_t type) {
    return api.memory_desc_create_with_tag(d, 2, dims, type, dnnl_format_tag_any) == dnnl_success;
}

static bool desc_part(dnnl_memory_desc_t *d, desc_ref whole, const dnnl_dims_t dims, const dnnl_dims_t offsets) {
    return api.memory_desc_create_submemory(d, whole, dims, offsets) == dnnl_success;
}

static void desc_free(dnnl_memory_desc_t *d) {
    if (*d) api.memory_desc_destroy(*d);
}

static bool append_sum(dnnl_post_ops_t ops, float scale) {
    return api.post_ops_append_sum(ops, scale, 0, dnnl_data_type_undef) == dnnl_success;
}

static bool matmul_create(dnnl_primitive_desc_t *pd, desc_ref a, desc_ref b, desc_ref bias, desc_ref c,
                          dnnl_primitive_attr_t attr) {
    return api.matmul_primitive_desc_create(pd, engine, a, b, bias, c, attr) == dnnl_success;
}
#else
typedef const dnnl_memory_desc_t *desc_ref;
#define REF(desc) (&(desc))

static bool desc_strided(dnnl_memory_desc_t *d, const dnnl_dims_t dims, dnnl_data_type_t type,
                         const dnnl_dims_t strides) {
    return api.memory_desc_init_by_strides(d, 2, dims, type, strides) == dnnl_success;
}

static bool desc_any(dnnl_memory_desc_t *d, const dnnl_dims_t dims, dnnl_data_type_t type) {
    return api.memory_desc_init_by_tag(d, 2, dims, type, dnnl_format_tag_any) == dnnl_success;
}

static bool desc_part(dnnl_memory_desc_t *d, desc_ref whole, const dnnl_dims_t dims, const dnnl_dims_t offsets) {
    return api.memory_desc_init_submemory(d, whole, dims, offsets) == dnnl_success;
}

static void desc_free(dnnl_memory_desc_t *d) {
    (void)d;
}

static bool append_sum(dnnl_post_ops_t ops, float scale) {
    return api.post_ops_append_sum(ops, scale) == dnnl_success;
}

static bool matmul_create(dnnl_primitive_desc_t *pd, desc_ref a, desc_ref b, desc_ref bias, desc_ref c,
                          dnnl_primitive_attr_t attr) {
    dnnl_matmul_desc_t d;
    return api.matmul_desc_init(&d, a, b, bias, c) == dnnl_success &&
           api.primitive_desc_create(pd, &d, attr, engine, NULL) == dnnl_success;
}
#endif

/* ---- Loading ---- */

/* A function of the library or of those it depends on; the detour over memcpy is how C lets an object pointer become a
 * function pointer. */
static bool find_symbol(void *library, const char *symbol, void *function) {
    void *address = dlsym(library, symbol);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

static bool find_functions(void *library) {
#define FIND(f) find_symbol(library, "dnnl_" #f, &api.f) &&
    return FUNCTIONS(FIND) true;
}

static bool hold_threads_back(void *library, const dnnl_version_t *version) {
    if (version->cpu_runtime == DNNL_RUNTIME_SEQ) return true;
    return version->cpu_runtime == DNNL_RUNTIME_OMP &&
           find_symbol(library, "omp_set_num_threads", &api.omp_set_num_threads);
}

bool kern_onednn_load(void) {
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library || !find_functions(library)) return false;
    const dnnl_version_t *version = api.version();
    if (version->major != DNNL_VERSION_MAJOR || !hold_threads_back(library, version)) return false;
    kern_onednn_enter();
    if (api.engine_create(&engine, dnnl_cpu, 0) != dnnl_success) return false;
    snprintf(name, sizeof name, "oneDNN %d.%d.%d (%s)", version->major, version->minor, version->patch, LIBRARY);
    return true;
}

const char *kern_onednn_name(void) {
    return name[0] ? name : NULL;
}

void kern_onednn_enter(void) {
    static _Thread_local bool entered; /* OpenMP keeps the number for each thread that calls it */
    if (!entered && api.omp_set_num_threads) api.omp_set_num_threads(1);
    entered = true;
}

/* ---- Products ---- */

typedef struct reorder {
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t primitive;
    int64_t first; /* column */
} reorder;

struct kern_onednn_product {
    kern_onednn_shape shape;
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t primitive;
    int64_t packed_bytes, scratch_bytes;
    reorder parts[MOST_PARTS];
    int n_parts;
};

struct kern_onednn_operand {
    dnnl_memory_t memory;
};

static kern_onednn_product *products[MOST_PRODUCTS];
static int n_products;
static pthread_mutex_t products_mutex = PTHREAD_MUTEX_INITIALIZER;

static dnnl_data_type_t data_type(kern_storage storage) {
    return storage == KERN_BF16 ? dnnl_bf16 : dnnl_f32;
}

static bool desc_plain(dnnl_memory_desc_t *d, int64_t rows, int64_t columns, bool transposed, kern_storage storage) {
    const dnnl_dims_t dims = {rows, columns}, strides = {transposed ? 1 : columns, transposed ? rows : 1};
    return desc_strided(d, dims, data_type(storage), strides);
}

static desc_ref query(dnnl_primitive_desc_t pd, dnnl_query_t what) {
    return api.primitive_desc_query_md(pd, what, 0);
}

static int64_t scratch_of(dnnl_primitive_desc_t pd) {
    const desc_ref scratch = query(pd, dnnl_query_scratchpad_md);
    return scratch ? (int64_t)api.memory_desc_get_size(scratch) : 0;
}

/* Work space is ours, and beta * c is added. */
static bool attributes_create(dnnl_primitive_attr_t *attr, float beta) {
    if (api.primitive_attr_create(attr) != dnnl_success) return false;
    dnnl_post_ops_t ops = NULL;
    bool ok = api.primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user) == dnnl_success;
    if (ok && beta != 0.0f) {
        ok = api.post_ops_create(&ops) == dnnl_success && append_sum(ops, beta) &&
             api.primitive_attr_set_post_ops(*attr, ops) == dnnl_success;
    }
    if (ops) api.post_ops_destroy(ops);
    if (!ok) api.primitive_attr_destroy(*attr);
    return ok;
}

/* What oneDNN will do; `layout`: how packed weights lie, NULL: as it likes it. */
static bool create_matmul(kern_onednn_product *p, desc_ref layout) {
    const kern_onednn_shape *s = &p->shape;
    dnnl_memory_desc_t a = {0}, b = {0}, bias = {0}, c = {0};
    dnnl_primitive_attr_t attr = NULL;
    const dnnl_dims_t b_dims = {s->k, s->n};
    bool ok = attributes_create(&attr, s->beta);
    ok = ok && desc_plain(&a, s->m, s->k, s->a_transposed, s->in) && desc_plain(&bias, 1, s->n, false, KERN_REAL);
    ok = ok && desc_plain(&c, s->m, s->n, false, s->out);
    ok = ok && (s->weights ? desc_any(&b, b_dims, data_type(s->in)) : desc_plain(&b, s->k, s->n, false, s->in));
    ok = ok && matmul_create(&p->pd, REF(a), layout ? layout : REF(b), s->bias ? REF(bias) : NULL, REF(c), attr);
    if (ok) p->scratch_bytes = scratch_of(p->pd);
    desc_free(&a);
    desc_free(&b);
    desc_free(&bias);
    desc_free(&c);
    if (attr) api.primitive_attr_destroy(attr);
    return ok;
}

/* From columns [first, first + columns) of the float weights to their place in the packed ones. */
static bool create_reorder(kern_onednn_product *p, desc_ref packed, int64_t first, int64_t columns) {
    const kern_onednn_shape *s = &p->shape;
    const dnnl_dims_t dims = {s->k, columns}, offsets = {0, first};
    const dnnl_dims_t strides = {s->weights_transposed ? 1 : s->n, s->weights_transposed ? s->k : 1};
    dnnl_memory_desc_t from = {0}, to = {0};
    dnnl_primitive_attr_t attr = NULL;
    reorder *r = &p->parts[p->n_parts];
    r->first = first;
    bool ok = attributes_create(&attr, 0.0f);
    ok = ok && desc_strided(&from, dims, dnnl_f32, strides) && desc_part(&to, packed, dims, offsets);
    ok = ok && api.reorder_primitive_desc_create(&r->pd, REF(from), engine, REF(to), engine, attr) == dnnl_success &&
         api.primitive_create(&r->primitive, r->pd) == dnnl_success;
    desc_free(&from);
    desc_free(&to);
    if (attr) api.primitive_attr_destroy(attr);
    if (!ok) return false;
    const int64_t scratch = scratch_of(r->pd);
    if (scratch > p->scratch_bytes) p->scratch_bytes = scratch;
    p->n_parts++;
    return true;
}

/* Whether and how float weights have to be packed for the product. */
static bool create_packing(kern_onednn_product *p) {
    const kern_onednn_shape *s = &p->shape;
    const desc_ref packed = query(p->pd, dnnl_query_weights_md);
    dnnl_memory_desc_t plain = {0};
    if (!desc_plain(&plain, s->k, s->n, s->weights_transposed, KERN_REAL)) return false;
    const bool as_they_are = api.memory_desc_equal(packed, REF(plain));
    desc_free(&plain);
    if (as_they_are) return true;
    p->packed_bytes = (int64_t)api.memory_desc_get_size(packed);
    const int64_t share = (s->n + MOST_PARTS - 1) / MOST_PARTS;
    const int64_t width = (share + PART_COLUMNS - 1) / PART_COLUMNS * PART_COLUMNS;
    for (int64_t first = 0; first < s->n; first += width) {
        if (!create_reorder(p, packed, first, s->n - first < width ? s->n - first : width)) return false;
    }
    return true;
}

static bool same_shape(const kern_onednn_shape *a, const kern_onednn_shape *b) {
    return a->m == b->m && a->n == b->n && a->k == b->k && a->beta == b->beta && a->in == b->in && a->out == b->out &&
           a->a_transposed == b->a_transposed && a->weights == b->weights &&
           a->weights_transposed == b->weights_transposed && a->bias == b->bias;
}

/* What could not be made is kept as such, without a primitive. Under the lock. */
static kern_onednn_product *find_locked(const kern_onednn_shape *shape) {
    for (int i = 0; i < n_products; i++) {
        if (same_shape(&products[i]->shape, shape)) return products[i]->primitive ? products[i] : NULL;
    }
    kern_onednn_product *p = n_products + 2 <= MOST_PRODUCTS ? calloc(1, sizeof *p) : NULL;
    if (!p) return NULL;
    p->shape = *shape;
    kern_onednn_shape first = *shape; /* its packing is everybody's */
    first.m = LAYOUT_ROWS;
    first.beta = 0.0f;
    first.bias = false;
    first.out = shape->in;
    bool ok;
    if (shape->weights && !same_shape(&first, shape)) {
        const kern_onednn_product *like = find_locked(&first);
        ok = like && create_matmul(p, query(like->pd, dnnl_query_weights_md));
        if (ok) p->packed_bytes = like->packed_bytes;
        if (ok && like->scratch_bytes > p->scratch_bytes) p->scratch_bytes = like->scratch_bytes;
        for (int i = 0; ok && i < like->n_parts; i++) p->parts[i] = like->parts[i];
        if (ok) p->n_parts = like->n_parts;
    } else {
        ok = create_matmul(p, NULL) && (!shape->weights || create_packing(p));
    }
    ok = ok && api.primitive_create(&p->primitive, p->pd) == dnnl_success;
    if (!ok) p->primitive = NULL;
    products[n_products++] = p;
    return ok ? p : NULL;
}

/* A stream for every thread of the pool. Under the lock. */
static bool create_streams(void) {
    for (; n_streams < senc_threads_count(); n_streams++) {
        if (api.stream_create(&streams[n_streams], engine, dnnl_stream_default_flags) != dnnl_success) return false;
    }
    return true;
}

const kern_onednn_product *kern_onednn_find(const kern_onednn_shape *shape) {
    pthread_mutex_lock(&products_mutex);
    const kern_onednn_product *product = create_streams() ? find_locked(shape) : NULL;
    pthread_mutex_unlock(&products_mutex);
    return product;
}

int64_t kern_onednn_scratch_bytes(const kern_onednn_product *product) {
    return product->scratch_bytes;
}

int64_t kern_onednn_packed_bytes(const kern_onednn_product *product) {
    return product->packed_bytes;
}

int kern_onednn_pack_parts(const kern_onednn_product *product) {
    return product->n_parts;
}

/* ---- Running: nothing here can fail but for want of a few bytes of memory ---- */

static dnnl_memory_t memory_over(desc_ref desc, const void *data) {
    dnnl_memory_t memory = NULL;
    const dnnl_status_t status = api.memory_create(&memory, desc, engine, (void *)(uintptr_t)data);
    SENC_ASSERT(status == dnnl_success, "oneDNN: cannot make a memory object: status %d", (int)status);
    return memory;
}

static void execute(dnnl_primitive_t primitive, int n, const dnnl_exec_arg_t *arguments) {
    const dnnl_status_t status = api.primitive_execute(primitive, streams[senc_threads_index()], n, arguments);
    SENC_ASSERT(status == dnnl_success, "oneDNN: cannot run a product: status %d", (int)status);
}

kern_onednn_operand *kern_onednn_operand_create(const kern_onednn_product *product, const void *b) {
    kern_onednn_operand *operand = malloc(sizeof *operand);
    SENC_ASSERT(operand != NULL, "out of memory: %zu bytes", sizeof *operand);
    operand->memory = memory_over(query(product->pd, dnnl_query_weights_md), b);
    return operand;
}

void kern_onednn_operand_free(kern_onednn_operand *operand) {
    api.memory_destroy(operand->memory);
    free(operand);
}

void kern_onednn_pack(const kern_onednn_product *product, int part, const float *weights, void *packed, void *scratch) {
    const reorder *r = &product->parts[part];
    const float *from = weights + r->first * (product->shape.weights_transposed ? product->shape.k : 1);
    const dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_FROM, memory_over(query(r->pd, dnnl_query_src_md), from)},
        {DNNL_ARG_TO, memory_over(query(r->pd, dnnl_query_dst_md), packed)},
        {DNNL_ARG_SCRATCHPAD, memory_over(query(r->pd, dnnl_query_scratchpad_md), scratch)},
    };
    execute(r->primitive, 3, arguments);
    for (int i = 0; i < 3; i++) api.memory_destroy(arguments[i].memory);
}

void kern_onednn_run(const kern_onednn_product *product, const void *a, const kern_onednn_operand *operand,
                     const void *b, const float *bias, void *c, void *scratch) {
    const dnnl_primitive_desc_t pd = product->pd;
    dnnl_exec_arg_t arguments[5] = {
        {DNNL_ARG_SRC, memory_over(query(pd, dnnl_query_src_md), a)},
        {DNNL_ARG_DST, memory_over(query(pd, dnnl_query_dst_md), c)},
        {DNNL_ARG_SCRATCHPAD, memory_over(query(pd, dnnl_query_scratchpad_md), scratch)},
    };
    int n = 3;
    if (bias) {
        arguments[n].arg = DNNL_ARG_BIAS;
        arguments[n++].memory = memory_over(api.primitive_desc_query_md(pd, dnnl_query_weights_md, 1), bias);
    }
    if (!operand) {
        arguments[n].arg = DNNL_ARG_WEIGHTS;
        arguments[n++].memory = memory_over(query(pd, dnnl_query_weights_md), b);
    }
    const int n_own = n;
    if (operand) arguments[n++] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, operand->memory};
    execute(product->primitive, n, arguments);
    for (int i = 0; i < n_own; i++) api.memory_destroy(arguments[i].memory);
}

void kern_onednn_sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                       int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
    const dnnl_status_t status =
        api.sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    SENC_ASSERT(status == dnnl_success, "oneDNN: sgemm of %lld x %lld x %lld: status %d", (long long)m, (long long)n,
                (long long)k, (int)status);
}

#endif
