"""What the peers' scripts share: the prepared texts, the count of useful operations, the one JSON line that bench reads."""
import json


def read_rows(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_texts(path):
    return [row["text"] for row in read_rows(path)]


def useful_gflop(lengths, config, training=False):
    """Matrix products of a BERT encoder on real tokens (special ones included), padding not counted; backward is twice forward."""
    width, inner = config.hidden_size, config.intermediate_size
    forward = sum(n * (8 * width * width + 4 * width * inner + 4 * n * width) for n in lengths) * config.num_hidden_layers
    return forward * (3 if training else 1) * 1e-9


def token_lengths(tokenizer, texts, max_length):
    """tokenizer: one of the `tokenizers` library, with any truncation and padding."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return [min(len(e.ids), max_length) for e in tokenizer.encode_batch(texts)]


def report(units, seconds, gflop=0.0, **more):
    print(json.dumps({"units": units, "seconds": seconds, "gflop": gflop, **more}), flush=True)
