/* The tokenizer: loading a folder, keeping its files, and running the pipeline. */
#include "data/tokenizers/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/tokenizers/tokenizer_parts.h"

/* ---- the kinds of model ---- */

#define DATA_MODEL(name) extern const data_model_kind data_model_##name;
#include "data/tokenizers.def"
#undef DATA_MODEL

static const data_model_kind *const kinds[] = {
#define DATA_MODEL(name) &data_model_##name,
#include "data/tokenizers.def"
#undef DATA_MODEL
};

const data_model_kind *data_model_kind_find(const char *type) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i]->type, type) == 0) return kinds[i];
    return NULL;
}

void data_model_kind_names(senc_buffer *out) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        senc_buffer_printf(out, "%s%s", i > 0 ? ", " : "", kinds[i]->type);
}

/* ---- ids and scratch ---- */

bool data_ids_reserve(data_ids *ids, int64_t n) {
    if (ids->failed) return false;
    if (ids->capacity - ids->n >= n) return true;
    int64_t capacity = ids->capacity + ids->capacity / 2 + n + 64;
    int32_t *grown = senc_realloc(ids->items, (size_t)capacity, sizeof *grown);
    if (!grown) {
        ids->failed = true;
        return false;
    }
    ids->items = grown;
    ids->capacity = capacity;
    return true;
}

void data_ids_append(data_ids *ids, int32_t id) {
    if (ids->n < ids->capacity || data_ids_reserve(ids, 1)) ids->items[ids->n++] = id;
}

void data_ids_free(data_ids *ids) {
    free(ids->items);
    *ids = (data_ids){0};
}

struct data_tokenizer_scratch {
    data_normalizer_scratch normalizer;
    senc_buffer prompted; /* a prompt with the text behind it */
};

data_tokenizer_scratch *data_tokenizer_scratch_create(void) {
    return senc_alloc_zero(1, sizeof(data_tokenizer_scratch));
}

void data_tokenizer_scratch_free(data_tokenizer_scratch *scratch) {
    if (!scratch) return;
    data_normalizer_scratch_free(&scratch->normalizer);
    senc_buffer_free(&scratch->prompted);
    free(scratch);
}

/* ---- making one ---- */

data_tokenizer *data_tokenizer_create(senc_error *err) {
    data_tokenizer *t = senc_alloc_zero(1, sizeof *t);
    if (t) {
        t->special = (data_special_ids){-1, -1, -1, -1, -1};
        data_added_tokens_init(&t->added);
        data_vocab_init(&t->vocab);
        t->unicode = data_unicode_table();
        if (t->unicode) return t;
    }
    free(t);
    senc_fail_memory(err, sizeof *t + sizeof(data_unicode), "the tokenizer");
    return NULL;
}

void data_tokenizer_free(data_tokenizer *t) {
    if (!t) return;
    if (t->kind) t->kind->free(t->model);
    data_added_tokens_free(&t->added);
    data_vocab_free(&t->vocab);
    for (int64_t i = 0; i < t->n_files; i++) {
        free(t->files[i].name);
        free(t->files[i].bytes);
    }
    free(t->files);
    free(t);
}

bool data_tokenizer_finish(data_tokenizer *t, const char *place, senc_error *err) {
    if (!data_vocab_build(&t->vocab, err) || !t->kind->prepare(t->model, &t->vocab, place, err) ||
        !data_added_tokens_build(&t->added, &t->normalizer, t->unicode, err))
        return false;
    const char *unknown = t->kind->unknown(t->model);
    t->special.unk = data_tokenizer_find(t, unknown, strlen(unknown));
    return true;
}

/* ---- files ---- */

/* Everything that the field's tokenizers keep beside a model. */
static const char *const file_names[] = {
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "spm.model",
};
enum { MAX_FILE_BYTES = 1 << 28 }; /* larger than any vocabulary */

