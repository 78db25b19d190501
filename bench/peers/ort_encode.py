"""Encodes texts with ONNX Runtime as a careful user would: batches of similar length, mean pooling, vectors of length 1.
Of the exported models of the wanted precision (ort_export.py) the fastest on 64 texts is taken; that warms up too."""
import argparse
import os
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("model", help="the model folder (tokenizer, configuration)")
parser.add_argument("onnx", help="the folder of the exported models")
parser.add_argument("precision", choices=["fp32", "int8"])
parser.add_argument("texts")
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--batch", type=int, default=32)
options = parser.parse_args()

import json

import numpy as np
import onnxruntime
from tokenizers import Tokenizer
from types import SimpleNamespace

from common import read_texts, report, useful_gflop

with open(os.path.join(options.model, "config.json"), encoding="utf-8") as file:
    config = SimpleNamespace(**json.load(file))
max_length = config.max_position_embeddings
sentence_config = os.path.join(options.model, "sentence_bert_config.json")
if os.path.exists(sentence_config):
    with open(sentence_config, encoding="utf-8") as file:
        max_length = json.load(file).get("max_seq_length") or max_length
tokenizer = Tokenizer.from_file(os.path.join(options.model, "tokenizer.json"))
tokenizer.enable_truncation(max_length)
tokenizer.no_padding()
settings = onnxruntime.SessionOptions()
settings.intra_op_num_threads = options.threads
settings.inter_op_num_threads = 1


def open_session(kind):
    path = os.path.join(options.onnx, f"{options.precision}{kind}.onnx")
    return onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])


def encode(session, texts):
    inputs = {node.name for node in session.get_inputs()}
    ids = [e.ids for e in tokenizer.encode_batch(texts)]
    order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
    out = np.empty((len(ids), config.hidden_size), np.float32)
    for begin in range(0, len(ids), options.batch):
        rows = order[begin : begin + options.batch]
        tokens = np.zeros((len(rows), len(ids[rows[0]])), np.int64)
        mask = np.zeros_like(tokens)
        for row, i in enumerate(rows):
            tokens[row, : len(ids[i])] = ids[i]
            mask[row, : len(ids[i])] = 1
        feed = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
        vectors = session.run(None, {name: value for name, value in feed.items() if name in inputs})[0]
        weights = mask.astype(np.float32)
        pooled = np.matmul(weights[:, None, :], vectors)[:, 0] / weights.sum(1, keepdims=True)
        out[rows] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    return out, [len(i) for i in ids]


def seconds_of(session, texts):
    start = time.monotonic()
    encode(session, texts)
    return time.monotonic() - start


texts = read_texts(options.texts)
sessions = {kind: open_session(kind) for kind in ("", "-fused")}
trials = {kind: min(seconds_of(session, texts[:64]) for _ in range(3)) for kind, session in sessions.items()}
best = min(trials, key=trials.get)
session = sessions.pop(best)
sessions.clear()
start = time.monotonic()
vectors, lengths = encode(session, texts)
seconds = time.monotonic() - start
report(len(texts), seconds, useful_gflop(lengths, config), model=options.precision + best)
