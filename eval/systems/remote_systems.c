/* Embedding APIs as systems: one kind a provider. See eval/remote/remote.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "eval/remote/remote.h"
#include "eval/systems/system_parts.h"

static bool open_remote(eval_system *s, const char *argument, const void *options, const eval_system_options *how,
                        senc_error *err) {
    eval_remote_choices choices = *(const eval_remote_choices *)options; /* its strings live as long as s */
    if (how->query_prompt) choices.query_prompt = (char *)how->query_prompt;
    if (how->document_prompt) choices.document_prompt = (char *)how->document_prompt;
    const eval_remote_options remote = {.yes = how->yes};
    if (!eval_remote_open_choices(s->kind->name, argument, &choices, &remote, &s->remote, err)) return false;
    s->embedder = eval_remote_embedder(s->remote);
    return eval_system_add_rule(s, err, "vectors of %s: from %s", eval_remote_name(s->remote),
                                eval_remote_address(s->remote));
}

/* What it has cost, for who pays. */
static void tell(const eval_remote *r) {
    const eval_remote_stats s = eval_remote_get_stats(r);
    const char *name = eval_remote_name(r);
    char dollars[32], cost[64] = "";
    if (s.dollars > 0)
        snprintf(cost, sizeof cost, ", %s", eval_remote_dollars_text(s.dollars, dollars, sizeof dollars));
    if (s.n_sent > 0)
        senc_info("%s: sent %lld texts in %lld requests, %s%lld tokens%s; %lld came from the cache", name,
                  (long long)s.n_sent, (long long)s.n_requests, s.tokens_estimated ? "about " : "",
                  (long long)s.n_tokens, cost, (long long)s.n_cached);
    else if (s.n_cached > 0)
        senc_info("%s: sent nothing, %lld texts came from the cache", name, (long long)s.n_cached);
    if (s.n_empty > 0)
        senc_warn("%s: %lld of %lld texts are empty; they were not sent, their vectors are zeros", name,
                  (long long)s.n_empty, (long long)s.n_texts);
    if (s.n_truncated > 0)
        senc_warn("%s: %lld of %lld texts were cut by max_bytes", name, (long long)s.n_truncated, (long long)s.n_texts);
}

static void close_remote(eval_system *s) {
    if (!s->remote) return;
    tell(s->remote);
    eval_remote_close(s->remote);
}

/* ---- what system.h offers for all ---- */

const char *eval_remote_system_prompt(const eval_system *s, eval_role role) {
    return eval_remote_prompt(s->remote, role);
}

/* Of what was sent: what comes from the cache says nothing of the API's speed. */
static eval_encoder_stats encoder_stats(const eval_remote_stats *s) {
    return (eval_encoder_stats){.n_texts = s->n_sent, .n_tokens = s->n_tokens, .encode_ms = s->ms};
}

static void show(void *context, const eval_remote_stats *stats) {
    const eval_system *s = context;
    const eval_encoder_stats sent = encoder_stats(stats);
    s->show(s->show_context, &sent);
}

void eval_remote_system_watch(eval_system *s, eval_encoder_progress *progress, void *context) {
    s->show = progress;
    s->show_context = context;
    eval_remote_watch(s->remote, progress ? show : NULL, s);
}

void eval_remote_system_add_stats(const eval_system *s, eval_encoder_stats *sum) {
    const eval_remote_stats stats = eval_remote_get_stats(s->remote);
    const eval_encoder_stats own = encoder_stats(&stats);
    if (own.n_texts > 0) eval_encoder_stats_add(sum, 1, &own);
}

/* ---- what it costs ---- */

static double tokens_per_text(const eval_remote_stats *s) {
    int64_t n = s->n_by_role[EVAL_DOCUMENT], n_tokens = s->n_tokens_by_role[EVAL_DOCUMENT];
    for (int role = 0; s->n_by_role[EVAL_DOCUMENT] == 0 && role < 3; role++) {
        n += s->n_by_role[role];
        n_tokens += s->n_tokens_by_role[role];
    }
    return n > 0 ? (double)n_tokens / (double)n : 0;
}