bool data_tokenizer_keep_file(data_tokenizer *t, const char *name, const char *bytes, size_t n_bytes, senc_error *err) {
    data_tokenizer_file *file = (data_tokenizer_file *)data_tokenizer_kept(t, name);
    char *copy = senc_alloc(n_bytes + 1, 1);
    if (!copy) return senc_fail_memory(err, n_bytes, name);
    memcpy(copy, bytes, n_bytes);
    copy[n_bytes] = '\0';
    if (!file) {
        data_tokenizer_file *grown = senc_realloc(t->files, (size_t)t->n_files + 1, sizeof *grown);
        if (grown) t->files = grown;
        char *own_name = grown ? senc_strdup(name) : NULL;
        if (!own_name) {
            free(copy);
            return senc_fail_memory(err, n_bytes, name);
        }
        file = &t->files[t->n_files++];
        *file = (data_tokenizer_file){.name = own_name};
    }
    free(file->bytes);
    file->bytes = copy;
    file->n_bytes = n_bytes;
    return true;
}

const data_tokenizer_file *data_tokenizer_kept(const data_tokenizer *t, const char *name) {
    for (int64_t i = 0; i < t->n_files; i++)
        if (strcmp(t->files[i].name, name) == 0) return &t->files[i];
    return NULL;
}

static bool keep_from_folder(data_tokenizer *t, const char *folder, const char *name, senc_error *err) {
    char *path = senc_path_join(folder, name);
    if (!path) return senc_fail_memory(err, strlen(folder), "a path");
    bool ok = true;
    if (senc_path_is_file(path)) {
        size_t n_bytes = 0;
        char *bytes = senc_file_read(path, MAX_FILE_BYTES, &n_bytes, err);
        ok = bytes && data_tokenizer_keep_file(t, name, bytes, n_bytes, err);
        free(bytes);
    }
    free(path);
    return ok;
}

bool data_tokenizer_save(const data_tokenizer *t, const char *folder, senc_error *err) {
    if (!senc_path_create_folders(folder, err)) return false;
    for (int64_t i = 0; i < t->n_files; i++) {
        char *path = senc_path_join(folder, t->files[i].name);
        if (!path) return senc_fail_memory(err, strlen(folder), "a path");
        bool ok = senc_file_write(path, t->files[i].bytes, t->files[i].n_bytes, err);
        free(path);
        if (!ok) return false;
    }
    return true;
}

bool data_tokenizer_exists(const char *folder) {
    bool found = false;
    for (int i = 0; i < 2 && !found; i++) {
        char *path = senc_path_join(folder, i == 0 ? "tokenizer.json" : "vocab.txt");
        found = path && senc_path_is_file(path);
        free(path);
    }
    return found;
}

/* ---- loading ---- */

/* The settings files of a folder, parsed; NULL where absent. */
typedef struct side_files {
    data_json *config, *map, *added;
} side_files;

static bool parse_kept(const data_tokenizer *t, const char *folder, const char *name, data_json **out,
                       senc_error *err) {
    const data_tokenizer_file *file = data_tokenizer_kept(t, name);
    if (!file) return true;
    char *place = senc_path_join(folder, name);
    if (!place) return senc_fail_memory(err, strlen(folder), "a path");
    bool ok = data_json_parse(file->bytes, file->n_bytes, place, out, err);
    if (ok && data_json_get_type(*out) != DATA_JSON_OBJECT)
        ok = senc_fail(err, SENC_BAD_INPUT, "%s: expected a JSON object, got %s", place,
                       data_json_type_name(data_json_get_type(*out)));
    free(place);
    return ok;
}

static bool check_lowercase(data_lowercase wanted, bool lowercases, const char *place, senc_error *err) {
    if (wanted == DATA_LOWERCASE_AUTO || (wanted == DATA_LOWERCASE_YES) == lowercases) return true;
    return senc_fail(err, SENC_BAD_INPUT, "%s: says that text is %s, but the opposite was asked for", place,
                     lowercases ? "lower-cased" : "not lower-cased");
}

/* Writes the chosen do_lower_case into the kept tokenizer_config.json, so that other tools read the folder alike. */
static bool record_lowercase(data_tokenizer *t, data_json *config, bool lowercase, senc_error *err) {
    data_json *own = config ? NULL : data_json_create_object();
    data_json *target = config ? config : own;
    senc_buffer text = {0};
    data_json_put_bool(target, "do_lower_case", lowercase);
    if (own) data_json_put_string(own, "tokenizer_class", "BertTokenizer");
    bool ok = target && data_json_dump(target, 2, &text);
    senc_buffer_append_text(&text, "\n");
    ok = ok && !text.failed;
    ok = ok ? data_tokenizer_keep_file(t, "tokenizer_config.json", text.data, text.n_bytes, err)
            : senc_fail_memory(err, text.n_bytes, "tokenizer_config.json");
    senc_buffer_free(&text);
    data_json_free(own);
    return ok;
}

