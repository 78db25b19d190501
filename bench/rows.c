/* The list of rows, from rows/rows.def. See bench.h. */
#include <stdio.h>
#include <string.h>

#include "autograd/base/options.h"
#include "bench/bench.h"

#define ROW(name)    extern const bench_row_spec bench_row_##name;
#define GROWTH(name) ROW(name)
#include "bench/rows/rows.def"
#undef ROW
#undef GROWTH

static const struct {
    const bench_row_spec *spec;
    bool is_growth;
} rows[] = {
#define ROW(name)    {&bench_row_##name, false},
#define GROWTH(name) {&bench_row_##name, true},
#include "bench/rows/rows.def"
#undef ROW
#undef GROWTH
};
enum { N_ROWS = sizeof rows / sizeof *rows };

const bench_row_spec *bench_row_get(int i) {
    return i < N_ROWS ? rows[i].spec : NULL;
}

bool bench_row_is_growth(int i) {
    return rows[i].is_growth;
}

/* The next name of a list "a,b,c"; its length, 0 at the end. */
static size_t next_name(const char **list) {
    *list += strspn(*list, ",");
    return strcspn(*list, ",");
}

bool bench_rows_is_listed(const char *list, const char *name) {
    const size_t n_bytes = strlen(name);
    for (size_t n; (n = next_name(&list)) > 0; list += n) {
        if (n == n_bytes && memcmp(list, name, n) == 0) return true;
    }
    return false;
}

bool bench_rows_check(const char *list, senc_error *err) {
    const char *names[N_ROWS];
    for (int i = 0; i < N_ROWS; i++) names[i] = rows[i].spec->name;
    for (size_t n; (n = next_name(&list)) > 0; list += n) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(n < 63 ? n : 63), list);
        bool known = false;
        for (int i = 0; i < N_ROWS; i++) known = known || strcmp(names[i], name) == 0;
        if (known) continue;
        const char *nearest = senc_nearest_name(name, names, N_ROWS);
        return senc_fail(err, SENC_BAD_INPUT, "--rows: no row is called \"%s\"%s%s", name,
                         nearest ? "; did you mean " : "; --list names them", nearest ? nearest : "");
    }
    return true;
}
