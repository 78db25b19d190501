"""Exact search of random unit vectors: faiss' IndexFlatIP, or sentence-transformers' semantic_search. A few queries warm up."""
import argparse
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("tool", choices=["faiss", "st"])
parser.add_argument("--queries", type=int, required=True)
parser.add_argument("--documents", type=int, required=True)
parser.add_argument("--width", type=int, required=True)
parser.add_argument("--nearest", type=int, required=True)
parser.add_argument("--threads", type=int, required=True)
options = parser.parse_args()

import numpy as np

from common import report

generator = np.random.default_rng(1)


def unit_vectors(n):
    vectors = generator.standard_normal((n, options.width), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


documents, queries = unit_vectors(options.documents), unit_vectors(options.queries)
if options.tool == "faiss":
    import faiss

    faiss.omp_set_num_threads(options.threads)
    index = faiss.IndexFlatIP(options.width)
    index.add(documents)

    def search(some):
        return index.search(some, options.nearest)
else:
    import torch

    torch.set_num_threads(options.threads)
    from sentence_transformers.util import dot_score, semantic_search

    corpus = torch.from_numpy(documents)

    def search(some):
        return semantic_search(torch.from_numpy(some), corpus, top_k=options.nearest, score_function=dot_score)


search(queries[:8])
start = time.monotonic()
search(queries)
seconds = time.monotonic() - start
report(options.queries, seconds, 2e-9 * options.queries * options.documents * options.width)
