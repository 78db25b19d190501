/* Results on standard output: see output.h. */
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "autograd/base/file.h"
#include "autograd/base/mapping.h"

static int failure; /* errno of the first failed write: stdio does not keep it */

bool cli_output_write(const void *bytes, size_t n_bytes) {
    if (failure) return false;
    errno = 0;
    if (n_bytes > 0 && fwrite(bytes, 1, n_bytes, stdout) != n_bytes) failure = errno ? errno : EIO;
    return failure == 0;
}

bool cli_output_buffer(senc_buffer *b, senc_error *err) {
    const bool ok = (!b->failed || senc_fail_memory(err, b->n_bytes, "the output")) && senc_mappings_check(err);
    if (ok) cli_output_write(senc_buffer_text(b), b->n_bytes);
    senc_buffer_free(b);
    return ok;
}

bool cli_output_finish(senc_error *err) {
    if (!senc_mappings_check(err)) return false;
    errno = 0;
    if (fflush(stdout) != 0 && !failure) failure = errno ? errno : EIO;
    if (!failure || failure == EPIPE) return true;
    return senc_fail(err, SENC_FAILED, "standard output: cannot write: %s", strerror(failure));
}

/* ---- files ---- */

static bool is_same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Notes the output's place: its folder and its name in it, which outlives the call. */
static bool note_place(cli_outputs *o, const char *path, const char *name, senc_error *err) {
    enum { MOST = sizeof o->items / sizeof *o->items };
    struct stat info;
    char *folder = senc_path_folder(path);
    if (!folder) return senc_fail_memory(err, strlen(path), "a path");
    const bool found = stat(folder, &info) == 0;
    free(folder);
    if (!found) return true; /* a folder that is still to be made */
    for (int i = 0; i < o->n; i++) {
        if (o->items[i].device == info.st_dev && o->items[i].folder == info.st_ino &&
            strcmp(o->items[i].name, name) == 0)
            return senc_fail(err, SENC_BAD_INPUT, "%s: two outputs of one call would be this file", path);
    }
    if (o->n == MOST) return senc_fail(err, SENC_BAD_INPUT, "%s: more than %d outputs of one call", path, MOST);
    o->items[o->n].name = name;
    o->items[o->n].device = info.st_dev;
    o->items[o->n++].folder = info.st_ino;
    return true;
}

bool cli_outputs_add(cli_outputs *o, const char *path, senc_error *err) {
    if (!path || senc_path_is_stream(path)) return true;
    if (o->input && is_same_file(path, o->input))
        return senc_fail(err, SENC_BAD_INPUT, "%s: cannot write: it is the input", path);
    return note_place(o, path, senc_path_name(path), err) && senc_file_check_folder(path, err) &&
           (o->overwrite || senc_file_check_new(path, err));
}

bool cli_outputs_add_report(cli_outputs *o, const char *folder, senc_error *err) {
    static const char *const names[] = {"report.json", "report.md", "report.html"};
    bool ok = !folder || senc_path_check_folder(folder, err);
    for (size_t i = 0; ok && folder && i < sizeof names / sizeof *names; i++) {
        char *path = senc_path_join(folder, names[i]);
        if (!path) return senc_fail_memory(err, strlen(folder), "a path");
        ok = note_place(o, path, names[i], err) && (o->overwrite || senc_file_check_new(path, err));
        free(path);
    }
    return ok;
}

bool cli_output_file(const char *path, bool overwrite, senc_buffer *b, senc_error *err) {
    if (strcmp(path, "-") == 0) return cli_output_buffer(b, err);
    senc_file_writer w = {0};
    bool ok = !b->failed || senc_fail_memory(err, b->n_bytes, "the output");
    ok = ok && senc_file_writer_open_output(&w, path, overwrite, err);
    if (ok && b->n_bytes) fwrite(b->data, 1, b->n_bytes, w.stream); /* a failure is sticky: commit reports it */
    ok = ok && senc_file_writer_commit(&w, err);
    senc_file_writer_close(&w);
    senc_buffer_free(b);
    return ok;
}
