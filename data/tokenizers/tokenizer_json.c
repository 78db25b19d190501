/* tokenizer.json -> tokenizer. Accepted:
 *   normalizer       null, BertNormalizer, Lowercase, StripAccents, NFC, NFD, NFKC, NFKD, Sequence of these
 *   pre_tokenizer    null, BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation (Isolated), Sequence of these
 *   model            the kinds of data/tokenizers.def
 *   post_processor   null, TemplateProcessing ("single"), BertProcessing, Sequence of one of these
 *   added_tokens     content, single_word, lstrip, rstrip, normalized, special
 * "truncation" and "padding" are the caller's business and ignored, "decoder" is not needed. */
#include <string.h>

#include "data/tokenizers/tokenizer_parts.h"

/* The "type" of a part, "" when it has none. */
static const char *type_of(const data_json *part) {
    const char *type = data_json_text(data_json_find(part, "type"), NULL);
    return type ? type : "";
}

static bool is_null(const data_json *v) {
    return !v || data_json_get_type(v) == DATA_JSON_NULL;
}

static bool unsupported(const char *place, const char *part, const data_json *v, const char *expected,
                        senc_error *err) {
    return senc_fail(err, SENC_BAD_INPUT, "%s: %s type \"%.60s\" is not supported yet, expected %s", place, part,
                     type_of(v), expected);
}

/* ---- normalizer ---- */

static bool parse_bert_normalizer(const data_json *v, data_bert_options *o, senc_error *err) {
    *o = (data_bert_options){true, true, true, true};
    if (!data_json_read_bool(v, "clean_text", &o->clean_text, err) ||
        !data_json_read_bool(v, "handle_chinese_chars", &o->chinese, err) ||
        !data_json_read_bool(v, "lowercase", &o->lowercase, err))
        return false;
    o->strip_accents = o->lowercase; /* null means: as lowercase */
    return data_json_read_bool(v, "strip_accents", &o->strip_accents, err);
}

static bool parse_normalizer(data_tokenizer *t, const data_json *v, const char *place, int depth, senc_error *err) {
    static const struct {
        const char *type;
        data_normalizer_kind kind;
    } simple[] = {
        {"BertNormalizer", DATA_NORMALIZER_BERT},
        {"Lowercase", DATA_NORMALIZER_LOWERCASE},
        {"StripAccents", DATA_NORMALIZER_STRIP_ACCENTS},
        {"NFC", DATA_NORMALIZER_NFC},
        {"NFD", DATA_NORMALIZER_NFD},
        {"NFKC", DATA_NORMALIZER_NFKC},
        {"NFKD", DATA_NORMALIZER_NFKD},
    };
    static const char expected[] =
        "BertNormalizer, Lowercase, StripAccents, NFC, NFD, NFKC, NFKD or a Sequence of these";
    if (is_null(v)) return true;
    const char *type = type_of(v);
    if (strcmp(type, "Sequence") == 0 && depth < DATA_NORMALIZER_MAX_STEPS) {
        for (const data_json *m = data_json_first(data_json_find(v, "normalizers")); m; m = data_json_next(m))
            if (!parse_normalizer(t, m, place, depth + 1, err)) return false;
        return true;
    }
    for (size_t i = 0; i < sizeof simple / sizeof simple[0]; i++) {
        if (strcmp(type, simple[i].type) != 0) continue;
        if (t->normalizer.n_steps == DATA_NORMALIZER_MAX_STEPS)
            return senc_fail(err, SENC_BAD_INPUT, "%s: more than %d normalizers", place, DATA_NORMALIZER_MAX_STEPS);
        data_normalizer_step *step = &t->normalizer.steps[t->normalizer.n_steps++];
        step->kind = simple[i].kind;
        return step->kind != DATA_NORMALIZER_BERT || parse_bert_normalizer(v, &step->bert, err);
    }
    return unsupported(place, "normalizer", v, expected, err);
}

/* ---- pre-tokenizer ---- */

