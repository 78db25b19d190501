"""Writes a BERT encoder up to its token vectors (pooling is the caller's) for ONNX Runtime: fp32.onnx as PyTorch exports it,
fp32-fused.onnx with its layers fused by ONNX Runtime's optimiser for transformers, and both with weights quantised to int8:
int8.onnx, int8-fused.onnx. usage: ort_export.py MODEL OUT"""
import os
import sys
import tempfile

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from transformers import AutoModel

source, out = sys.argv[1:3]
names = ["input_ids", "attention_mask", "token_type_ids"]
model = AutoModel.from_pretrained(source, attn_implementation="eager").eval()


class TokenVectors(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state


ids = torch.ones((2, 16), dtype=torch.long)
mask = torch.ones_like(ids)
mask[1, 10:] = 0
os.makedirs(out, exist_ok=True)
with tempfile.TemporaryDirectory(dir=out) as folder:
    paths = {name: os.path.join(folder, name + ".onnx") for name in ("fp32", "fp32-fused", "int8", "int8-fused")}
    torch.onnx.export(TokenVectors().eval(), (ids, mask, torch.zeros_like(ids)), paths["fp32"], input_names=names,
                      output_names=["vectors"], dynamic_axes={name: {0: "texts", 1: "tokens"} for name in names + ["vectors"]},
                      opset_version=17, dynamo=False)
    optimizer.optimize_model(paths["fp32"], model_type="bert", num_heads=model.config.num_attention_heads,
                             hidden_size=model.config.hidden_size).save_model_to_file(paths["fp32-fused"])
    for kind in ("", "-fused"):
        quantize_dynamic(paths["fp32" + kind], paths["int8" + kind], weight_type=QuantType.QInt8,
                         extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})
    for path in paths.values():
        os.replace(path, os.path.join(out, os.path.basename(path)))
