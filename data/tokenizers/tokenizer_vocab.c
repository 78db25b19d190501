/* vocab.txt and the settings files beside it -> a BERT tokenizer, as transformers' BertTokenizerFast makes it:
 *   vocab.txt                 one token a line, its number is its id
 *   tokenizer_config.json     do_lower_case (default true), tokenize_chinese_chars (true), strip_accents (as lower
 * case), cls_token, sep_token, pad_token, unk_token, mask_token, added_tokens_decoder special_tokens_map.json   the
 * same five names, where the config has none added_tokens.json         {token: id} */
#include <stdlib.h>
#include <string.h>

#include "data/tokenizers/tokenizer_parts.h"

/* A token's name: "[CLS]" or {"content": "[CLS]", ...}; NULL when absent. */
static const char *token_name(const data_json *v, const char *key) {
    const data_json *m = data_json_find(v, key);
    if (m && data_json_get_type(m) == DATA_JSON_OBJECT) m = data_json_find(m, "content");
    return data_json_text(m, NULL);
}

static const char *name_or(const data_json *config, const data_json *map, const char *key, const char *initial) {
    const char *name = token_name(config, key);
    if (!name) name = token_name(map, key);
    return name ? name : initial;
}

bool data_bert_settings_read(data_bert_settings *s, const data_json *config, const data_json *map, bool *says_lowercase,
                             senc_error *err) {
    *s = (data_bert_settings){.lowercase = true, .chinese = true, .strip_accents = -1};
    bool strip = false;
    const data_json *lower = data_json_find(config, "do_lower_case"),
                    *accents = data_json_find(config, "strip_accents");
    *says_lowercase = lower && data_json_get_type(lower) != DATA_JSON_NULL;
    if (config && (!data_json_read_bool(config, "do_lower_case", &s->lowercase, err) ||
                   !data_json_read_bool(config, "tokenize_chinese_chars", &s->chinese, err) ||
                   !data_json_read_bool(config, "strip_accents", &strip, err)))
        return false;
    if (accents && data_json_get_type(accents) != DATA_JSON_NULL) s->strip_accents = strip;
    s->cls = name_or(config, map, "cls_token", "[CLS]");
    s->sep = name_or(config, map, "sep_token", "[SEP]");
    s->pad = name_or(config, map, "pad_token", "[PAD]");
    s->unk = name_or(config, map, "unk_token", "[UNK]");
    s->mask = name_or(config, map, "mask_token", "[MASK]");
    return true;
}

static bool read_lines(data_vocab *vocab, const char *text, size_t n_bytes, const char *place, senc_error *err) {
    size_t bad = data_utf8_check(text, n_bytes);
    int32_t id = 0;
    for (size_t at = 0; at < n_bytes; id++) {
        const char *end = memchr(text + at, '\n', n_bytes - at);
        size_t line = (end ? (size_t)(end - text) : n_bytes) - at;
        if (bad < at + line)
            return senc_fail(err, SENC_BAD_INPUT, "%s:%d: not UTF-8 at byte %zu of the line", place, id + 1,
                             bad - at + 1);
        if (id > DATA_VOCAB_MAX_ID)
            return senc_fail(err, SENC_BAD_INPUT, "%s: more than %d lines", place, DATA_VOCAB_MAX_ID);
        size_t token = line > 0 && text[at + line - 1] == '\r' ? line - 1 : line;
        if (!data_vocab_add(vocab, text + at, token, id, err)) return false;
        at += line + 1;
    }
    return id > 0 || senc_fail(err, SENC_BAD_INPUT, "%s: is empty, expected one token a line", place);
}

/* A special token becomes an added token when the vocabulary has it. */
static bool add_special(data_tokenizer *t, const char *name, int32_t *id, senc_error *err) {
    size_t n_bytes = strlen(name);
    *id = data_vocab_find(&t->vocab, name, n_bytes);
    if (*id < 0) return true;
    data_added_token token = {.content = (char *)name, .n_bytes = n_bytes, .id = *id, .special = true};
    return data_added_tokens_put(&t->added, &token, err);
}

