/* Groups of rows that must stand on one side of a split: those that share a text of their first two columns (an anchor,
 * a positive, a sentence), exactly, after folding (text_fold.h) or nearly (near_texts.h), and whatever hangs together
 * by such rows. The rows of the whole file are grouped, whatever part or limit a source asks for, so that every source
 * on the file gets the same parts. A group above DATA_GROUP_MOST of the rows is never held out: one answer that
 * thousands of rows share must not decide the split.
 *
 * The place of a group is the hash of the first text of its first row: where no row shares anything, the parts are
 * those of held_out_by = "row". */
#ifndef DATA_ROW_GROUPS_H
#define DATA_ROW_GROUPS_H

#include "data/table_parts.h"

#define DATA_GROUP_MOST 0.05

/* One row of the file. */
typedef struct data_grouped_row {
    uint64_t offset; /* of its record, ascending */
    uint64_t place;  /* hash that decides the part */
    int64_t group;   /* number of the group's first row */
} data_grouped_row;

/* A group that is too large to be held out. */
typedef struct data_large_group {
    int64_t n_rows, first_line;
    char *text;        /* that most of its rows have, or nearly have; cut */
    int64_t n_sharing; /* so many rows, as far as was looked */
} data_large_group;

typedef struct data_row_groups {
    char *key; /* of the file and what was read of it */
    data_grouped_row *rows;
    int64_t n_rows, n_groups, largest;
    data_large_group *large;
    int64_t n_large;
    double seconds;
} data_row_groups;

/* The groups of a source whose table is bound. Made once for a file as it is (size, time) and columns; it lives as long
 * as the process. */
bool data_row_groups_get(const data_source *source, const data_table *t, const data_wanted *wanted,
                         const data_row_groups **out, senc_error *err);
/* Whether the row of the record at that offset is held out. */
bool data_row_groups_hold_out(const data_row_groups *g, uint64_t offset, double held_out);
/* Gives back what all files hold (tests). */
void data_row_groups_forget(void);

#endif