static bool parse_pre_tokenizer(data_tokenizer *t, const data_json *v, const char *place, int depth, senc_error *err) {
    static const struct {
        const char *type;
        data_pre_kind kind;
    } simple[] = {
        {"BertPreTokenizer", DATA_PRE_BERT},
        {"Whitespace", DATA_PRE_WHITESPACE},
        {"WhitespaceSplit", DATA_PRE_WHITESPACE_SPLIT},
        {"Punctuation", DATA_PRE_PUNCTUATION},
    };
    static const char expected[] = "BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation or a Sequence of these";
    if (is_null(v)) return true;
    const char *type = type_of(v);
    if (strcmp(type, "Sequence") == 0 && depth < DATA_PRE_MAX_STEPS) {
        for (const data_json *m = data_json_first(data_json_find(v, "pretokenizers")); m; m = data_json_next(m))
            if (!parse_pre_tokenizer(t, m, place, depth + 1, err)) return false;
        return true;
    }
    for (size_t i = 0; i < sizeof simple / sizeof simple[0]; i++) {
        if (strcmp(type, simple[i].type) != 0) continue;
        const char *behavior = "Isolated";
        if (!data_json_read_string(v, "behavior", &behavior, err)) return false;
        if (strcmp(behavior, "Isolated") != 0)
            return senc_fail(err, SENC_BAD_INPUT,
                             "%s: pre_tokenizer %s: behavior \"%.60s\" is not supported yet, expected "
                             "\"Isolated\"",
                             place, type, behavior);
        if (t->pre.n_steps == DATA_PRE_MAX_STEPS)
            return senc_fail(err, SENC_BAD_INPUT, "%s: more than %d pre-tokenizers", place, DATA_PRE_MAX_STEPS);
        t->pre.steps[t->pre.n_steps++] = simple[i].kind;
        return true;
    }
    return unsupported(place, "pre_tokenizer", v, expected, err);
}

/* ---- model ---- */

static bool parse_model(data_tokenizer *t, const data_json *v, const char *place, senc_error *err) {
    if (is_null(v) || data_json_get_type(v) != DATA_JSON_OBJECT)
        return senc_fail(err, SENC_BAD_INPUT, "%s: model is missing", place);
    const char *type = type_of(v);
    /* Files of 2020 do not name the type; only WordPiece had a word limit. */
    if (type[0] == '\0' && data_json_find(v, "max_input_chars_per_word")) type = "WordPiece";
    t->kind = data_model_kind_find(type);
    if (t->kind) return t->kind->parse(v, place, &t->vocab, &t->model, err);
    senc_buffer names = {0};
    data_model_kind_names(&names);
    senc_fail(err, SENC_BAD_INPUT, "%s: model type \"%.60s\" is not supported yet, expected %s", place, type,
              senc_buffer_text(&names));
    senc_buffer_free(&names);
    return false;
}

/* ---- added tokens ---- */

/* The library numbers tokens that the model does not have itself, behind all others, whatever their "id" says. */
static int32_t next_added_id(const data_tokenizer *t, int64_t model_size) {
    int64_t next = model_size;
    for (int64_t i = 0; i < t->added.n; i++)
        if (t->added.tokens[i].id >= next) next = (int64_t)t->added.tokens[i].id + 1;
    return (int32_t)next;
}

static bool parse_added(data_tokenizer *t, const data_json *list, const char *place, senc_error *err) {
    int64_t model_size = data_tokenizer_vocab_size(t);
    for (const data_json *m = data_json_first(list); m; m = data_json_next(m)) {
        data_added_token token = {.normalized = true};
        size_t n_bytes = 0;
        const char *content = data_json_text(data_json_find(m, "content"), &n_bytes);
        if (!content) return senc_fail(err, SENC_BAD_INPUT, "%s: added_tokens: a token without \"content\"", place);
        token.content = (char *)content;
        token.n_bytes = n_bytes;
        token.id = data_tokenizer_find(t, content, n_bytes);
        if (token.id < 0) token.id = next_added_id(t, model_size);
        if (!data_json_read_bool(m, "single_word", &token.single_word, err) ||
            !data_json_read_bool(m, "lstrip", &token.lstrip, err) ||
            !data_json_read_bool(m, "rstrip", &token.rstrip, err) ||
            !data_json_read_bool(m, "normalized", &token.normalized, err) ||
            !data_json_read_bool(m, "special", &token.special, err) || !data_added_tokens_put(&t->added, &token, err))
            return false;
    }
    return true;
}

