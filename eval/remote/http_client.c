/* Many requests by libcurl's multi interface: see http_client.h. A slot is one request under way or waiting for its
 * next try; there are as many as may run in parallel. */
#include "eval/remote/http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/options.h"
#include "autograd/base/rng.h"

#define CONNECT_MS     20000
#define MOST_PAUSE_MS  60000  /* between two tries, unless the server asks for more */
#define LONGEST_HOLD_S 600    /* what a server may ask for; above, the run ends */
#define POLL_MS        1000.0 /* longest sleep */
#define TOLD_FROM_MS   5000.0 /* pauses from here on are told */

typedef enum slot_state { SLOT_FREE, SLOT_WAITING, SLOT_RUNNING } slot_state;

typedef struct http_slot {
    CURL *easy;
    slot_state state;
    int64_t i, n_tries;
    double wake_ms;
    senc_buffer body, answer;
    size_t max_answer_bytes;
    bool too_long;
    char error[CURL_ERROR_SIZE];
} http_slot;

struct eval_http {
    eval_http_options options;
    CURLM *multi;
    struct curl_slist *headers;
    http_slot *slots; /* (options.parallel) */
    senc_rng rng;
    double next_start_ms, hold_until_ms;
    bool reached; /* the server has answered once */
    eval_http_stats stats;
};

/* One run over the requests of a work. */
typedef struct http_run {
    eval_http *h;
    const eval_http_work *work;
    int64_t next;     /* request to begin */
    int64_t n_active; /* slots that are not free */
    bool missing;     /* a GET was answered by 404 or 405 */
    bool failed;
    senc_error *err;
} http_run;

static void start_library(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t receive(char *bytes, size_t size, size_t n, void *context) {
    http_slot *slot = context;
    const size_t n_bytes = size * n;
    slot->too_long = slot->answer.n_bytes + n_bytes > slot->max_answer_bytes;
    if (!slot->too_long) senc_buffer_append(&slot->answer, bytes, n_bytes);
    return slot->too_long || slot->answer.failed ? 0 : n_bytes; /* 0 ends the transfer */
}

static bool add_header(eval_http *h, const char *header) {
    struct curl_slist *grown = curl_slist_append(h->headers, header);
    if (grown) h->headers = grown;
    return grown != NULL;
}

static bool make_slot(eval_http *h, http_slot *slot) {
    slot->easy = curl_easy_init();
    if (!slot->easy) return false;
    CURL *c = slot->easy;
    curl_easy_setopt(c, CURLOPT_PRIVATE, slot);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, h->headers);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, slot);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, slot->error);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L); /* the key must not travel on */
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_USERAGENT, "senc/" SENC_VERSION);
    curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, ""); /* what libcurl can unpack: numbers shrink by half */
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(h->options.timeout_s * 1000));
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    return true;
}

bool eval_http_create(const eval_http_options *options, eval_http **out, senc_error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_library);
    *out = NULL;
    eval_http *h = senc_alloc_zero(1, sizeof *h);
    if (!h) return senc_fail_memory(err, sizeof *h, "the HTTP client");
    h->options = *options;
    senc_rng_init(&h->rng, (uint64_t)(senc_clock_ms() * 1000));
    h->multi = curl_multi_init();
    h->slots = senc_alloc_zero((size_t)options->parallel, sizeof *h->slots);
    /* "Expect: 100-continue" would cost a round trip for every large body. */
    bool ok = h->multi && h->slots && add_header(h, "Content-Type: application/json") &&
              add_header(h, "Accept: application/json") && add_header(h, "Expect:") &&
              (!options->header || add_header(h, options->header));
    for (int64_t i = 0; ok && i < options->parallel; i++) ok = make_slot(h, &h->slots[i]);
    if (ok) {
        *out = h;
        return true;
    }
    eval_http_free(h);
    return senc_fail_memory(err, 0, "the HTTP client");
}

void eval_http_free(eval_http *h) {
    if (!h) return;
    for (int64_t i = 0; h->slots && i < h->options.parallel; i++) {
        http_slot *slot = &h->slots[i];
        if (slot->state == SLOT_RUNNING) curl_multi_remove_handle(h->multi, slot->easy);
        curl_easy_cleanup(slot->easy);
        senc_buffer_free(&slot->body);
        senc_buffer_free(&slot->answer);
    }
    if (h->multi) curl_multi_cleanup(h->multi);
    for (struct curl_slist *l = h->headers; l; l = l->next) explicit_bzero(l->data, strlen(l->data));
    curl_slist_free_all(h->headers);
    free(h->slots);
    free(h);
}

