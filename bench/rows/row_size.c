/* What has to be on the disk to train and encode, the C library and Python itself aside. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/bench.h"

/* Adds the size of the file that `ldd` names in a line ("libz.so.1 => /lib/libz.so.1 (0x7f..)"), the C library aside.
 */
static double library_bytes(const char *line, size_t n_bytes) {
    static const char *const everywhere[] = {"libc.so", "libm.so", "ld-linux", "libpthread", "libdl", "linux-vdso"};
    char path[1024] = "";
    const char *arrow = memmem(line, n_bytes, "=> /", 4);
    for (size_t i = 0; i < sizeof everywhere / sizeof *everywhere; i++) {
        if (memmem(line, n_bytes, everywhere[i], strlen(everywhere[i]))) return 0;
    }
    if (!arrow) return 0;
    const size_t length = strcspn(arrow + 3, " \n");
    if (length < sizeof path) memcpy(path, arrow + 3, length);
    struct stat file;
    return stat(path, &file) == 0 ? (double)file.st_size : 0;
}

static bool read_libraries(const bench_entry *e, const bench_child *child, bench_run *out, senc_error *err) {
    struct stat program;
    const char *path = e->arguments[1];
    if (stat(path, &program) != 0) return senc_fail_errno(err, "%s", path);
    double bytes = (double)program.st_size;
    for (const char *line = child->output; *line;) {
        const size_t length = strcspn(line, "\n");
        bytes += library_bytes(line, length);
        line += length + (line[length] != '\0');
    }
    out->units = 1e-6 * bytes;
    return true;
}

static bool build(bench_row *row, senc_error *err) {
    (void)err;
    bench_entry *ours = bench_entry_add(row, BENCH_SENC, "senc and libraries", "");
    bench_entry_argument(row, ours, "ldd");
    bench_entry_program(row, ours, "bin/senc");
    ours->read = read_libraries;
    static const char *const peers[][2] = {{"ST with its trainer", "sentence-transformers[train]"},
                                           {"ORT and tokenizers", "onnxruntime tokenizers"}};
    for (int i = 0; i < 2; i++) {
        bench_entry *e = bench_entry_add(row, BENCH_PEER, peers[i][0], "");
        bench_entry_script(row, e, "installed_size.py");
        bench_entry_argument(row, e, "%s", peers[i][1]);
        e->read = bench_read_json;
    }
    return true;
}

const bench_row_spec bench_row_size = {
    .name = "size",
    .title = "installed size",
    .unit = "MB",
    .measure = BENCH_SIZE,
    .max_runs = 1,
    .build = build,
};