static bool load_vocab(data_tokenizer *t, const char *place, side_files *side, data_lowercase wanted, senc_error *err) {
    const data_tokenizer_file *file = data_tokenizer_kept(t, "vocab.txt");
    data_bert_settings settings;
    bool says = false;
    if (!data_bert_settings_read(&settings, side->config, side->map, &says, err)) return false;
    if (says && !check_lowercase(wanted, settings.lowercase, data_json_place(side->config), err)) return false;
    if (!says && wanted != DATA_LOWERCASE_AUTO) settings.lowercase = wanted == DATA_LOWERCASE_YES;
    if (!data_tokenizer_parse_vocab(t, file->bytes, file->n_bytes, &settings, place, err) ||
        !data_tokenizer_read_added(t, side->config, side->added, err))
        return false;
    return says || wanted == DATA_LOWERCASE_AUTO || record_lowercase(t, side->config, settings.lowercase, err);
}

static bool load_json(data_tokenizer *t, const char *folder, const char *place, data_lowercase wanted,
                      senc_error *err) {
    data_json *root = NULL;
    bool ok = parse_kept(t, folder, "tokenizer.json", &root, err) && data_tokenizer_parse_json(t, root, place, err) &&
              check_lowercase(wanted, data_normalizer_lowercases(&t->normalizer), place, err);
    data_json_free(root);
    return ok;
}

/* The special tokens' ids, by the names that the settings files give them. */
static bool find_special(data_tokenizer *t, const side_files *side, senc_error *err) {
    data_bert_settings s;
    bool says = false;
    if (!data_bert_settings_read(&s, side->config, side->map, &says, err)) return false;
    t->special.cls = data_tokenizer_find(t, s.cls, strlen(s.cls));
    t->special.sep = data_tokenizer_find(t, s.sep, strlen(s.sep));
    t->special.pad = data_tokenizer_find(t, s.pad, strlen(s.pad));
    t->special.mask = data_tokenizer_find(t, s.mask, strlen(s.mask));
    const data_json *length = side->config ? data_json_find(side->config, "model_max_length") : NULL;
    double n = length ? data_json_number(length) : 0;
    t->model_max_length = n >= 1 && n <= 1e9 ? (int64_t)n : 0; /* transformers writes 1e30 for "none" */
    return true;
}

/* sentence-transformers' own switch (6.2): do_lower_case puts a Lowercase step before all others, unless the tokenizer
 * lower-cases anyway. */
static bool lower_first(data_tokenizer *t, const char *folder, senc_error *err) {
    char *path = senc_path_join(folder, "sentence_bert_config.json");
    if (!path) return senc_fail_memory(err, strlen(folder), "a path");
    data_json *config = NULL;
    bool lower = false;
    bool ok = !senc_path_is_file(path) ||
              (data_json_load(path, &config, err) && data_json_read_bool(config, "do_lower_case", &lower, err));
    data_json_free(config);
    data_normalizer *n = &t->normalizer;
    if (ok && lower && !data_normalizer_lowercases(n)) {
        if (n->n_steps == DATA_NORMALIZER_MAX_STEPS) {
            ok = senc_fail(err, SENC_BAD_INPUT, "%s: do_lower_case: the tokenizer has %d normalizers, expected fewer",
                           path, DATA_NORMALIZER_MAX_STEPS);
        } else {
            memmove(n->steps + 1, n->steps, (size_t)n->n_steps++ * sizeof *n->steps);
            n->steps[0] = (data_normalizer_step){.kind = DATA_NORMALIZER_LOWERCASE};
        }
    }
    free(path);
    return ok;
}

