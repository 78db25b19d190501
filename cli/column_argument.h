/* A column on the command line: a name, or a number from 1. */
#ifndef COLUMN_ARGUMENT_H
#define COLUMN_ARGUMENT_H

#include "data/table.h"

/* text is borrowed. */
data_column_map cli_column_map(const char *role, const char *text);

#endif
