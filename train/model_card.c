/* README.md of a saved model: see model_card.h. */
#include "train/model_card.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/terminal.h"
#include "train/prompts.h"

#define MOST_CARD_BYTES ((size_t)1 << 20)

/* The line of a card's front matter (between the first two lines "---") that begins with `key`; appended with its end.
 */
static void append_front_matter(const char *card, const char *key, senc_buffer *out) {
    if (strncmp(card, "---\n", 4) != 0) return;
    for (const char *line = card + 4, *end; (end = strchr(line, '\n')) && strncmp(line, "---", 3) != 0;
         line = end + 1) {
        if (strncmp(line, key, strlen(key)) != 0) continue;
        senc_buffer_append(out, line, (size_t)(end - line) + 1);
        return;
    }
}

static void append_head(const train_state *s, senc_buffer *out) {
    const char *base = s->config->model.base;
    senc_buffer_append_text(out, "---\nlibrary_name: sentence-transformers\npipeline_tag: sentence-similarity\n");
    if (base) senc_buffer_printf(out, "base_model: %s\n", senc_path_exists(base) ? senc_path_name(base) : base);
    senc_error ignored = {0};
    char *folder = NULL;
    if (base) (void)train_base_model_find(s->config, &folder, &ignored);
    char *path = folder ? senc_path_join(folder, "README.md") : NULL;
    char *card = path && senc_path_is_file(path) ? senc_file_read(path, MOST_CARD_BYTES, NULL, NULL) : NULL;
    if (card) append_front_matter(card, "license:", out);
    free(card);
    free(path);
    free(folder);
    senc_buffer_append_text(out, "tags:\n- sentence-transformers\n- senc\n---\n\n");
}

static void append_training(const train_state *s, senc_buffer *out) {
    const train_progress *p = &s->progress;
    char rows[32], texts[32], cut[32];
    senc_buffer_printf(out,
                       "Step %lld of %lld of a training by senc " SENC_VERSION " on %s rows, loss `%s`, batches of "
                       "%lld rows, learning rate %g.\n\n",
                       (long long)p->step, (long long)s->n_steps, senc_count_text(p->n_rows, rows, sizeof rows),
                       s->config->loss->name, (long long)s->batch_rows, s->config->train.learning_rate);
    const int64_t read = nn_model_max_length(s->model);
    senc_buffer_printf(out, "- Reads %lld tokens of a text. ", (long long)read);
    if (s->max_length < read)
        senc_buffer_printf(out,
                           "In training texts were cut at %lld tokens: what stands behind them only the model that "
                           "training started from has learnt from. ",
                           (long long)s->max_length);
    senc_buffer_printf(out, "Of %s texts %s were cut in training.\n", senc_count_text(p->n_texts, texts, sizeof texts),
                       senc_count_text(p->n_truncated, cut, sizeof cut));
    senc_buffer_printf(out, "- Vectors are %lld wide and compared by %s.\n", (long long)nn_model_width(s->model),
                       nn_model_similarity(s->model));
}

static void append_prompts(const train_state *s, senc_buffer *out) {
    senc_buffer lines = {0};
    train_prompts_print(s->model, &lines);
    for (const char *line = senc_buffer_text(&lines), *end; (end = strchr(line, '\n')); line = end + 1)
        senc_buffer_printf(out, "- Prompts: %.*s\n", (int)(end - line), line);
    senc_buffer_free(&lines);
}

static void append_use(const train_state *s, senc_buffer *out) {
    const bool asymmetric = strcmp(s->config->roles.texts[0], "anchor") == 0;
    senc_buffer_append_text(out, "\n```sh\nsenc encode this/folder --input texts.txt --output vectors.npy\n```\n\n"
                                 "```python\nfrom sentence_transformers import SentenceTransformer\n\n"
                                 "model = SentenceTransformer(\"this/folder\")\n");
    if (asymmetric)
        senc_buffer_append_text(out, "queries = model.encode_query([\"...\"])\n"
                                     "documents = model.encode_document([\"...\"])\n"
                                     "print(model.similarity(queries, documents))\n```\n");
    else
        senc_buffer_append_text(out, "vectors = model.encode([\"...\", \"...\"])\n"
                                     "print(model.similarity(vectors, vectors))\n```\n");
}

bool train_model_card_write(const train_state *s, const char *folder, senc_error *err) {
    senc_buffer text = {0};
    char *path = senc_path_join(folder, "README.md");
    append_head(s, &text);
    senc_buffer_printf(&text, "# A sentence encoder%s%s\n\n", s->config->model.base ? ", trained from " : "",
                       s->config->model.base ? train_base_label(s) : "");
    append_training(s, &text);
    append_prompts(s, &text);
    append_use(s, &text);
    bool ok = path && !text.failed;
    if (!ok) senc_fail_memory(err, text.n_bytes, "the model's card");
    ok = ok && senc_file_write(path, text.data, text.n_bytes, err);
    senc_buffer_free(&text);
    free(path);
    return ok;
}