bool data_tokenizer_load_kept(data_tokenizer *t, const char *folder, data_lowercase wanted, senc_error *err) {
    bool json = data_tokenizer_kept(t, "tokenizer.json") != NULL;
    if (!json && !data_tokenizer_kept(t, "vocab.txt"))
        return senc_fail(err, SENC_BAD_INPUT, "%s: no tokenizer: expected tokenizer.json or vocab.txt, found neither",
                         folder);
    side_files side = {0};
    char *place = senc_path_join(folder, json ? "tokenizer.json" : "vocab.txt");
    bool ok = place || senc_fail_memory(err, strlen(folder), "a path");
    ok = ok && parse_kept(t, folder, "tokenizer_config.json", &side.config, err) &&
         parse_kept(t, folder, "special_tokens_map.json", &side.map, err) &&
         parse_kept(t, folder, "added_tokens.json", &side.added, err);
    ok = ok && (json ? load_json(t, folder, place, wanted, err) : load_vocab(t, place, &side, wanted, err));
    ok = ok && lower_first(t, folder, err) && data_tokenizer_finish(t, place, err) && find_special(t, &side, err);
    free(place);
    data_json_free(side.config);
    data_json_free(side.map);
    data_json_free(side.added);
    return ok;
}

bool data_tokenizer_load(const char *folder, const data_tokenizer_options *options, data_tokenizer **out,
                         senc_error *err) {
    *out = NULL;
    data_tokenizer *t = data_tokenizer_create(err);
    if (!t) return false;
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof file_names / sizeof file_names[0]; i++)
        ok = keep_from_folder(t, folder, file_names[i], err);
    if (!ok || !data_tokenizer_load_kept(t, folder, options ? options->lowercase : DATA_LOWERCASE_AUTO, err)) {
        data_tokenizer_free(t);
        return false;
    }
    *out = t;
    return true;
}

/* ---- encoding ---- */

/* One call of data_tokenizer_encode. */
typedef struct encode_run {
    const data_tokenizer *t;
    data_tokenizer_scratch *scratch;
    data_ids *ids;
    int64_t enough; /* ids->n beyond which nothing more is needed */
} encode_run;

static void encode_words(encode_run *r, const char *text, size_t n_bytes, int step) {
    const data_tokenizer *t = r->t;
    if (step == t->pre.n_steps) {
        if (n_bytes > 0) t->kind->encode(t->model, &t->vocab, text, n_bytes, r->ids);
        return;
    }
    size_t at = 0, start, end;
    while (r->ids->n <= r->enough &&
           data_pre_kind_next(t->pre.steps[step], t->unicode, text, n_bytes, &at, &start, &end))
        encode_words(r, text + start, end - start, step + 1);
}

/* A stretch of raw text without raw added tokens; false when out of memory. */
static bool encode_stretch(encode_run *r, const char *text, size_t n_bytes) {
    if (n_bytes == 0 || r->ids->n > r->enough) return true;
    const data_tokenizer *t = r->t;
    text = data_normalizer_apply(&t->normalizer, t->unicode, text, n_bytes, &r->scratch->normalizer, &n_bytes);
    if (!text) return false;
    const data_added_token *token;
    size_t at = 0, done = 0, start, end;
    while ((token = data_added_set_next(&t->added, &t->added.normalized, t->unicode, text, n_bytes, &at, done, &start,
                                        &end))) {
        if (start > done) encode_words(r, text + done, start - done, 0);
        data_ids_append(r->ids, token->id);
        done = end;
    }
    if (done < n_bytes) encode_words(r, text + done, n_bytes - done, 0);
    return true;
}

static bool encode_text(encode_run *r, const char *text, size_t n_bytes) {
    const data_tokenizer *t = r->t;
    const data_added_token *token;
    size_t at = 0, done = 0, start, end;
    while (r->ids->n <= r->enough && (token = data_added_set_next(&t->added, &t->added.raw, t->unicode, text, n_bytes,
                                                                  &at, done, &start, &end))) {
        if (start > done && !encode_stretch(r, text + done, start - done)) return false;
        data_ids_append(r->ids, token->id);
        done = end;
    }
    return done >= n_bytes || encode_stretch(r, text + done, n_bytes - done);
}

int64_t data_tokenizer_encode(const data_tokenizer *t, data_tokenizer_scratch *scratch, const char *text,
                              size_t n_bytes, int64_t max_length, data_ids *ids, bool *truncated) {
    int64_t first = ids->n;
    int64_t room = max_length > 0 ? max_length - t->n_before - t->n_after : INT64_MAX / 2;
    if (room < 0) room = 0;
    for (int i = 0; i < t->n_before; i++) data_ids_append(ids, t->before[i]);
    encode_run run = {t, scratch, ids, first + t->n_before + room};
    bool ok = encode_text(&run, text, n_bytes);
    bool cut = ids->n > run.enough;
    if (cut) ids->n = run.enough;
    for (int i = 0; i < t->n_after; i++) data_ids_append(ids, t->after[i]);
    if (truncated) *truncated = cut;
    if (!ok) ids->failed = true;
    if (ids->failed) {
        ids->n = first;
        return -1;
    }
    return ids->n - first;
}

