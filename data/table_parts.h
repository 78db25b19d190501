/* Tables inside: shared by source.c (which column is which role), table.c (scan, index, rows) and table_row.c (one
 * row). */
#ifndef DATA_TABLE_PARTS_H
#define DATA_TABLE_PARTS_H

#include "data/readers/readers.h"
#include "data/table.h"

/* A line number is kept for every so many rows; the ones between are counted when asked for. */
#define DATA_ROWS_PER_LINE_MARK 4096

/* What the user of the rows wants. */
typedef struct data_wanted {
    data_role *roles; /* names owned by the set */
    int64_t n_roles;
    char *by; /* "loss \"mnrl\"" */
} data_wanted;

/* A column that feeds a role. */
typedef struct data_binding {
    int64_t role, number; /* number 0: the role itself, k: role_k */
    data_column column;   /* its name is `name` */
    char *name;
    bool given; /* by the source's columns, not by the role's own name */
    bool seen;  /* some row has it */
} data_binding;

typedef struct data_table {
    data_opened file;
    data_binding *bindings;
    int64_t n_bindings;
    bool may_grow;   /* jsonl without a column table: role_k may turn up in any row */
    uint64_t *keys;  /* (n_rows) the readers' offsets */
    uint32_t *items; /* (n_rows) which item of the list of positives; NULL: the first of every one */
    int64_t n_rows, capacity;
    int64_t *line_marks; /* the line of rows 0, 4096, ... */
    int64_t n_line_marks;
    bool has_score_range;
    double score_low, score_high;
    bool skip_empty;
    double held_out;
    data_part part;
    const struct data_row_groups *groups; /* row_groups.h; NULL: rows are parted one by one */
    data_positives positives;
    bool has_choices; /* some row stands for several positives */
    const senc_value *label_map;
    bool skip_unknown_labels;
    int64_t n_skipped; /* rows left out because a required field was empty */
    int64_t n_unknown_labels;
} data_table;

struct data_set {
    data_wanted wanted;
    data_table *tables;
    int64_t *first_rows; /* (n_tables + 1) */
    int64_t n_tables;
    data_slot *slots;
    int64_t n_slots;
    char **classes;
    int64_t n_classes, classes_capacity;
    int64_t *class_table; /* open addressing: class or -1 */
    int64_t n_class_slots;
};

/* "loss "mnrl" needs anchor, positive": appended for messages. */
void data_wanted_text(const data_wanted *wanted, senc_buffer *out);

/* Opens the source's file and finds the columns of the wanted roles. The caller frees with data_table_close. */
bool data_table_bind(data_table *t, const data_source *source, const data_wanted *wanted, senc_error *err);
bool data_table_add_binding(data_table *t, int64_t role, int64_t number, const char *name, int64_t index, bool given,
                            senc_error *err);
void data_table_close(data_table *t);

/* Whether a place, uniform in 0 .. 2^64 - 1, is among the first `share` of all. */
static inline bool data_place_is_below(uint64_t place, double share) {
    return (double)(place >> 11) * 0x1.0p-53 < share;
}

/* Whether a record is a row of the set, or why it is left out. */
typedef enum data_fate { DATA_KEPT, DATA_OTHER_PART, DATA_EMPTY, DATA_UNKNOWN_LABEL } data_fate;

/* The values of a record, with item `item` of its list of positives; row->n_choices is how many the list has (1: no
 * list). learning: the scan at open, which may add slots and classes. *fate may be NULL: rows of the index. */
bool data_table_fill_row(data_set *learn, const data_set *set, data_table *learn_table, const data_table *t,
                         int64_t item, data_row *row, data_fate *fate, senc_error *err);

#endif