static void add_bill(const eval_system *s, eval_system_bill *bill) {
    if (s->remote) {
        const eval_remote_stats stats = eval_remote_get_stats(s->remote);
        const double n_tokens = tokens_per_text(&stats);
        bill->n_apis++;
        bill->n_sent += stats.n_sent;
        bill->n_cached += stats.n_cached;
        bill->n_requests += stats.n_requests;
        bill->n_tokens += stats.n_tokens;
        bill->tokens_estimated = bill->tokens_estimated || stats.tokens_estimated;
        bill->dollars += stats.dollars;
        bill->tokens_per_text += n_tokens;
        bill->dollars_per_text += n_tokens * stats.price / 1e6;
    }
    for (int64_t i = 0; i < s->n_parts; i++) add_bill(s->parts[i], bill);
}

void eval_system_get_bill(const eval_system *s, eval_system_bill *bill) {
    *bill = (eval_system_bill){0};
    add_bill(s, bill);
}

static bool plan_remote(eval_remote *r, eval_job *jobs, int64_t n_jobs, senc_error *err) {
    if (eval_remote_get_plan(r).price == 0) return true;
    eval_embedder planner = eval_remote_planner(r);
    planner.writes_nothing = true; /* its vectors are made up */
    senc_log_status("%s: counting what is to be sent", eval_remote_name(r));
    for (int64_t i = 0; i < n_jobs; i++) {
        eval_result result;
        if (!eval_job_run(&jobs[i], &planner, &result, err)) return false;
        eval_result_free(&result);
    }
    senc_log_status("%s", "");
    if (!eval_remote_check_plan(r, err)) return false;
    senc_buffer line = {0};
    eval_remote_describe_plan(r, &line);
    senc_info("%s", senc_buffer_text(&line));
    senc_buffer_free(&line);
    return true;
}

bool eval_system_plan(eval_system *s, eval_job *jobs, int64_t n_jobs, senc_error *err) {
    if (s->remote && !plan_remote(s->remote, jobs, n_jobs, err)) return false;
    for (int64_t i = 0; i < s->n_parts; i++)
        if (!eval_system_plan(s->parts[i], jobs, n_jobs, err)) return false;
    return true;
}

/* ---- the kinds ---- */

#define REMOTE_SYSTEM(scheme, scheme_form, title)                                                                      \
    const eval_system_kind eval_##scheme##_system = {                                                                  \
        .name = #scheme,                                                                                               \
        .form = scheme_form,                                                                                           \
        .help = title,                                                                                                 \
        .takes_argument = true,                                                                                        \
        .has_vectors = true,                                                                                           \
        .is_remote = true,                                                                                             \
        .options = eval_remote_option_rows,                                                                            \
        .options_bytes = sizeof(eval_remote_choices),                                                                  \
        .open = open_remote,                                                                                           \
        .close = close_remote,                                                                                         \
    }

REMOTE_SYSTEM(openai, "openai:MODEL", "OpenAI (OPENAI_API_KEY); with url= any server of its protocol");
REMOTE_SYSTEM(azure, "azure:DEPLOYMENT", "Azure OpenAI (AZURE_OPENAI_API_KEY, AZURE_OPENAI_ENDPOINT)");
REMOTE_SYSTEM(cohere, "cohere:MODEL", "Cohere (COHERE_API_KEY)");
REMOTE_SYSTEM(voyage, "voyage:MODEL", "Voyage AI (VOYAGE_API_KEY)");
REMOTE_SYSTEM(vertex, "vertex:MODEL", "Google Vertex AI (GOOGLE_ACCESS_TOKEN, GOOGLE_CLOUD_PROJECT)");
REMOTE_SYSTEM(hf, "hf:MODEL", "Hugging Face inference (HF_TOKEN)");
REMOTE_SYSTEM(tei, "tei:URL", "text-embeddings-inference (TEI_API_KEY, where it wants one)");
REMOTE_SYSTEM(ollama, "ollama:MODEL", "Ollama (OLLAMA_HOST, where it is not on this machine)");
