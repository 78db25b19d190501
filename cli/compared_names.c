/* What the models of senc compare are called: the given LABEL, else the name of the folder, never a path; and no two
 * alike. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "cli/compared_models.h"

enum { MOST_FOLDERS = 8 };

static void append_name(senc_buffer *out, const char *spec, int n_folders) {
    char *name = eval_system_name(spec, n_folders);
    if (name)
        senc_buffer_append_text(out, name);
    else
        out->failed = true;
    free(name);
}

/* A report says what its model is called; where that tells too little, the report's own name stands behind it. */
static void append_run(senc_buffer *out, const cli_compared_run *run, int n_folders) {
    if (!run->is_saved) {
        append_name(out, run->spec, n_folders);
        return;
    }
    if (strchr(run->report.label, '/'))
        append_name(out, run->report.label, 0);
    else
        senc_buffer_append_text(out, run->report.label);
    if (n_folders == 0) return;
    senc_buffer_append_text(out, " (");
    append_name(out, run->spec, n_folders - 1);
    senc_buffer_append_text(out, ")");
}

static bool set_label(cli_compared_argument *a, int n_folders, senc_error *err) {
    senc_buffer name = {0};
    if (a->given_label) senc_buffer_append_text(&name, a->given_label);
    for (int64_t k = 0; !a->given_label && k < a->n_runs; k++) {
        if (k > 0) senc_buffer_append_text(&name, ",");
        append_run(&name, &a->runs[k], n_folders);
    }
    free(a->label);
    a->label = senc_buffer_take(&name);
    return a->label || senc_fail_memory(err, 1, "a label");
}

static bool has_twin(const cli_compared_models *m, int64_t i) {
    for (int64_t k = 0; k < m->n; k++)
        if (k != i && strcmp(m->arguments[k].label, m->arguments[i].label) == 0) return true;
    return false;
}

/* "m", "m (2)": the same thing twice, or the same LABEL. */
static bool number_twins(cli_compared_models *m, senc_error *err) {
    for (int64_t i = m->n - 1; i > 0; i--) {
        int64_t n_before = 0;
        for (int64_t k = 0; k < i; k++) n_before += strcmp(m->arguments[k].label, m->arguments[i].label) == 0;
        if (n_before == 0) continue;
        senc_buffer name = {0};
        senc_buffer_printf(&name, "%s (%lld)", m->arguments[i].label, (long long)n_before + 1);
        free(m->arguments[i].label);
        m->arguments[i].label = senc_buffer_take(&name);
        if (!m->arguments[i].label) return senc_fail_memory(err, 1, "a label");
    }
    return true;
}

bool cli_compared_models_name(cli_compared_models *m, senc_error *err) {
    int *n_folders = senc_alloc_zero((size_t)m->n, sizeof *n_folders);
    bool *is_twin = senc_alloc_zero((size_t)m->n, sizeof *is_twin), found = true;
    bool ok = (n_folders && is_twin) || senc_fail_memory(err, (size_t)m->n * sizeof *n_folders, "labels");
    for (int64_t i = 0; ok && i < m->n; i++) ok = set_label(&m->arguments[i], 0, err);
    for (int round = 0; ok && found && round < MOST_FOLDERS; round++) {
        found = false;
        for (int64_t i = 0; i < m->n; i++) is_twin[i] = has_twin(m, i);
        for (int64_t i = 0; ok && i < m->n; i++) {
            found = found || is_twin[i];
            if (is_twin[i]) ok = set_label(&m->arguments[i], ++n_folders[i], err);
        }
    }
    for (int64_t i = 0; ok && i < m->n; i++) is_twin[i] = has_twin(m, i); /* the same path twice */
    for (int64_t i = 0; ok && i < m->n; i++)
        if (is_twin[i]) ok = set_label(&m->arguments[i], 0, err);
    ok = ok && number_twins(m, err);
    free(n_folders);
    free(is_twin);
    return ok;
}
