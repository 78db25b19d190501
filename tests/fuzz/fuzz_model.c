/* Fuzz target: model folders. The first byte chooses which file of a tiny model the rest takes the place of: a
 * configuration, the list of modules, pooling, lengths, prompts, the weights or their index. Whatever the bytes are,
 * the folder is refused with one line of text, or a text of its longest length can be encoded. */
#include "tests/fuzz/fuzz_folder.h"

#include "nn/model.h"

#define MOST_LENGTH 16

static const char *const names[] = {
    "config.json",
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "model.safetensors",
    "model.safetensors.index.json", /* of shards; there is one only when it is the target */
};
enum { N_NAMES = sizeof names / sizeof *names, WEIGHTS = 5, INDEX = 6 };

static char *good[N_NAMES];
static size_t n_good[N_NAMES];

static void make_model(void) {
    const nn_new_config config = {
        .architecture = "bert",
        .vocab_size = 6,
        .hidden_size = 4,
        .layers = 1,
        .heads = 2,
        .intermediate_size = 4,
        .max_positions = 8,
        .max_length = 8,
        .pooling = "mean",
        .normalize = true,
        .seed = 7,
    };
    nn_model *m = NULL;
    senc_error err = {0};
    SENC_ASSERT(nn_model_create(&config, false, &m, &err) && nn_model_save(m, fuzz_folder(), &err), "%s", err.text);
    nn_model_free(m);
    for (int i = 0; i < INDEX; i++) {
        char *path = senc_path_join(fuzz_folder(), names[i]);
        good[i] = path ? senc_file_read(path, 0, &n_good[i], &err) : NULL;
        SENC_ASSERT(good[i], "%s", err.text);
        free(path);
    }
}

static void encode(nn_model *m) {
    static ag_tape tape;
    senc_error err = {0};
    if (!tape.kernels) SENC_ASSERT(ag_tape_init(&tape, kern_best(), false, 0, &err), "%s", err.text);
    int64_t n = nn_model_max_length(m);
    SENC_ASSERT(n >= 1 && nn_model_vocab_size(m) >= 1 && nn_model_width(m) >= 1, "%lld tokens", (long long)n);
    if (n > MOST_LENGTH) n = MOST_LENGTH;
    const int32_t ids[MOST_LENGTH] = {0};
    const int64_t offsets[2] = {0, n}, prompt_tokens[1] = {1};
    const nn_pass pass = {.prompt_tokens = prompt_tokens, .storage = nn_model_storage(m)};
    ag_tape_reset(&tape);
    const ag_node *v = nn_model_encode(m, &tape, ids, (kern_sequences){offsets, 1}, &pass);
    SENC_ASSERT(ag_tape_check(&tape, &err), "%s", err.text);
    volatile float last = 0; /* for the sanitizer: every value is there to be read */
    for (int64_t i = 0; i < nn_model_width(m); i++) last = v->value[i];
    (void)last;
}

/* The file of the first byte's choice, in the place of the good one. */
static void put(int which, const void *bytes, size_t n_bytes) {
    fuzz_file(names[which], bytes, n_bytes);
    if (which != INDEX) return;
    char from[300], to[300];
    snprintf(from, sizeof from, "%s/model.safetensors", fuzz_folder());
    snprintf(to, sizeof to, "%s/shard.safetensors", fuzz_folder());
    SENC_ASSERT(rename(from, to) == 0, "%s", to);
}

static void restore(int which) {
    if (which != INDEX) {
        fuzz_file(names[which], good[which], n_good[which]);
        return;
    }
    char path[300];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), names[INDEX]);
    unlink(path);
    fuzz_file(names[WEIGHTS], good[WEIGHTS], n_good[WEIGHTS]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
    if (n_bytes == 0) return 0;
    if (!good[0]) make_model();
    const int which = data[0] % N_NAMES;
    put(which, data + 1, n_bytes - 1);
    nn_overrides overrides = NN_OVERRIDES_NONE;
    nn_model *m = NULL;
    senc_error err = {0};
    const bool ok = nn_model_load(fuzz_folder(), &overrides, false, &m, &err);
    fuzz_check_error(ok, &err);
    if (ok) encode(m);
    nn_model_free(m);
    restore(which);
    return 0;
}
