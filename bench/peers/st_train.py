"""Trains with sentence-transformers on pairs, in the order of the file; the steps behind the first one are timed (a single step as a
whole), with everything between them: reading, tokenisation, logging."""
import argparse
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("model")
parser.add_argument("pairs")
parser.add_argument("--batch", type=int, required=True)
parser.add_argument("--max-length", type=int, required=True)
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
parser.add_argument("--attention", default=None, help="eager or sdpa; unset: what the library chooses")
parser.add_argument("--cached", type=int, default=0, help="chunk of the cached loss (GradCache); 0: the plain loss")
options = parser.parse_args()

import torch

torch.set_num_threads(options.threads)
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.losses import CachedMultipleNegativesRankingLoss, MultipleNegativesRankingLoss
from torch.utils.data import SequentialSampler
from transformers import TrainerCallback

from common import read_rows, report, token_lengths, useful_gflop


class FileOrder(DefaultBatchSampler):
    def __init__(self, dataset, **kwargs):
        super().__init__(SequentialSampler(dataset), **kwargs)


class Clock(TrainerCallback):
    """Times of the training's begin and of the ends of its steps."""

    def __init__(self):
        self.times = []

    def on_train_begin(self, *_, **__):
        self.times.append(time.monotonic())

    def on_step_end(self, *_, **__):
        self.times.append(time.monotonic())


rows = read_rows(options.pairs)
model = SentenceTransformer(options.model, device="cpu",
                            model_kwargs={"attn_implementation": options.attention} if options.attention else None)
model.max_seq_length = options.max_length
if options.cached:
    loss = CachedMultipleNegativesRankingLoss(model, mini_batch_size=options.cached)
else:
    loss = MultipleNegativesRankingLoss(model)
clock = Clock()
with tempfile.TemporaryDirectory() as folder:
    arguments = SentenceTransformerTrainingArguments(
        output_dir=folder, num_train_epochs=1, per_device_train_batch_size=options.batch, learning_rate=2e-5, warmup_steps=0.1,
        bf16=options.precision == "bf16", use_cpu=True, batch_sampler=FileOrder, dataloader_drop_last=True,
        save_strategy="no", report_to="none", disable_tqdm=True)
    SentenceTransformerTrainer(model=model, args=arguments, train_dataset=Dataset.from_list(rows), loss=loss,
                               callbacks=[clock]).train()
first = 1 if len(clock.times) > 2 else 0  # the first step warms up
steps = len(clock.times) - 1 - first
timed = rows[first * options.batch : (first + steps) * options.batch]
lengths = token_lengths(model.tokenizer.backend_tokenizer, [text for row in timed for text in row.values()], options.max_length)
report(steps * options.batch, clock.times[-1] - clock.times[first], useful_gflop(lengths, model[0].auto_model.config, training=True),
       steps=steps, attention=model[0].auto_model.config._attn_implementation)
