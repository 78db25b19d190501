/* What has to be on the disk to train and encode, the C library and Python itself aside. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/inputs.h"
#include "bench/work.h"

/* Size of the file that the dynamic loader names in a line of LD_DEBUG=files ("calling init: /lib/libz.so.1"), which it
 * writes for every library, also those that are loaded at run time; 0 for other lines and for the C library. */
static double library_bytes(const char *line, size_t n_bytes) {
    static const char *const everywhere[] = {"/libc.so", "/libm.so", "/ld-linux", "/libpthread", "/libdl"};
    static const char mark[] = "calling init: ";
    const char *found = memmem(line, n_bytes, mark, sizeof mark - 1);
    char path[1024];
    struct stat file;
    if (!found) return 0;
    snprintf(path, sizeof path, "%.*s", (int)(line + n_bytes - found - (sizeof mark - 1)), found + sizeof mark - 1);
    for (size_t i = 0; i < sizeof everywhere / sizeof *everywhere; i++) {
        if (strstr(path, everywhere[i])) return 0;
    }
    return stat(path, &file) == 0 ? (double)file.st_size : 0;
}

static bool read_libraries(const bench_entry *e, const bench_child *child, bench_run *out, senc_error *err) {
    struct stat program;
    const char *path = e->arguments[0];
    if (stat(path, &program) != 0) return senc_fail_errno(err, "%s", path);
    double bytes = (double)program.st_size;
    for (const char *line = child->messages; *line;) {
        const size_t length = strcspn(line, "\n");
        bytes += library_bytes(line, length);
        line += length + (line[length] != '\0');
    }
    out->units = 1e-6 * bytes;
    return true;
}

static bool build(bench_row *row, senc_error *err) {
    char *sentence = bench_input_sentence(row->settings, err);
    if (!sentence) return false;
    const bench_encoding w = {.texts = sentence};
    bench_entry *ours = bench_encoding_senc(row, "senc", "auto", &w);
    snprintf(ours->name, sizeof ours->name, "senc and its libraries");
    ours->precision = "";
    ours->read = read_libraries;
    bench_entry_environment(row, ours, "LD_DEBUG=files");
    free(sentence);
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
    .needs_model = true,
    .max_runs = 1,
    .build = build,
};
