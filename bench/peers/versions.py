"""Versions of the peers, as one JSON object."""
import json
import platform
from importlib import metadata

names = ["sentence-transformers", "transformers", "torch", "tokenizers", "onnxruntime", "faiss-cpu", "numpy"]
print(json.dumps({"python": platform.python_version(), **{name: metadata.version(name) for name in names}}))
