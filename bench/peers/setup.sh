#!/bin/sh
# Installs the tools that senc is compared with into a Python environment outside the project (about 6 GB, some minutes), and Debian's
# tcmalloc, which makes PyTorch's training nearly twice as fast. usage: setup.sh [DIR]      prints the environment's python
# DIR: $SENC_PEERS, else ~/.cache/senc-peers. What is there already is left alone.
set -eu
dir=${1:-${SENC_PEERS:-$HOME/.cache/senc-peers}}
[ -x "$dir/bin/python" ] || python3 -m venv "$dir"
"$dir/bin/python" -c 'import sentence_transformers, datasets, accelerate, onnx, onnxscript, onnxruntime, faiss' 2>/dev/null ||
    "$dir/bin/pip" install -q sentence-transformers==6.2.0 datasets accelerate onnx onnxscript onnxruntime faiss-cpu >&2
if [ -z "$(ls /usr/lib/*/libtcmalloc_minimal.so.4 2>/dev/null)" ] && command -v apt-get >/dev/null 2>&1; then
    sudo=""
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    { $sudo apt-get update && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y --no-install-recommends libtcmalloc-minimal4; } \
        >/dev/null 2>&1 || echo "setup.sh: libtcmalloc-minimal4 could not be installed: the tuned peers are left out" >&2
fi
echo "$dir/bin/python"