static bool fail_transfer(const http_run *run, const http_slot *slot, const char *what) {
    senc_buffer text = {0};
    eval_http_append_redacted(run->work->url, strlen(run->work->url), run->h->options.secret, &text);
    senc_buffer_append_text(&text, ": ");
    eval_http_append_redacted(what, strlen(what), run->h->options.secret, &text);
    if (slot->n_tries > 1) senc_buffer_printf(&text, " (%lld tries)", (long long)slot->n_tries);
    senc_fail(run->err, SENC_FAILED, "%s: %s", run->h->options.place, senc_buffer_text(&text));
    senc_buffer_free(&text);
    return false;
}

static void release(http_run *run, http_slot *slot) {
    slot->state = SLOT_FREE;
    run->n_active--;
}

/* ---- tries ---- */

static bool begin_try(http_run *run, http_slot *slot) {
    eval_http *h = run->h;
    CURL *c = slot->easy;
    curl_easy_setopt(c, CURLOPT_URL, run->work->url);
    if (run->work->build) {
        curl_easy_setopt(c, CURLOPT_POST, 1L);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, senc_buffer_text(&slot->body));
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)slot->body.n_bytes);
    } else {
        curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
    }
    senc_buffer_clear(&slot->answer);
    slot->max_answer_bytes = run->work->max_answer_bytes;
    slot->too_long = false;
    slot->error[0] = '\0';
    if (curl_multi_add_handle(h->multi, c) != CURLM_OK) {
        release(run, slot);
        return fail_transfer(run, slot, "libcurl cannot begin a request");
    }
    slot->state = SLOT_RUNNING;
    slot->n_tries++;
    h->stats.n_requests++;
    h->stats.n_retries += slot->n_tries > 1;
    const double now = senc_clock_ms();
    if (h->options.per_minute > 0) h->next_start_ms = now + 60000 / h->options.per_minute;
    return true;
}

static bool begin_request(http_run *run, http_slot *slot) {
    slot->i = run->next++;
    slot->n_tries = 0;
    senc_buffer_clear(&slot->body);
    run->n_active++;
    if (run->work->build && !run->work->build(run->work->context, slot->i, &slot->body, run->err)) {
        release(run, slot);
        return false;
    }
    return begin_try(run, slot);
}

/* Begins what may begin now. *sleep_ms: until the next slot may. */
static bool begin_all(http_run *run, double *sleep_ms) {
    eval_http *h = run->h;
    *sleep_ms = POLL_MS;
    for (int64_t i = 0; i < h->options.parallel; i++) {
        http_slot *slot = &h->slots[i];
        const bool is_new = slot->state == SLOT_FREE && !run->failed && run->next < run->work->n;
        if (slot->state == SLOT_WAITING && run->failed) release(run, slot);
        if (!is_new && slot->state != SLOT_WAITING) continue;
        const double now = senc_clock_ms();
        double wake = h->hold_until_ms > h->next_start_ms ? h->hold_until_ms : h->next_start_ms;
        if (!is_new && slot->wake_ms > wake) wake = slot->wake_ms;
        if (wake > now) {
            if (wake - now < *sleep_ms) *sleep_ms = wake - now;
        } else if (!(is_new ? begin_request(run, slot) : begin_try(run, slot))) {
            run->failed = true;
        }
    }
    return !run->failed;
}

/* How long to wait before the next try: what the server says, else a pause that doubles, with chance in it so that
 * requests that failed together do not come back together. */
static double pause_ms(eval_http *h, const http_slot *slot, double asked_s) {
    double pause = h->options.backoff_ms;
    for (int64_t i = 1; i < slot->n_tries && pause < MOST_PAUSE_MS; i++) pause *= 2;
    if (pause > MOST_PAUSE_MS) pause = MOST_PAUSE_MS;
    pause *= 0.5 + 0.5 * senc_rng_uniform(&h->rng);
    return asked_s * 1000 > pause ? asked_s * 1000 : pause;
}

/* hold_all: the server turned away who asks, not this request. */
static void wait_for_next_try(http_run *run, http_slot *slot, double asked_s, bool hold_all, const char *why) {
    eval_http *h = run->h;
    const double pause = pause_ms(h, slot, asked_s), until = senc_clock_ms() + pause;
    slot->state = SLOT_WAITING;
    slot->wake_ms = until;
    if (hold_all && until > h->hold_until_ms) {
        h->hold_until_ms = until;
        if (pause >= TOLD_FROM_MS) senc_info("%s: %s; waiting %.0f s", h->options.place, why, pause / 1000);
    }
}

/* ---- ends of tries ---- */

static bool may_retry_transfer(CURLcode code, bool reached) {
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return reached;
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    default:
        return false;
    }
}

