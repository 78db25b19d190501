"""Does sentence-transformers load what senc saved, and does it give the same vectors as the model it was loaded from?

    python check_saved_model.py ORIGINAL SAVED [vectors.npy]

ORIGINAL and SAVED are model folders (tokenizer files in both). vectors.npy: what senc itself computed for TEXTS with SAVED
(senc encode SAVED --input texts.txt --output vectors.npy; print them with --texts). Prints the largest differences; exit status 1
when one is above 1e-5 or when the modules differ.
"""

import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np

TEXTS = [
    "A lamp by the river.",
    "Bread, salt and paper boats are sold at the old clock tower.",
    "never open the small red window",
    "wool",
    "",
    "Is the cold garden closed often? Mend the bright cloud slowly! " * 12,
]
LIMIT = 1e-5


def load(folder):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(folder, device="cpu")


def describe(model):
    return [type(module).__name__ for module in model], model.max_seq_length, model.similarity_fn_name, dict(model.prompts)


def main():
    if sys.argv[1:] == ["--texts"]:
        print("\n".join(TEXTS))
        return 0
    original, saved = load(sys.argv[1]), load(sys.argv[2])
    print("original", describe(original))
    print("saved   ", describe(saved))
    want, got = original.encode(TEXTS), saved.encode(TEXTS)
    worst = np.abs(want - got).max()
    print(f"largest difference between the two folders: {worst:.2e}")
    if len(sys.argv) > 3:
        own = np.abs(np.load(sys.argv[3]) - got).max()
        print(f"largest difference to senc's own vectors: {own:.2e}")
        worst = max(worst, own)
    return 0 if worst <= LIMIT and describe(original)[0] == describe(saved)[0] else 1


if __name__ == "__main__":
    sys.exit(main())
