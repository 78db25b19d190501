"""sentence-transformers' trainer with its defaults (fp32) on pairs of a JSON-lines file; prints one JSON line.
usage: peer_train.py MODEL DATA.jsonl ANCHOR POSITIVE N_ROWS BATCH MAX_LENGTH THREADS"""
import json
import resource
import sys
import tempfile
import time

model_path, data_path, anchor, positive = sys.argv[1:5]
n_rows, batch, max_length, threads = map(int, sys.argv[5:9])

import torch

torch.set_num_threads(threads)
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.losses import MultipleNegativesRankingLoss
from transformers import TrainerCallback

rows = []
for line in open(data_path, encoding="utf-8"):
    row = json.loads(line)
    if row[anchor] and row[positive] and row[positive].strip():
        rows.append({"anchor": row[anchor], "positive": row[positive]})
    if len(rows) == n_rows:
        break

model = SentenceTransformer(model_path, device="cpu")
model.max_seq_length = max_length
seconds = []


class StepTimes(TrainerCallback):
    def on_step_begin(self, *_, **__):
        self.start = time.monotonic()

    def on_step_end(self, *_, **__):
        seconds.append(time.monotonic() - self.start)


arguments = SentenceTransformerTrainingArguments(
    output_dir=tempfile.mkdtemp(), num_train_epochs=1, per_device_train_batch_size=batch, learning_rate=2e-5,
    warmup_steps=0.1, use_cpu=True, save_strategy="no", report_to="none", disable_tqdm=True, dataloader_drop_last=True)
trainer = SentenceTransformerTrainer(model=model, args=arguments, train_dataset=Dataset.from_list(rows),
                                     loss=MultipleNegativesRankingLoss(model), callbacks=[StepTimes()])
trainer.train()
steady = seconds[1:]  # the first step warms up
print(json.dumps({"rows_per_second": batch * len(steady) / sum(steady), "steps": len(seconds),
                  "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
