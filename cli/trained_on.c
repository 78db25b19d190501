/* See trained_on.h. */
#include "cli/trained_on.h"

#include "autograd/base/log.h"
#include "train/leakage.h"

bool cli_trained_on_find(void *context, const char *folder, senc_error *err) {
    cli_trained_on *t = context;
    train_leakage l;
    senc_error why = {0};
    senc_log_status("looking for what %s was trained on", folder);
    const bool is_known = train_leakage_of_model(folder, t->data->jobs, t->data->n_jobs, &l, &why);
    senc_log_status("%s", "");
    if (!is_known && why.kind != SENC_BAD_INPUT) return senc_fail(err, why.kind, "%s", why.text);
    if (!is_known) {
        senc_warn("%s: whether it was trained on this data is not known, because the data of its run are not there as "
                  "they were: %s",
                  folder, why.text);
        return true;
    }
    bool ok = true;
    for (int64_t i = 0; ok && i < l.n; i++) ok = eval_saved_report_add_leak(t->report, &l.leaks[i], err);
    train_leakage_free(&l);
    return ok;
}
