#!/bin/sh
# Installs the tools that senc is compared with into a Python environment outside the project (about 6 GB).
# usage: setup_peers.sh [DIR]      default: ~/.cache/senc-peers; prints the environment's python
set -eu
dir=${1:-$HOME/.cache/senc-peers}
[ -x "$dir/bin/python" ] || python3 -m venv "$dir"
"$dir/bin/python" -c 'import sentence_transformers, datasets, accelerate' 2>/dev/null ||
    "$dir/bin/pip" install -q sentence-transformers==6.2.0 datasets accelerate
echo "$dir/bin/python"
