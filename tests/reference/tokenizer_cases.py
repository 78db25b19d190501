"""Writes the small tokenizers of tests/data/tokenizer/ and what the Hugging Face library makes of hand-made texts.

    python tests/reference/tokenizer_cases.py tests/data/tokenizer

NAME/tokenizer.json have an invented vocabulary; cases.jsonl holds {"tokenizer", "max_length", "text", "ids"}.
"""
import json
import pathlib
import sys
import unicodedata

from tokenizers import Tokenizer

TEXTS = [
    "", " ", "hello world", "Hello, World!", "HELLO hello HeLLo", "unbelievable", "a", "don't stop-now...", "x=1+2*3<4>5^6~7`8|9$",
    "Crème brûlée à la façon d'Été", "Cre\u0300me bru\u0302le\u0301e", "I\u0307stanbul \u0130stanbul ıi", "ΣΊΣΥΦΟΣ σίσυφος",
    "Straße STRASSE ẞ", "漢字かな交じり文", "hello漢字world", "안녕 하세요", "\u1112\u1161\u11ab", "㐀㐁 \U00020000\U0002a6df \U0002b820\U0002b920",
    "tab\there\nnew\r\nline\u00a0nbsp\u3000wide\u2028sep\u0085next", "zero\u200bwidth\u00adsoft\ufeffbom\u200dzwj", "nul\x00in\x01side\x7f",
    "replace\ufffdment", "private\ue000use\U000f0000x\U0010fffdy", "unassigned\u0378\U0001fffe\U000e0fffz",
    "emoji 😀👍🏽👨\u200d👩\u200d👧 🇩🇪", "math 𝐀𝑏 ½ ² ①", "[SEP] hello [MASK] world[CLS]", "[sep] [Mask] [SEP", "[[MASK]]", "[UNK][PAD]",
    "##hello ##", "«guillemets» „quotes“ – dashes — … ‹›", "؟ ، ۔ । ॥ 。、「」", "हिन्दी नमस्ते", "עִבְרִית", "اَلْعَرَبِيَّةُ", "ไทย ภาษา",
    "q\u0301\u0323 q\u0323\u0301", "\u1b44\U0001d165\u0301 a\U0001d16d\U0001d165\u302ea", "\u0344a \u0f73a", "\ua7cb\ua7dc \U00010d50\U00016ea0",
    "\U00011938a", "\u1e9b\u0323 Å Å", "ﬁne ﬃ Ａｂｃ １２", "w" * 100, "w" * 101, "é" * 100 + " " + "é" * 101, "hello " * 30,
    "foo Foo FOO foobar barfoo", "say <new> now", "say   <left>   now", "say <right>   now", "a<word>b <word> <word>, <word>é",
    "  <both>  <both>  ", "<new><left> <right> <left>", "Çedille ÇEDILLE çedille", "New York new york NEW  YORK", "<ne<new>w>", "<longer> <longest>",
    "end <both>", "\t<left>\u3000<left>",
]
WORDS = "hello world un ##believ ##able believe stop now line here new the foo bar ##bar ##foo hel ##lo left right istanbul strasse".split()
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
FLAGS = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)


def vocabulary():
    points = set()
    for text in TEXTS:
        for form in (text, text.lower(), *(unicodedata.normalize(f, text) for f in ("NFD", "NFC", "NFKC", "NFKD"))):
            points.update(form.lower(), form, unicodedata.normalize("NFD", form.lower()))
    points = sorted(c for c in points if not c.isspace() and c not in "\x00\x01\x7f~ßж९")  # some stay unknown
    tokens = SPECIALS + WORDS + points + ["##" + c for c in points if not unicodedata.category(c).startswith("P")]
    return {token: i for i, token in enumerate(dict.fromkeys(tokens))}


def bert(**changes):
    return dict(type="BertNormalizer", clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True) | changes


