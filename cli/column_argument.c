/* Columns on the command line: see column_argument.h. */
#include "cli/column_argument.h"

#include <stdlib.h>
#include <string.h>

data_column_map cli_column_map(const char *role, const char *text) {
    const size_t n_digits = strspn(text, "0123456789");
    if (n_digits > 0 && text[n_digits] == '\0')
        return (data_column_map){.role = role, .number = strtoll(text, NULL, 10)};
    return (data_column_map){.role = role, .name = text};
}
