/* What the kinds of systems share: see system.h. */
#ifndef EVAL_SYSTEM_PARTS_H
#define EVAL_SYSTEM_PARTS_H

#include "eval/kept_pool.h"
#include "eval/system.h"

/* A kind of system: one file, one line in systems.def. */
typedef struct eval_system_kind {
    const char *name;           /* the scheme: "vectors"; "model": what has none */
    const char *form, *help;    /* "vectors:FILE", one line */
    bool takes_argument;        /* something stands behind "name:" */
    bool has_vectors;           /* variants apply: their keys stand among its own */
    bool is_remote;             /* an API: texts behind '=' may be percent-encoded */
    const senc_option *options; /* of the keys behind '?', or NULL */
    size_t options_bytes;
    /* Fills s->embedder and what belongs to it; on failure close is called. argument: what stands behind ':', ""
     * without one. options: the struct, which outlives s. */
    bool (*open)(eval_system *s, const char *argument, const void *options, const eval_system_options *how,
                 senc_error *err);
    void (*close)(eval_system *s); /* frees s->state; may find NULL in it */
    /* Beyond width and vectors of floats, which are filled in; NULL: nothing. */
    bool (*add_facts)(const eval_system *s, eval_system_facts *facts, senc_error *err);
} eval_system_kind;

struct eval_system {
    const eval_system_kind *kind;
    char *label, *spec;
    void *options;               /* as the kind's table says */
    void *state;                 /* the kind's */
    eval_embedder embedder;      /* without rules */
    eval_ranker ranker;          /* the embedder's, if it points here */
    eval_reader reader;          /* of what ranks by itself: the embedder's, if it points here */
    eval_ranking_cost ranking;   /* so far */
    eval_encoder *encoder;       /* of a model; NULL: none */
    eval_kept_share *share;      /* of its vectors; NULL: none */
    struct eval_remote *remote;  /* of an API; NULL: none */
    eval_encoder_progress *show; /* of the remote's progress */
    void *show_context;
    int64_t max_length;
    char **rules;
    int64_t n_rules;
    eval_system **parts; /* (n_parts) systems inside this one, owned */
    int64_t n_parts;
    int64_t bytes_per_vector;     /* 0: floats */
    struct eval_variant *variant; /* variant.h; NULL: none */
};

/* A line that stands beside the system's numbers. */
bool eval_system_add_rule(eval_system *s, senc_error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Takes ownership of the part, also when it fails. */
bool eval_system_add_part(eval_system *s, eval_system *part, senc_error *err);

/* The pieces of a specification. */
typedef struct eval_spec_text {
    char *label;      /* NULL: none */
    char *body;       /* without the label */
    char *scheme;     /* "vectors"; NULL: a path or a name */
    char *argument;   /* behind ':', without the keys */
    char *place;      /* what messages begin with */
    senc_value *keys; /* table of the keys behind '?' */
} eval_spec_text;
bool eval_spec_parse(const char *spec, eval_spec_text *out, senc_error *err);
void eval_spec_free(eval_spec_text *t);
/* The length of text up to the first `c` outside parentheses, or all of it. */
size_t eval_spec_find(const char *text, char c);

/* remote_systems.c: the part of a remote system in what system.h offers for all. */
const char *eval_remote_system_prompt(const eval_system *s, eval_role role);
void eval_remote_system_watch(eval_system *s, eval_encoder_progress *show, void *context);
void eval_remote_system_add_stats(const eval_system *s, eval_encoder_stats *sum);

const eval_system_kind *eval_system_kind_find(const char *name); /* NULL: unknown */
/* The nearest name of a kind, or NULL. */
const char *eval_system_kind_nearest(const char *wrong);

#endif