def tokenizer(vocab, normalizer, pre_tokenizer, added=(), post="template", **model):
    ids = {name: vocab[name] for name in SPECIALS}
    template = dict(type="TemplateProcessing", pair=[],
                    single=[{"SpecialToken": dict(id="[CLS]", type_id=0)}, {"Sequence": dict(id="A", type_id=0)},
                            {"SpecialToken": dict(id="[SEP]", type_id=0)}],
                    special_tokens={n: dict(id=n, ids=[ids[n]], tokens=[n]) for n in ("[CLS]", "[SEP]")})
    posts = dict(template=template, bert=dict(type="BertProcessing", sep=["[SEP]", ids["[SEP]"]], cls=["[CLS]", ids["[CLS]"]]), none=None)
    tokens = [dict(id=ids[n], content=n, **FLAGS) | dict(special=True) for n in SPECIALS]
    tokens += [dict(id=len(vocab) + i, content=content, **FLAGS) | flags for i, (content, flags) in enumerate(added)]
    return dict(version="1.0", truncation=dict(max_length=7, strategy="LongestFirst", stride=0), padding=None, added_tokens=tokens,
                normalizer=normalizer, pre_tokenizer=pre_tokenizer, post_processor=posts[post], decoder=None,
                model=dict(type="WordPiece", unk_token="[UNK]", continuing_subword_prefix="##", max_input_chars_per_word=100,
                           vocab=vocab) | model)


ADDED = [("<new>", {}), ("<left>", dict(lstrip=True)), ("<right>", dict(rstrip=True)), ("<word>", dict(single_word=True)),
         ("<both>", dict(lstrip=True, rstrip=True)), ("Foo", dict(normalized=True)), ("ÇEDILLE", dict(normalized=True)),
         ("New York", dict(normalized=True, single_word=True)), ("<long", {}), ("<longest>", {}), ("hello", dict(normalized=True, rstrip=True))]


def tokenizers():
    v, p = vocabulary(), dict(type="BertPreTokenizer")
    sequence = lambda kind, *parts: {"type": "Sequence", kind: [x if isinstance(x, dict) else dict(type=x) for x in parts]}
    punctuation = dict(type="Punctuation", behavior="Isolated")
    yield "uncased", tokenizer(v, bert(), p)
    yield "cased", tokenizer(v, bert(lowercase=False), p, post="bert")
    yield "cased_strip", tokenizer(v, bert(lowercase=False, strip_accents=True, handle_chinese_chars=False), p, post="none")
    yield "uncased_keep", tokenizer(v, bert(strip_accents=False), p, max_input_chars_per_word=5)
    yield "not_clean", tokenizer(v, bert(clean_text=False), p)
    yield "added", tokenizer(v, bert(), p, ADDED)
    yield "added_cased", tokenizer(v, bert(lowercase=False), p, ADDED[::-1])
    yield "steps", tokenizer(v, sequence("normalizers", "NFD", "Lowercase", "StripAccents"),
                             sequence("pretokenizers", "WhitespaceSplit", punctuation))
    yield "nfkc", tokenizer(v, dict(type="NFKC"), dict(type="Whitespace"))
    yield "plain", tokenizer(v, None, None, continuing_subword_prefix="", unk_token="hello")


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "cases.jsonl", "w", encoding="utf-8", newline="\n") as out:
        for name, content in tokenizers():
            text = json.dumps(content)
            (folder / name).mkdir(exist_ok=True)
            (folder / name / "tokenizer.json").write_text(text + "\n", encoding="utf-8")
            t = Tokenizer.from_str(text)
            for max_length in (0, 5):
                t.no_truncation() if max_length == 0 else t.enable_truncation(max_length)
                for text in TEXTS if max_length == 0 else TEXTS[2:6]:
                    # Where senc follows utf8proc (NFC..NFKD, \w), the library's tables are older (Unicode 9) or newer (Unicode 16).
                    if name in ("steps", "nfkc") and ("\U00011938" in text or "\ua7cb" in text):
                        continue
                    case = dict(tokenizer=name, max_length=max_length, text=text, ids=t.encode(text).ids)
                    out.write(json.dumps(case) + "\n")


if __name__ == "__main__":
    main()
