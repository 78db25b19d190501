/* How far an encoding has come: see embed_progress.h. */
#include "eval/embed_progress.h"

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/terminal.h"

void eval_progress_show(void *context, const eval_encoder_stats *stats) {
    eval_progress *p = context;
    const double now_ms = senc_clock_ms();
    if (now_ms - p->shown_ms < 100) return; /* ten times a second is as fast as anyone reads */
    p->shown_ms = now_ms;
    const bool is_same = stats->n_texts >= p->n_before; /* not another encoder of a system with several */
    const int64_t n = stats->n_texts - (is_same ? p->n_before : 0);
    const double seconds = (stats->encode_ms - (is_same ? p->ms_before : 0)) / 1e3;
    const double rate = seconds > 0 ? (double)n / seconds : 0;
    const char *what = p->what ? p->what : "", *colon = p->what ? ": " : "";
    char done[32], all[32];
    senc_count_text(n, done, sizeof done);
    if (p->n_all > 0 && n <= p->n_all && rate > 0) {
        const int64_t left = (int64_t)((double)(p->n_all - n) / rate);
        senc_log_status("%s%s%s of %s texts (%d %%), %.0f texts/s, %lld:%02lld left", what, colon, done,
                        senc_count_text(p->n_all, all, sizeof all), (int)(100 * n / p->n_all), rate,
                        (long long)(left / 60), (long long)(left % 60));
    } else {
        senc_log_status("%s%s%s texts, %.0f texts/s", what, colon, done, rate);
    }
}

void eval_progress_watch(eval_progress *progress, eval_encoder *encoder) {
    const eval_encoder_stats *stats = eval_encoder_get_stats(encoder);
    progress->n_before = stats->n_texts;
    progress->ms_before = stats->encode_ms;
    eval_encoder_watch(encoder, eval_progress_show, progress);
}