bool data_tokenizer_parse_vocab(data_tokenizer *t, const char *text, size_t n_bytes, const data_bert_settings *s,
                                const char *place, senc_error *err) {
    int32_t unk, pad, mask, cls, sep;
    if (!read_lines(&t->vocab, text, n_bytes, place, err) || !data_vocab_build(&t->vocab, err)) return false;
    t->kind = data_model_kind_find("WordPiece");
    t->model = data_wordpiece_create(s->unk, err);
    if (!t->model || !add_special(t, s->unk, &unk, err) || !add_special(t, s->sep, &sep, err) ||
        !add_special(t, s->pad, &pad, err) || !add_special(t, s->cls, &cls, err) ||
        !add_special(t, s->mask, &mask, err))
        return false;
    if (cls < 0 || sep < 0)
        return senc_fail(err, SENC_BAD_INPUT, "%s: the special token \"%.60s\" is not in the vocabulary", place,
                         cls < 0 ? s->cls : s->sep);
    bool strip = s->strip_accents < 0 ? s->lowercase : s->strip_accents != 0;
    t->normalizer.n_steps = 1;
    t->normalizer.steps[0] = (data_normalizer_step){DATA_NORMALIZER_BERT, {true, s->chinese, strip, s->lowercase}};
    t->pre = (data_pre_tokenizer){{DATA_PRE_BERT}, 1};
    t->before[t->n_before++] = cls;
    t->after[t->n_after++] = sep;
    return true;
}

/* One token of added_tokens_decoder: the key is the id. */
static bool read_decoder_entry(data_tokenizer *t, const data_json *m, senc_error *err) {
    const char *key = data_json_key(m, NULL);
    char *end = NULL;
    long id = key ? strtol(key, &end, 10) : -1;
    data_added_token token = {0};
    token.content = (char *)data_json_text(data_json_find(m, "content"), &token.n_bytes);
    if (!token.content || !end || end == key || *end != '\0' || id < 0 || id > DATA_VOCAB_MAX_ID)
        return senc_fail(err, SENC_BAD_INPUT, "%s: added_tokens_decoder: expected {id: {\"content\": token, ...}}",
                         data_json_place(m));
    token.id = (int32_t)id;
    return data_json_read_bool(m, "single_word", &token.single_word, err) &&
           data_json_read_bool(m, "lstrip", &token.lstrip, err) &&
           data_json_read_bool(m, "rstrip", &token.rstrip, err) &&
           data_json_read_bool(m, "normalized", &token.normalized, err) &&
           data_json_read_bool(m, "special", &token.special, err) && data_added_tokens_put(&t->added, &token, err);
}

bool data_tokenizer_read_added(data_tokenizer *t, const data_json *config, const data_json *added, senc_error *err) {
    for (const data_json *m = data_json_first(added); m; m = data_json_next(m)) {
        data_added_token token = {.normalized = true};
        token.content = (char *)data_json_key(m, &token.n_bytes);
        int64_t id = data_json_get_type(m) == DATA_JSON_INTEGER ? data_json_integer(m) : -1;
        if (!token.content || id < 0 || id > DATA_VOCAB_MAX_ID)
            return senc_fail(err, SENC_BAD_INPUT, "%s: expected {token: id}", data_json_place(added));
        if (data_added_tokens_find(&t->added, token.content, token.n_bytes))
            continue; /* a special token: known better */
        token.id = (int32_t)id;
        if (!data_added_tokens_put(&t->added, &token, err)) return false;
    }
    const data_json *decoder = data_json_find(config, "added_tokens_decoder");
    for (const data_json *m = data_json_first(decoder); m; m = data_json_next(m))
        if (!read_decoder_entry(t, m, err)) return false;
    return true;
}
