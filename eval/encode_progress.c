/* The progress of an encoding: see encode_progress.h. */
#include "eval/encode_progress.h"

#include <string.h>

#include "autograd/base/file.h"

bool eval_encode_progress_save(const char *path, const data_json *options, const eval_encode_progress *progress,
                               senc_error *err) {
    data_json *o = data_json_create_object();
    data_json_put_string(o, "senc", SENC_VERSION);
    data_json_put_integer(o, "rows", progress->mark.n_rows);
    data_json_put_integer(o, "bytes", progress->mark.n_bytes);
    data_json_put_bool(o, "overwrites", progress->overwrites);
    data_json_put_bool(o, "sealed", progress->sealed);
    if (options) data_json_put_copy(o, "options", options);
    const bool ok = data_json_save(o, 2, path, err);
    data_json_free(o);
    return ok;
}

static bool is_true(const data_json *o, const char *key) {
    return data_json_bool(data_json_find(o, key));
}

static bool read_progress(const data_json *o, eval_encode_progress *p, senc_error *err) {
    p->overwrites = is_true(o, "overwrites");
    p->sealed = is_true(o, "sealed");
    return data_json_require_integer(o, "rows", 0, INT64_C(1) << 48, &p->mark.n_rows, err) &&
           data_json_require_integer(o, "bytes", 0, INT64_C(1) << 60, &p->mark.n_bytes, err);
}

bool eval_encode_progress_peek(const char *path, eval_encode_progress *progress) {
    data_json *o = NULL;
    const bool ok = senc_path_is_file(path) && data_json_load(path, &o, NULL) && data_json_find(o, "senc") &&
                    read_progress(o, progress, NULL);
    data_json_free(o);
    return ok;
}

static int shown_bytes(const char *text) {
    if (!text) return 0;
    return strlen(text) == 64 ? 12 : 80;
}

static bool check_option(const char *path, const char *key, const data_json *now, const data_json *then,
                         senc_error *err) {
    const char *is = data_json_text(now, NULL), *was = data_json_text(then, NULL);
    if (is && was && strcmp(is, was) == 0) return true;
    /* Digests are cut: 12 digits tell them apart. */
    return senc_fail(
        err, SENC_BAD_INPUT,
        "%s: --resume: expected the same %s as in the interrupted run (\"%.*s\"), got \"%.*s\"; --overwrite "
        "starts anew",
        path, key, shown_bytes(was), was ? was : "", shown_bytes(is), is ? is : "");
}

bool eval_encode_progress_load(const char *path, const data_json *options, eval_encode_progress *progress,
                               senc_error *err) {
    data_json *o = NULL;
    const data_json *then = NULL;
    bool ok = data_json_load(path, &o, err) && read_progress(o, progress, err);
    const bool compare = ok && progress->mark.n_rows > 0;
    if (compare) ok = data_json_read_object(o, "options", &then, err);
    for (const data_json *m = compare ? data_json_first(options) : NULL; ok && m; m = data_json_next(m)) {
        const char *key = data_json_key(m, NULL);
        ok = check_option(path, key, m, data_json_find(then, key), err);
    }
    data_json_free(o);
    return ok;
}
