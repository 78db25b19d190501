"""Asks the Hugging Face `tokenizers` library what it does with every code point, and prints the range tables of
data/tokenizers/unicode_frozen.h. The library's Unicode tables are of several ages (its crates were made at different
times), so senc freezes what the library does instead of trusting the tables of the machine it was built on.

    python tests/reference/tokenizer_unicode.py > data/tokenizers/unicode_frozen.h
"""
import tokenizers
from tokenizers import normalizers, pre_tokenizers

ALL_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def bert(**on):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**off, **on}).normalize_str


clean, strip, nfd = bert(clean_text=True), bert(strip_accents=True), normalizers.NFD().normalize_str
split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str


def ranges(points):
    out = []
    for c in points:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def combining_class(c, witnesses):
    """The canonical combining class the library uses for c, 0 for a starter, from how NFD orders it beside others."""
    s = chr(c)
    if nfd(s) != s or nfd("a\u0345" + s) == "a\u0345" + s and nfd("a" + s + "\u0334") == "a" + s + "\u0334":
        return 0
    return max([k for k, w in witnesses.items() if nfd("a" + w + s) == "a" + w + s], default=1)


def print_ranges(name, comment, points):
    print(f"/* {comment} */\nstatic const unicode_range {name}[] = {{")
    rows = [f"{{0x{a:X}, 0x{b:X}}}," for a, b in ranges(points)]
    line = "   "
    for row in rows:
        if len(line) + 1 + len(row) > 118:
            print(line)
            line = "   "
        line += " " + row
    print(line + "\n};\n")


# One mark of every combining class, all from Unicode 4 or older.
WITNESSES = {1: "\u0334", 7: "\u093c", 8: "\u3099", 9: "\u094d", 202: "\u0321", 214: "\u1dce", 216: "\u031b", 218: "\u302a",
             220: "\u0316", 222: "\u059a", 224: "\u302e", 226: "\U0001D16D", 228: "\u05ae", 230: "\u0301", 232: "\u0315",
             233: "\u035c", 234: "\u035d", 240: "\u0345"}
other = [c for c in ALL_POINTS if clean("a" + chr(c) + "b") == "ab"]
punctuation = [c for c in ALL_POINTS if len(split("a" + chr(c) + "b")) == 3]
nonspacing = [c for c in ALL_POINTS if strip(chr(c)) == ""]
marks = set(nonspacing)
nonstarters = [(c, combining_class(c, WITNESSES)) for c in ALL_POINTS if c not in marks]
nonstarters = [(c, k) for c, k in nonstarters if k]

print(f"""/* Made by tests/reference/tokenizer_unicode.py from the Hugging Face `tokenizers` library {tokenizers.__version__}; do not edit.
 * Facts about its behaviour, frozen: its categories are those of Unicode 8, whatever Unicode this machine knows. */
#ifndef DATA_UNICODE_FROZEN_H
#define DATA_UNICODE_FROZEN_H

#include <stdint.h>

typedef struct unicode_range {{
    uint32_t first, last;
}} unicode_range;

typedef struct unicode_class_range {{
    uint32_t first, last;
    uint8_t combining_class;
}} unicode_class_range;
""")
print_ranges("range_removed", "Removed by clean_text: controls, formats, private use, U+0000 and U+FFFD.", other)
print_ranges("range_punctuation", "Punctuation to BertPreTokenizer: ASCII symbols and the categories P*.", punctuation)
print_ranges("range_nonspacing", "Removed by strip_accents: category Mn.", nonspacing)
print("""/* Characters that strip_accents keeps but canonical ordering may move: combining class not 0, category not Mn. */
static const unicode_class_range range_nonstarters[] = {""")
rows = []
for c, k in nonstarters:
    if rows and rows[-1][1] == c - 1 and rows[-1][2] == k:
        rows[-1][1] = c
    else:
        rows.append([c, c, k])
for a, b, k in rows:
    print(f"    {{0x{a:X}, 0x{b:X}, {k}}},")
print("};\n\n#endif")
