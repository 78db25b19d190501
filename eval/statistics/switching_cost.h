/* What it costs to run a system, and to change to it. */
#ifndef EVAL_SWITCHING_COST_H
#define EVAL_SWITCHING_COST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct eval_switching_cost {
    const char *label;
    int64_t dimension, bytes_per_vector;             /* 0: no vectors, or unknown */
    int64_t n_parameters;                            /* 0: none, or unknown */
    int64_t word_bytes;                              /* of an index of words, a document; 0: none */
    double texts_per_second;                         /* embedded in this run; 0: not measured */
    double documents_per_second, queries_per_second; /* indexed by words, answered; 0: not measured */
    double tokens_per_text, dollars_per_text;   /* of an embedding API; tokens 0: it is none; dollars NaN: unknown */
    const char *query_prompt, *document_prompt; /* NULL: none or unknown */
    bool is_known;       /* false: of lists that another program made, of reports that say nothing */
    bool from_old_index; /* the same model as today's: its vectors follow from those of the old index */
    /* Can the old index be kept? The candidate's query vectors, mapped into the base's space, against the base's
     * document vectors. key NULL: not measured. */
    const char *map_key, *map_method;
    double map_value, map_base, map_candidate; /* of that metric: mapped, base alone, candidate alone */
    int64_t map_n_fitted;                      /* texts that the map was fitted on */
    double map_cosine;                         /* mean of mapped and old vectors of texts it was not fitted on */
} eval_switching_cost;

/* "embedding 1000000 documents costs about $0.52: 26 tokens a text at $0.02 per million"; false: it is no API, or free.
 */
bool eval_switching_cost_describe(const eval_switching_cost *c, int64_t n_documents, char *out, size_t out_bytes);
/* What map_value says: whether the old index can stay. */
const char *eval_switching_cost_map_words(const eval_switching_cost *c);

/* Bytes of an index, a document: vectors and words. 0: unknown. */
int64_t eval_switching_cost_bytes(const eval_switching_cost *c);
/* Seconds to embed and index that many documents at the speed measured here. NaN: unknown. */
double eval_switching_cost_seconds(const eval_switching_cost *c, int64_t n_documents);

/* Which is cheaper to run: < 0 when a is. By what an API takes for a text, then bytes a vector, then parameters, then
 * bytes of an index of words; what is unknown costs more than what is known. */
int eval_switching_cost_order(const eval_switching_cost *a, const eval_switching_cost *b);
/* Why a is cheaper, behind "and": "needs no vectors", "takes 512 bytes a vector, not 1,536". Returns out. */
const char *eval_switching_cost_advantage(const eval_switching_cost *a, const eval_switching_cost *b, char *out,
                                          size_t out_bytes);

#endif