/* ---- post-processor ---- */

static bool put_special(data_tokenizer *t, bool before, int64_t id, const char *place, senc_error *err) {
    int *n = before ? &t->n_before : &t->n_after;
    if (id < 0 || id > DATA_VOCAB_MAX_ID || *n == DATA_MAX_SPECIALS)
        return senc_fail(err, SENC_BAD_INPUT, "%s: post_processor: bad or too many special ids", place);
    (before ? t->before : t->after)[(*n)++] = (int32_t)id;
    return true;
}

/* Ids of a SpecialToken piece: special_tokens[id].ids. */
static bool put_template_special(data_tokenizer *t, const data_json *v, const data_json *piece, bool before,
                                 const char *place, senc_error *err) {
    size_t n_bytes = 0;
    const char *name = data_json_text(data_json_find(piece, "id"), &n_bytes);
    const data_json *entry = name ? data_json_find_n(data_json_find(v, "special_tokens"), name, n_bytes) : NULL;
    const data_json *ids = data_json_find(entry, "ids");
    if (data_json_count(ids) == 0)
        return senc_fail(err, SENC_BAD_INPUT, "%s: post_processor: special token \"%.60s\" has no ids", place,
                         name ? name : "");
    for (const data_json *m = data_json_first(ids); m; m = data_json_next(m)) {
        int64_t id = data_json_get_type(m) == DATA_JSON_INTEGER ? data_json_integer(m) : -1;
        if (!put_special(t, before, id, place, err)) return false;
    }
    return true;
}

static bool parse_template(data_tokenizer *t, const data_json *v, const char *place, senc_error *err) {
    bool before = true;
    for (const data_json *m = data_json_first(data_json_find(v, "single")); m; m = data_json_next(m)) {
        const data_json *special = data_json_find(m, "SpecialToken"), *sequence = data_json_find(m, "Sequence");
        if (special) {
            if (!put_template_special(t, v, special, before, place, err)) return false;
        } else if (sequence && before) {
            before = false;
        } else {
            return senc_fail(err, SENC_BAD_INPUT, "%s: post_processor: \"single\" must hold the text once", place);
        }
    }
    return !before || senc_fail(err, SENC_BAD_INPUT, "%s: post_processor: \"single\" does not hold the text", place);
}

/* "sep": ["[SEP]", 102], "cls": ["[CLS]", 101] */
static bool put_pair(data_tokenizer *t, const data_json *v, const char *key, bool before, const char *place,
                     senc_error *err) {
    const data_json *id = data_json_at(data_json_find(v, key), 1);
    return put_special(t, before, id && data_json_get_type(id) == DATA_JSON_INTEGER ? data_json_integer(id) : -1, place,
                       err);
}

static bool parse_post_processor(data_tokenizer *t, const data_json *v, const char *place, senc_error *err) {
    if (is_null(v)) return true;
    const char *type = type_of(v);
    if (strcmp(type, "TemplateProcessing") == 0) return parse_template(t, v, place, err);
    if (strcmp(type, "BertProcessing") == 0)
        return put_pair(t, v, "cls", true, place, err) && put_pair(t, v, "sep", false, place, err);
    const data_json *parts = data_json_find(v, "processors");
    if (strcmp(type, "Sequence") == 0 && data_json_count(parts) == 1 &&
        strcmp(type_of(data_json_first(parts)), "Sequence") != 0)
        return parse_post_processor(t, data_json_first(parts), place, err);
    return unsupported(place, "post_processor", v, "TemplateProcessing, BertProcessing or a Sequence of one of these",
                       err);
}

bool data_tokenizer_parse_json(data_tokenizer *t, const data_json *root, const char *place, senc_error *err) {
    return parse_model(t, data_json_find(root, "model"), place, err) && data_vocab_build(&t->vocab, err) &&
           parse_normalizer(t, data_json_find(root, "normalizer"), place, 0, err) &&
           parse_pre_tokenizer(t, data_json_find(root, "pre_tokenizer"), place, 0, err) &&
           parse_added(t, data_json_find(root, "added_tokens"), place, err) &&
           parse_post_processor(t, data_json_find(root, "post_processor"), place, err);
}
