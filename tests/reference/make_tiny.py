"""Makes the reference dump of a tiny random BERT with PyTorch and sentence-transformers.

    python make_tiny.py            # writes tiny/ and tiny-reference.safetensors beside this file

Made with sentence-transformers 6.2, run in double and stored as float32, so that the dump is exact to the last digit of a float.
tests/train/test_reference.c and tests/nn/test_*.c read it. What the dump holds:

    ids (N), offsets (B+1)        token ids of 12 sequences, back to back
    hidden.0 .. hidden.2 (N,D)    the states after the embeddings and after each layer
    pooled.MODE (B,D)             the vectors for every pooling mode
    prompt.MODE (B,D)             the same with the first two tokens left out (include_prompt = false)
    loss.NAME (1)                 the loss on the first columns of 4 rows (sequence r + 4 c is column c of row r), mean pooling
    grad.NAME (P)                 its gradient for all parameters, one after the other in the alphabetical order of their names
    adamw.loss (3), adamw.values (P), adamw.norms (3)
                                  mnrl before each of three torch.optim.AdamW steps, the parameters after them, the gradient norms
"""

import json
import os
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import losses
from sentence_transformers.sentence_transformer.losses.triplet import TripletDistanceMetric
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import BertConfig, BertModel, BertTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "tiny")
WORDS = """the a is of lamp river stone bread window garden cloud salt paper boat clock wool
red cold small bright slow never often quickly ##s ##ed ##ing ##er ##ly . ? ! , open close mend""".split()
MODES = ["mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
ROWS, COLUMNS = 4, 3
SCORES = [0.9, 0.1, 0.55, 0.3]
LABELS = [1, 0, 0, 1]


def make_folder():
    """A random BERT with weights large enough that every term of every gradient counts."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    bare = FOLDER + "-bare"
    os.makedirs(bare, exist_ok=True)
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS
    with open(os.path.join(bare, "vocab.txt"), "w") as f:
        f.write("".join(w + "\n" for w in vocab))
    torch.manual_seed(11)
    config = BertConfig(vocab_size=len(vocab), hidden_size=12, num_hidden_layers=2, num_attention_heads=3,
                        intermediate_size=20, max_position_embeddings=16)
    model = BertModel(config, add_pooling_layer=False)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn_like(p)
            if "LayerNorm.weight" in name:
                p.copy_(1 + 0.2 * noise)
            else:
                p.copy_((0.15 if p.dim() == 1 else 0.4) * noise)
    model.save_pretrained(bare)
    BertTokenizerFast(os.path.join(bare, "vocab.txt"), do_lower_case=True, model_max_length=16).save_pretrained(bare)
    transformer = Transformer(bare)
    SentenceTransformer(modules=[transformer, Pooling(12, "mean")], device="cpu").save(FOLDER, create_model_card=False)
    shutil.rmtree(bare)


def make_ids(vocab_size):
    rng = np.random.RandomState(5)
    sequences = []
    for length in [9, 3, 6, 12, 5, 8, 16, 4, 7, 2, 10, 6]:
        sequences.append([2] + list(rng.randint(5, vocab_size, length - 2)) + [3])
    return sequences


def features(sequences):
    longest = max(len(s) for s in sequences)
    ids = torch.zeros(len(sequences), longest, dtype=torch.long)
    mask = torch.zeros(len(sequences), longest, dtype=torch.long)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor([int(i) for i in sequence])
        mask[row, : len(sequence)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def flat(tensors, names):
    return np.concatenate([tensors[n].detach().numpy().ravel() for n in names]).astype(np.float32)


def load_model():
    model = SentenceTransformer(FOLDER, device="cpu", model_kwargs={"attn_implementation": "eager"}).double()
    return model.eval()


def parameters(model):
    """All that the vectors depend on; saved are the random weights of the unused pooler as well."""
    return {n: p for n, p in model[0].auto_model.named_parameters() if not n.startswith("pooler.")}


def all_losses(model):
    distance = TripletDistanceMetric
    return {
        "mnrl": (losses.MultipleNegativesRankingLoss(model), 2, None),
        "mnrl_symmetric": (losses.MultipleNegativesRankingLoss(
            model, directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction"), 2, None),
        "mnrl_hard": (losses.MultipleNegativesRankingLoss(model), 3, None),
        "triplet_cosine": (losses.TripletLoss(model, distance.COSINE, 0.6), 3, None),
        "triplet_euclidean": (losses.TripletLoss(model, distance.EUCLIDEAN, 2.0), 3, None),
        "triplet_manhattan": (losses.TripletLoss(model, distance.MANHATTAN, 6.0), 3, None),
        "cosine": (losses.CosineSimilarityLoss(model), 2, SCORES),
        "cosent": (losses.CoSENTLoss(model), 2, SCORES),
        "contrastive": (losses.ContrastiveLoss(model, margin=1.0), 2, LABELS),
    }


def loss_value(loss, columns, labels, sequences):
    batch = [features(sequences[c * ROWS:(c + 1) * ROWS]) for c in range(columns)]
    labels = None if labels is None else torch.tensor(labels, dtype=torch.float64)
    return loss(batch, labels)


def three_steps(out, names, sequences):
    """torch.optim.AdamW with decay on matrices only and clipping, as the trainers of the field do it."""
    model = load_model()
    params = parameters(model)
    plain = [n for n in names if n.endswith(".bias") or "LayerNorm" in n]
    optimizer = torch.optim.AdamW(
        [{"params": [params[n] for n in names if n not in plain], "weight_decay": 0.01},
         {"params": [params[n] for n in plain], "weight_decay": 0.0}], lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    loss, columns, labels = all_losses(model)["mnrl"]
    values, norms = [], []
    for _ in range(3):
        optimizer.zero_grad()
        value = loss_value(loss, columns, labels, sequences)
        value.backward()
        norms.append(torch.nn.utils.clip_grad_norm_([params[n] for n in names], 1.0).item())
        optimizer.step()
        values.append(value.item())
    out["adamw.loss"] = np.array(values, dtype=np.float32)
    out["adamw.norms"] = np.array(norms, dtype=np.float32)
    out["adamw.values"] = flat(params, names)


def main():
    make_folder()
    model = load_model()
    sequences = make_ids(model[0].auto_model.config.vocab_size)
    out = {
        "ids": np.array([i for s in sequences for i in s], dtype=np.int32),
        "offsets": np.cumsum([0] + [len(s) for s in sequences]).astype(np.int32),
    }
    batch = features(sequences)
    with torch.no_grad():
        states = model[0].auto_model(**batch, output_hidden_states=True).hidden_states
        for layer, state in enumerate(states):
            rows = [state[r, : len(s)] for r, s in enumerate(sequences)]
            out[f"hidden.{layer}"] = torch.cat(rows).numpy().astype(np.float32)
        for mode in MODES:
            for prefix, include in (("pooled", True), ("prompt", False)):
                pooling = Pooling(12, mode, include_prompt=include)
                given = {"token_embeddings": states[-1], "attention_mask": batch["attention_mask"], "prompt_length": 2}
                out[f"{prefix}.{mode}"] = pooling(given)["sentence_embedding"].numpy().astype(np.float32)
    names = sorted(parameters(model))
    for name, (loss, columns, labels) in all_losses(model).items():
        model.zero_grad()
        value = loss_value(loss, columns, labels, sequences)
        value.backward()
        grads = {n: p.grad if p.grad is not None else torch.zeros_like(p) for n, p in parameters(model).items()}
        out["loss." + name] = np.array([value.item()], dtype=np.float32)
        out["grad." + name] = flat(grads, names)
        print(f"{name:20} {value.item():.9f}  |gradient| {np.linalg.norm(out['grad.' + name]):.6f}")
    three_steps(out, names, sequences)
    print("adamw", out["adamw.loss"], "norms", out["adamw.norms"])
    save_file(out, os.path.join(HERE, "tiny-reference.safetensors"))
    print(json.dumps({n: list(a.shape) for n, a in out.items()}))


if __name__ == "__main__":
    main()
