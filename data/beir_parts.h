/* A BEIR folder inside: shared by beir.c (texts) and beir_qrels.c (judgements) only. */
#ifndef DATA_BEIR_PARTS_H
#define DATA_BEIR_PARTS_H

#include "data/beir.h"
#include "data/formats/stream.h"

/* Mistakes that are noted instead of refused: how many, and the first ones. */
typedef struct beir_notes {
    int64_t n;
    senc_buffer examples; /* one a line */
} beir_notes;
/* Counts one; true while an example of it is wanted, which beir_show adds. */
bool beir_count(beir_notes *notes);
__attribute__((format(printf, 2, 3))) void beir_show(beir_notes *notes, const char *fmt, ...);

/* What is wrong with the judgements of a split. */
typedef struct beir_judgement_notes {
    beir_notes unknown_queries, unknown_documents, conflicts;
} beir_judgement_notes;

/* The corpus or the queries. */
typedef struct beir_part {
    beir_notes *repeated; /* ids that stand twice; NULL: they are errors */
    char *path;
    data_text text;
    bool replace_utf8;
    uint64_t *rows;     /* (n) where each row's line begins */
    size_t *id_offsets; /* (n) into ids */
    senc_buffer ids;    /* NUL-terminated, one behind the other */
    int64_t n, capacity;
    int64_t *slots; /* open addressing by id: row or -1; n_slots is a power of two */
    int64_t n_slots;
    /* Of pairs: rows[i] is a row of `set`, whose text is in set_slot, or, behind its rows, of `more`. */
    const data_set *set, *more;
    int64_t set_slot, more_slot;
} beir_part;

struct data_beir {
    data_set *pairs, *whole,
        *more; /* of pairs, owned: the queries' rows, the corpus's if they are others, files of documents
                */
    beir_part corpus, queries;
    beir_part copies; /* ids of merged documents: rows[i] is the document that it became (beir_copies.c) */
    char *qrels_path;
    beir_judgement_notes *notes; /* NULL: conflicts are errors, unknown ids are warned about */
    data_beir_relevance relevance;
};

/* Opens and scans corpus.jsonl or queries.jsonl of a folder. */
bool beir_part_open(beir_part *p, const char *folder, const char *name, bool replace_utf8, senc_error *err);
void beir_part_close(beir_part *p);
/* The line of row i, from 1. */
int64_t beir_part_line(const beir_part *p, int64_t i);

/* Adds a row; the id must be new. */
bool beir_part_add(beir_part *p, const char *id, size_t n_bytes, uint64_t row, senc_error *err);
/* Finds ids again after rows were moved. */
void beir_part_index(beir_part *p);
/* -1 when absent. */
int64_t beir_part_find(const beir_part *p, const char *id, size_t n_bytes);

/* "train, dev": the splits that the folder of judgements holds, sorted; "" when none. */
void beir_qrels_list(const char *folder, senc_buffer *out);
/* Reads qrels/<split>.tsv into b->relevance and b->qrels_path. */
bool beir_qrels_load(data_beir *b, const char *folder, const char *split, senc_error *err);
/* The judgements of pairs: (query, document), n of them, each with grade 1 and line i + 1. */
bool beir_qrels_build(data_beir *b, const int64_t *queries, const int64_t *documents, int64_t n, senc_error *err);
void beir_qrels_free(data_beir *b);

#endif
