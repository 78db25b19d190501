/* Names in other tools: see other_names.h. No name of this list is a key of senc's (tests/train/test_other_names.c). */
#include "train/other_names.h"

#include <ctype.h>
#include <string.h>

static const train_other_name names[] = {
    {"lr", "train.learning_rate", NULL},
    {"bs", "train.batch_size", NULL},
    {"train_batch_size", "train.batch_size", NULL},
    {"per_device_train_batch_size", "train.batch_size", NULL},
    {"per_device_eval_batch_size", NULL, "evaluations choose their batches themselves"},
    {"eval_batch_size", NULL, "evaluations choose their batches themselves"},
    {"num_epochs", "train.epochs", NULL},
    {"n_epochs", "train.epochs", NULL},
    {"epoch", "train.epochs", NULL},
    {"num_train_epochs", "train.epochs", NULL},
    {"steps", "train.max_steps", NULL},
    {"num_steps", "train.max_steps", NULL},
    {"warmup_steps", "train.warmup", "a number of steps, or below 1 a share of them"},
    {"warmup_ratio", "train.warmup", "below 1 it is a share of the steps"},
    {"gradient_accumulation_steps", "train.accumulation", NULL},
    {"grad_accum", "train.accumulation", NULL},
    {"lr_scheduler_type", "train.schedule", NULL},
    {"lr_scheduler", "train.schedule", NULL},
    {"scheduler", "train.schedule", NULL},
    {"adam_beta1", "train.beta1", NULL},
    {"adam_beta2", "train.beta2", NULL},
    {"adam_epsilon", "train.epsilon", NULL},
    {"eps", "train.epsilon", NULL},
    {"wd", "train.weight_decay", NULL},
    {"clip_grad", "train.max_grad_norm", NULL},
    {"gradient_clipping", "train.max_grad_norm", NULL},
    {"hidden_dropout_prob", "train.dropout", NULL},
    {"fp16", "train.precision", "auto, fp32 or bf16"},
    {"bf16", "train.precision", "auto, fp32 or bf16"},
    {"use_amp", "train.precision", "auto, fp32 or bf16"},
    {"mini_batch_size", "train.memory_limit", "a size of memory such as \"4GiB\"; the chunks follow from it"},
    {"gradient_checkpointing", "train.memory_limit", "a size of memory such as \"4GiB\""},
    {"eval_steps", "train.eval_every", NULL},
    {"eval_strategy", "train.eval_every", "a number of steps; 0: at the end of each epoch"},
    {"evaluation_strategy", "train.eval_every", "a number of steps; 0: at the end of each epoch"},
    {"save_steps", "train.checkpoint_every", NULL},
    {"save_strategy", "train.checkpoint_every", "a number of steps"},
    {"save_total_limit", "train.keep_checkpoints", NULL},
    {"logging_steps", "train.log_every", NULL},
    {"metric_for_best_model", "train.best_metric", NULL},
    {"early_stopping_patience", "train.patience", NULL},
    {"early_stopping", "train.patience", "a number of evaluations"},
    {"dataloader_drop_last", "train.drop_last", NULL},
    {"num_workers", "train.threads", NULL},
    {"random_seed", "train.seed", NULL},
    {"data_seed", "train.seed", NULL},
    {"max_seq_length", "model.max_length", NULL},
    {"max_seq_len", "model.max_length", NULL},
    {"model_max_length", "model.max_length", NULL},
    {"query_max_len", "model.max_length", "one length for queries and documents"},
    {"passage_max_len", "model.max_length", "one length for queries and documents"},
    {"model_name", "model.base", NULL},
    {"model_name_or_path", "model.base", NULL},
    {"base_model", "model.base", NULL},
    {"pooling_mode", "model.pooling", NULL},
    {"pooling_method", "model.pooling", NULL},
    {"sentence_pooling_method", "model.pooling", NULL},
    {"normalize_embeddings", "model.normalize", "of fresh models; a base keeps what its folder says"},
    {"query_instruction_for_retrieval", "model.query_prompt", NULL},
    {"query_instruction", "model.query_prompt", NULL},
    {"query_prefix", "model.query_prompt", NULL},
    {"passage_instruction_for_retrieval", "model.document_prompt", NULL},
    {"passage_prompt", "model.document_prompt", NULL},
    {"passage_prefix", "model.document_prompt", NULL},
    {"document_prefix", "model.document_prompt", NULL},
    {"prompts", "model.query_prompt", "and model.document_prompt"},
    {"output_dir", "output.dir", NULL},
    {"output_path", "output.dir", NULL},
    {"train_data", "data.path", "in a [[data]] table"},
    {"train_file", "data.path", "in a [[data]] table"},
    {"train_dataset", "data.path", "in a [[data]] table"},
    {"loss_type", "loss.type", NULL},
    {"scale", "loss.temperature", "1 / scale: a scale of 20 is 0.05"},
};

