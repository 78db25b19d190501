/* Writes a tiny random model folder for the tests of the program: make_model OUT [ROWS [WIDTH]]. Its WordPiece
 * vocabulary is trained from the sentences below; ROWS is the number of word embeddings (default: one for each token),
 * WIDTH the hidden size (default 16). The same arguments give the same bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "data/tokenizers/tokenizer.h"
#include "data/tokenizers/wordpiece_trainer.h"
#include "nn/model.h"

static const char *const sentences[] = {
    "the kettle sings when the water boils", "a small boat drifts across the quiet lake",
    "she paints the old garden gate green",  "the baker opens the shop before dawn",
    "rain falls on the roof of the station", "he repairs bicycles in a narrow yard",
    "the choir sings in the old station",    "a green kettle stands in the garden",
};

static bool train_tokenizer(data_tokenizer **out, senc_error *err) {
    const data_wordpiece_options options = {.vocab_size = 120, .lowercase = true, .model_max_length = 32};
    data_wordpiece_trainer *trainer = data_wordpiece_trainer_create(&options);
    bool ok = trainer != NULL;
    for (size_t i = 0; ok && i < sizeof sentences / sizeof *sentences; i++)
        ok = data_wordpiece_trainer_add(trainer, sentences[i], strlen(sentences[i]), err);
    ok = ok && data_wordpiece_trainer_finish(trainer, out, err);
    data_wordpiece_trainer_free(trainer);
    return ok;
}

static bool write_model(const char *folder, int64_t rows, int64_t width, senc_error *err) {
    data_tokenizer *tokenizer = NULL;
    nn_model *model = NULL;
    bool ok = train_tokenizer(&tokenizer, err);
    if (ok) {
        const nn_new_config config = {
            .architecture = "bert",
            .vocab_size = rows > 0 ? rows : data_tokenizer_vocab_size(tokenizer),
            .hidden_size = width,
            .layers = 1,
            .heads = 2,
            .intermediate_size = 2 * width,
            .max_positions = 32,
            .max_length = 32,
            .pooling = "mean",
            .normalize = true,
            .seed = 7,
        };
        ok = nn_model_create(&config, false, &model, err);
    }
    ok = ok && senc_path_create_folders(folder, err) && nn_model_save(model, folder, err) &&
         data_tokenizer_save(tokenizer, folder, err);
    nn_model_free(model);
    data_tokenizer_free(tokenizer);
    return ok;
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 4) {
        fputs("usage: make_model OUT [ROWS [WIDTH]]\n", stderr);
        return 2;
    }
    senc_error err = {0};
    const int64_t rows = argc > 2 ? strtoll(argv[2], NULL, 10) : 0, width = argc > 3 ? strtoll(argv[3], NULL, 10) : 16;
    if (write_model(argv[1], rows, width, &err)) return 0;
    fprintf(stderr, "make_model: %s\n", err.text);
    return 1;
}
