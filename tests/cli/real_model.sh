#!/bin/sh
# The real model on real data: STS-B test, Spearman of the cosine, as sentence-transformers 6.2 computes it for all-MiniLM-L6-v2: 82.03.
# usage: real_model.sh SENC      finds the model and the data by SENC_MODELS and SENC_DATA
set -eu
for variable in SENC_MODELS SENC_DATA; do
    eval "value=\${$variable:-}"
    if [ -z "$value" ]; then
        echo "skipped: $variable is not set"
        exit 77 # ctest shows it as skipped
    fi
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" eval "$SENC_MODELS/all-MiniLM-L6-v2" --quiet --sts "$SENC_DATA/stsb/stsb-en-test.csv" --json "$work/report.json" >/dev/null
spearman=$(sed -n 's/.*"stsb-en-test_spearman_cosine": *\([0-9.]*\).*/\1/p' "$work/report.json" | head -1)
echo "STS-B test Spearman $spearman"
awk -v x="$spearman" 'BEGIN { exit !(x > 0.8202 && x < 0.8204) }'
