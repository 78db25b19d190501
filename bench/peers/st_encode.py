"""Encodes texts with sentence-transformers; 64 texts warm up."""
import argparse
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("model")
parser.add_argument("texts")
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
options = parser.parse_args()

import torch

torch.set_num_threads(options.threads)
from sentence_transformers import SentenceTransformer

from common import read_texts, report, token_lengths, useful_gflop

texts = read_texts(options.texts)
model = SentenceTransformer(options.model, device="cpu",
                            model_kwargs={"dtype": torch.bfloat16} if options.precision == "bf16" else None)
model.encode(texts[:64], show_progress_bar=False)
start = time.monotonic()
vectors = model.encode(texts, show_progress_bar=False)
seconds = time.monotonic() - start
lengths = token_lengths(model.tokenizer.backend_tokenizer, texts, model.max_seq_length)
report(len(texts), seconds, useful_gflop(lengths, model[0].auto_model.config), width=vectors.shape[1])