static const train_other_loss losses[] = {
    {"MultipleNegativesRankingLoss", "type = \"mnrl\"", NULL},
    {"CachedMultipleNegativesRankingLoss", "type = \"mnrl\"", "train.memory_limit computes it in chunks"},
    {"MultipleNegativesSymmetricRankingLoss", "type = \"mnrl\", symmetric = true", NULL},
    {"CachedMultipleNegativesSymmetricRankingLoss", "type = \"mnrl\", symmetric = true",
     "train.memory_limit computes it in chunks"},
    {"InfoNCELoss", "type = \"mnrl\"", NULL},
    {"info_nce", "type = \"mnrl\"", NULL},
    {"CosineSimilarityLoss", "type = \"cosine\"", NULL},
    {"CoSENTLoss", "type = \"cosent\"", NULL},
    {"TripletLoss", "type = \"triplet\"", NULL},
    {"BatchHardTripletLoss", "type = \"triplet\", batch_hard = true", NULL},
    {"ContrastiveLoss", "type = \"contrastive\"", NULL},
    {"AnglELoss", NULL, "CoSENTLoss, which it builds on, is type = \"cosent\""},
    {"OnlineContrastiveLoss", NULL, "ContrastiveLoss is type = \"contrastive\""},
    {"BatchAllTripletLoss", NULL, "BatchHardTripletLoss is type = \"triplet\", batch_hard = true"},
    {"BatchSemiHardTripletLoss", NULL, "BatchHardTripletLoss is type = \"triplet\", batch_hard = true"},
    {"BatchHardSoftMarginTripletLoss", NULL, "BatchHardTripletLoss is type = \"triplet\", batch_hard = true"},
    {"GISTEmbedLoss", NULL, "mnrl masks duplicates and known positives by itself"},
    {"CachedGISTEmbedLoss", NULL, "mnrl masks duplicates and known positives by itself"},
    {"SoftmaxLoss", NULL, "pairs with labels can be trained by type = \"contrastive\""},
    {"MatryoshkaLoss", NULL, NULL},
    {"Matryoshka2dLoss", NULL, NULL},
    {"AdaptiveLayerLoss", NULL, NULL},
    {"MarginMSELoss", NULL, NULL},
    {"DistillKLDivLoss", NULL, NULL},
    {"MSELoss", NULL, NULL},
    {"MegaBatchMarginLoss", NULL, NULL},
    {"DenoisingAutoEncoderLoss", NULL, NULL},
    {"ContrastiveTensionLoss", NULL, NULL},
};

#define COUNT(list) ((int64_t)(sizeof(list) / sizeof((list)[0])))

const train_other_name *train_other_names(int64_t *n) {
    *n = COUNT(names);
    return names;
}

const train_other_loss *train_other_losses(int64_t *n) {
    *n = COUNT(losses);
    return losses;
}

static bool is_same_name(const char *a, const char *b) {
    for (; *a && *b; a++, b++) {
        const int x = *a == '-' ? '_' : tolower((unsigned char)*a), y = *b == '-' ? '_' : tolower((unsigned char)*b);
        if (x != y) return false;
    }
    return *a == *b;
}

const train_other_name *train_other_name_find(const char *name) {
    for (int64_t i = 0; i < COUNT(names); i++) {
        if (is_same_name(names[i].other, name)) return &names[i];
    }
    return NULL;
}

const train_other_loss *train_other_loss_find(const char *name) {
    for (int64_t i = 0; i < COUNT(losses); i++) {
        if (is_same_name(losses[i].other, name)) return &losses[i];
    }
    return NULL;
}

/* section: NULL at the top level. */
static bool check_keys(const senc_value *table, const char *section, senc_error *err) {
    for (int64_t i = 0; table->type == SENC_VALUE_TABLE && i < table->n; i++) {
        const senc_pair *pair = &table->pairs[i];
        const train_other_name *other = train_other_name_find(pair->key);
        if (!other) continue;
        char place[512];
        senc_place_text(pair->place, place, sizeof place);
        const char *dot = section ? "." : "", *note = other->note ? other->note : "";
        if (!section) section = "";
        if (!other->here)
            return senc_fail(err, SENC_BAD_INPUT, "%s%s%s%s: unknown key, and none is needed: %s", place, section, dot,
                             pair->key, note);
        return senc_fail(err, SENC_BAD_INPUT, "%s%s%s%s: unknown key; here it is %s%s%s%s", place, section, dot,
                         pair->key, other->here, other->note ? " (" : "", note, other->note ? ")" : "");
    }
    return true;
}

bool train_other_names_check(const senc_value *tree, senc_error *err) {
    static const char *const sections[] = {"model", "data", "loss", "train", "output"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        const senc_value *section = senc_value_find(tree, sections[i]);
        if (!section) continue;
        if (section->type == SENC_VALUE_TABLE && !check_keys(section, sections[i], err)) return false;
        for (int64_t k = 0; section->type == SENC_VALUE_ARRAY && k < section->n; k++) {
            if (!check_keys(section->items[k], sections[i], err)) return false;
        }
    }
    return check_keys(tree, NULL, err);
}