static bool end_transfer(http_run *run, http_slot *slot, CURLcode code) {
    eval_http *h = run->h;
    if (may_retry_transfer(code, h->reached) && slot->n_tries <= h->options.retries && !run->failed) {
        wait_for_next_try(run, slot, 0, false, "");
        return true;
    }
    release(run, slot);
    if (slot->answer.failed) return senc_fail_memory(run->err, slot->answer.n_bytes, "an answer");
    if (!slot->too_long) return fail_transfer(run, slot, slot->error[0] ? slot->error : curl_easy_strerror(code));
    char what[96], size[32];
    snprintf(what, sizeof what, "the answer is longer than %s, which no answer to this request is",
             senc_bytes_text((int64_t)slot->max_answer_bytes, size, sizeof size));
    return fail_transfer(run, slot, what);
}

static bool end_refused(http_run *run, http_slot *slot, long status) {
    eval_http *h = run->h;
    const char *body = senc_buffer_text(&slot->answer);
    curl_off_t asked_s = 0;
    curl_easy_getinfo(slot->easy, CURLINFO_RETRY_AFTER, &asked_s);
    if (!run->work->build && (status == 404 || status == 405)) {
        run->missing = true;
        release(run, slot);
        return true;
    }
    if (eval_http_may_retry(status, body, slot->answer.n_bytes) && slot->n_tries <= h->options.retries &&
        asked_s <= LONGEST_HOLD_S && !run->failed) {
        char why[32];
        snprintf(why, sizeof why, "answered %ld", status);
        wait_for_next_try(run, slot, (double)asked_s, status == 429 || asked_s > 0, why);
        return true;
    }
    release(run, slot);
    senc_error refusal = {0};
    eval_http_fail(h->options.place, run->work->url, h->options.secret, status, slot->n_tries, body,
                   slot->answer.n_bytes, &refusal);
    if (asked_s > LONGEST_HOLD_S)
        return senc_fail(run->err, refusal.kind, "%s; it asks to come back in %lld s", refusal.text,
                         (long long)asked_s);
    return senc_fail(run->err, refusal.kind, "%s", refusal.text);
}

static bool end_try(http_run *run, http_slot *slot, CURLcode code) {
    curl_multi_remove_handle(run->h->multi, slot->easy);
    if (code != CURLE_OK) return end_transfer(run, slot, code);
    run->h->reached = true;
    long status = 0;
    curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status >= 300) return end_refused(run, slot, status);
    const bool ok =
        run->work->take(run->work->context, slot->i, senc_buffer_text(&slot->answer), slot->answer.n_bytes, run->err);
    release(run, slot);
    return ok;
}

static void end_all(http_run *run) {
    int n_left;
    for (CURLMsg *m; (m = curl_multi_info_read(run->h->multi, &n_left));) {
        if (m->msg != CURLMSG_DONE) continue;
        http_slot *slot = NULL;
        const CURLcode code = m->data.result; /* *m goes away with the handle */
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
        if (!end_try(run, slot, code)) run->failed = true;
    }
}

static bool run_all(http_run *run) {
    eval_http *h = run->h;
    for (;;) {
        double sleep_ms;
        int n_running = 0;
        begin_all(run, &sleep_ms);
        if (run->n_active == 0 && (run->failed || run->next == run->work->n)) break;
        curl_multi_perform(h->multi, &n_running);
        const double before = senc_clock_ms();
        if (n_running > 0 || run->n_active > 0 || !run->failed)
            curl_multi_poll(h->multi, NULL, 0, (int)(n_running > 0 || sleep_ms >= 1 ? sleep_ms : 1), NULL);
        if (n_running == 0) h->stats.wait_ms += senc_clock_ms() - before;
        curl_multi_perform(h->multi, &n_running);
        end_all(run);
    }
    return !run->failed;
}

bool eval_http_post(eval_http *h, const eval_http_work *work, senc_error *err) {
    http_run run = {.h = h, .work = work, .err = err};
    return run_all(&run);
}

static bool take_text(void *context, int64_t i, const char *bytes, size_t n_bytes, senc_error *err) {
    senc_buffer *answer = context;
    (void)i;
    senc_buffer_append(answer, bytes, n_bytes);
    return !answer->failed || senc_fail_memory(err, n_bytes, "an answer");
}

bool eval_http_get(eval_http *h, const char *url, senc_buffer *answer, bool *found, senc_error *err) {
    const eval_http_work work = {
        .url = url, .n = 1, .max_answer_bytes = 16 << 20, .take = take_text, .context = answer};
    http_run run = {.h = h, .work = &work, .err = err};
    const bool ok = run_all(&run);
    *found = ok && !run.missing;
    return ok;
}

eval_http_stats eval_http_get_stats(const eval_http *h) {
    return h->stats;
}
