#include "cli/table_flags.h"

data_source cli_table_source(const cli_table_flags *flags, const char *path) {
    return (data_source){.path = (char *)(uintptr_t)path, /* a source owns its text only when options filled it */
                         .format = flags->format,
                         .header = flags->header,
                         .delimiter = flags->delimiter,
                         .quoting = flags->quoting,
                         .limit = flags->limit,
                         .on_bad_utf8 = flags->on_bad_utf8,
                         .by_flags = true};
}
