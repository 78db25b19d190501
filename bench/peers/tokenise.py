"""The `tokenizers` library on one thread, by its fastest call (no offsets). usage: tokenise.py MODEL TEXTS.jsonl PASSES"""
import os
import sys
import time

from tokenizers import Tokenizer

from common import read_texts, report

model, path, passes = sys.argv[1], sys.argv[2], int(sys.argv[3])
texts = read_texts(path)
tokenizer = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
tokenizer.no_truncation()
tokenizer.no_padding()
tokenizer.encode_batch_fast(texts[:64])
megabytes = passes * sum(len(text.encode()) for text in texts) * 1e-6
start = time.monotonic()
for _ in range(passes):
    for begin in range(0, len(texts), 256):
        tokenizer.encode_batch_fast(texts[begin : begin + 256])
report(megabytes, time.monotonic() - start)
