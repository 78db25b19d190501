"""sentence-transformers' encode with its defaults (fp32); prints one JSON line.
usage: peer_encode.py MODEL INPUT THREADS [OUTPUT.npy]
INPUT: a BEIR corpus.jsonl (title + " " + text) or a csv without header (its first column)"""
import csv
import json
import resource
import sys
import time

model_path, input_path, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])

import torch

torch.set_num_threads(threads)
from sentence_transformers import SentenceTransformer

if input_path.endswith(".jsonl"):
    rows = [json.loads(line) for line in open(input_path, encoding="utf-8")]
    texts = [(row["title"] + " " + row["text"]).strip() for row in rows]
else:
    texts = [row[0] for row in csv.reader(open(input_path, encoding="utf-8", newline=""))]
model = SentenceTransformer(model_path, device="cpu")
model.encode(texts[:64])
start = time.monotonic()
vectors = model.encode(texts, show_progress_bar=False)
seconds = time.monotonic() - start
if len(sys.argv) > 4:
    import numpy

    numpy.save(sys.argv[4], vectors)
print(json.dumps({"texts_per_second": len(texts) / seconds, "texts": len(texts),
                  "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