int64_t data_tokenizer_encode_prompted(const data_tokenizer *t, data_tokenizer_scratch *scratch, const char *prompt,
                                       const char *text, size_t n_bytes, int64_t max_length, data_ids *ids,
                                       bool *truncated) {
    if (!prompt || !prompt[0]) return data_tokenizer_encode(t, scratch, text, n_bytes, max_length, ids, truncated);
    senc_buffer *whole = &scratch->prompted;
    senc_buffer_clear(whole);
    senc_buffer_append_text(whole, prompt);
    senc_buffer_append(whole, text, n_bytes);
    if (whole->failed) {
        senc_buffer_free(whole); /* the next text starts anew */
        ids->failed = true;
        return -1;
    }
    return data_tokenizer_encode(t, scratch, whole->data, whole->n_bytes, max_length, ids, truncated);
}

/* ---- what it is ---- */

data_special_ids data_tokenizer_special_ids(const data_tokenizer *t) {
    return t->special;
}

int64_t data_tokenizer_special_count(const data_tokenizer *t) {
    return t->n_before + t->n_after;
}

const char *data_tokenizer_kind(const data_tokenizer *t) {
    return t->kind->type;
}

int64_t data_tokenizer_vocab_size(const data_tokenizer *t) {
    int64_t n = 0;
    for (int64_t i = 0; i <= t->vocab.highest_id; i++) n += t->vocab.by_id[i] > 0;
    for (int64_t i = 0; i < t->added.n; i++)
        n += data_vocab_find(&t->vocab, t->added.tokens[i].content, t->added.tokens[i].n_bytes) < 0;
    return n;
}

int32_t data_tokenizer_highest_id(const data_tokenizer *t) {
    int32_t highest = t->vocab.highest_id;
    for (int64_t i = 0; i < t->added.n; i++)
        if (t->added.tokens[i].id > highest) highest = t->added.tokens[i].id;
    for (int i = 0; i < t->n_before; i++)
        if (t->before[i] > highest) highest = t->before[i];
    for (int i = 0; i < t->n_after; i++)
        if (t->after[i] > highest) highest = t->after[i];
    return highest;
}

const char *data_tokenizer_token(const data_tokenizer *t, int32_t id, size_t *n_bytes) {
    for (int64_t i = 0; i < t->added.n; i++) {
        if (t->added.tokens[i].id != id) continue;
        if (n_bytes) *n_bytes = t->added.tokens[i].n_bytes;
        return t->added.tokens[i].content;
    }
    return data_vocab_token(&t->vocab, id, n_bytes);
}

int32_t data_tokenizer_find(const data_tokenizer *t, const char *token, size_t n_bytes) {
    const data_added_token *added = data_added_tokens_find(&t->added, token, n_bytes);
    return added ? added->id : data_vocab_find(&t->vocab, token, n_bytes);
}

bool data_tokenizer_lowercases(const data_tokenizer *t) {
    return data_normalizer_lowercases(&t->normalizer);
}

int64_t data_tokenizer_model_max_length(const data_tokenizer *t) {
    return t->model_max_length;
}

int64_t data_tokenizer_file_count(const data_tokenizer *t) {
    return t->n_files;
}

const data_tokenizer_file *data_tokenizer_file_get(const data_tokenizer *t, int64_t i) {
    SENC_ASSERT(i >= 0 && i < t->n_files, "file %lld of %lld", (long long)i, (long long)t->n_files);
    return &t->files[i];
}

int64_t data_tokenizer_prompt_length(const data_tokenizer *t, const char *prompt) {
    data_tokenizer_scratch *scratch = data_tokenizer_scratch_create();
    data_ids ids = {0};
    int64_t n = scratch ? data_tokenizer_encode(t, scratch, prompt, strlen(prompt), 0, &ids, NULL) : -1;
    if (n > 0 && ids.items[n - 1] == data_tokenizer_special_ids(t).sep) n--;
    data_ids_free(&ids);
    data_tokenizer_scratch_free(scratch);
    return n;
}
