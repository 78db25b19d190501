"""Trains a real model with sentence-transformers' own loss on batches in file order (dropout 0) and compares the loss of every step with
the log of a senc run on the same rows.

usage: follow_loss.py MODEL PAIRS.jsonl LOG.jsonl [STEPS] [BATCH] [MAX_LENGTH]
PAIRS.jsonl holds "anchor" and "positive". The senc run: loss mnrl, temperature 0.05, train.shuffle = false, train.dropout = 0,
train.log_every = 1, train.max_steps = STEPS, learning rate 2e-5, warm-up 0.1, weight decay 0.01, max_grad_norm 1."""
import json
import math
import sys

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.losses import MultipleNegativesRankingLoss

model_path, pairs_path, log_path = sys.argv[1:4]
steps, batch, max_length = (int(a) for a in (sys.argv[4:7] + ["20", "64", "128"][len(sys.argv) - 4:]))
torch.manual_seed(0)
model = SentenceTransformer(model_path, device="cpu", config_kwargs={"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0})
model.max_seq_length = max_length
loss_function = MultipleNegativesRankingLoss(model)
rows = [json.loads(line) for line in open(pairs_path, encoding="utf-8")][: steps * batch]
plain = [p for n, p in model.named_parameters() if "LayerNorm" in n or n.endswith("bias")]
plain_ids = {id(p) for p in plain}
decayed = [p for p in model.parameters() if id(p) not in plain_ids]
optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}], lr=2e-5)
warmup = math.ceil(0.1 * steps)
schedule = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda k: k / warmup if k < warmup else max(0.0, (steps - k) / max(1, steps - warmup)))
model.train()
tokenize = getattr(model, "preprocess", None) or model.tokenize
theirs = []
for step in range(steps):
    part = rows[step * batch:(step + 1) * batch]
    features = [tokenize([r["anchor"] for r in part]), tokenize([r["positive"] for r in part])]
    loss = loss_function(features, None)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    theirs.append(loss.item())
ours = [entry["loss"] for entry in map(json.loads, open(log_path)) if "loss" in entry][:steps]
assert len(ours) == steps, f"the log has {len(ours)} steps"
worst = max(abs(a - b) / max(abs(b), 1e-12) for a, b in zip(ours, theirs))
for step, (a, b) in enumerate(zip(ours, theirs), 1):
    print(f"step {step:3d}  senc {a:.6f}  sentence-transformers {b:.6f}  relative {abs(a - b) / max(abs(b), 1e-12):.1e}")
print(f"largest relative difference: {worst:.2e}")
sys.exit(0 if worst <= 1e-3 else 1)
