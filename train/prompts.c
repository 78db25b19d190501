/* What stands in front of which texts: see prompts.h. */
#include "train/prompts.h"

#include <string.h>

#include "autograd/base/value.h"

void train_prompts_of(const nn_model *m, train_prompt prompts[TRAIN_N_PROMPTS]) {
    prompts[0] = (train_prompt){"query", "queries and anchors", nn_model_prompt(m, "query")};
    prompts[1] = (train_prompt){"document", "documents, positives and negatives", nn_model_document_prompt(m)};
    prompts[2] = (train_prompt){"default", "other texts", nn_model_prompt(m, NULL)};
}

bool train_prompts_any(const nn_model *m) {
    train_prompt prompts[TRAIN_N_PROMPTS];
    train_prompts_of(m, prompts);
    bool any = false;
    for (int i = 0; i < TRAIN_N_PROMPTS; i++) any = any || prompts[i].text[0];
    return any;
}

void train_prompts_print(const nn_model *m, senc_buffer *out) {
    train_prompt prompts[TRAIN_N_PROMPTS];
    train_prompts_of(m, prompts);
    if (!train_prompts_any(m)) senc_buffer_append_text(out, "none\n");
    for (int i = 0; i < TRAIN_N_PROMPTS && train_prompts_any(m); i++) {
        if (prompts[i].text[0])
            senc_value_print_string(prompts[i].text, strlen(prompts[i].text), out);
        else
            senc_buffer_append_text(out, "none");
        senc_buffer_printf(out, " before %s\n", prompts[i].texts);
    }
    const char *unused = nn_model_unused_prompt(m);
    if (!unused) return;
    const char *text = nn_model_prompt(m, unused);
    senc_buffer_printf(out, "prompt \"%s\" (", unused);
    senc_value_print_string(text, strlen(text), out);
    senc_buffer_append_text(out, ") is not used: sentence-transformers 6.2 puts only the prompt \"document\" before "
                                 "documents; model.document_prompt sets it\n");
}
