#!/bin/sh
# Speed, side by side. usage: bench.sh BUILD_DIR [--with-peers] [--runs N] [--threads N] [--output bench.json]
#
# Always: the machine's limit (fp32 FMA rate) and every kernel's share of it. With SENC_MODELS and SENC_DATA: training on medquad pairs and
# encoding documents and sentences, N times (3). --with-peers installs sentence-transformers outside the project and runs the same
# work with it, alternating with senc, so that the ratio holds on a noisy machine. Figures are medians.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
shift
peers=no runs=3 threads=$(getconf _NPROCESSORS_ONLN) output=bench.json
while [ $# -gt 0 ]; do
    case $1 in
    --with-peers) peers=yes ;;
    --runs) runs=$2; shift ;;
    --threads) threads=$2; shift ;;
    --output) output=$2; shift ;;
    *) echo "bench.sh: unknown argument $1" >&2; exit 2 ;;
    esac
    shift
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
senc=$build/bin/senc
export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false

"$build/bench/bench_kernels" "$threads" | tee "$work/kernels.txt"
limit=$(sed -n 's/^limits: \([0-9.]*\) GF.*/\1/p' "$work/kernels.txt")

if [ -z "${SENC_MODELS:-}" ] || [ -z "${SENC_DATA:-}" ]; then
    echo "SENC_MODELS and SENC_DATA are not set: training and encoding are left out"
    exit 0
fi
python=""
[ $peers = no ] || python=$(sh "$here/setup_peers.sh")
model=$SENC_MODELS/all-MiniLM-L6-v2

# The middle one of the numbers on standard input.
median() { sort -n | awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] : 0 }'; }
# The number behind "key" in a JSON file.
number() { sed -n "s/.*\"$1\": *\([0-9.e+]*\).*/\1/p" "$2" | head -1; }

train_senc() {
    rm -rf "$work/run"
    "$senc" train --quiet --config "$here/medquad.toml" --threads "$threads" --set "output.dir=$work/run" >/dev/null
    # rows a second of all steps but the first, which warms up (for both): a line of the log a step, so the mean of the times
    sed -n 's/.*"rows_per_second": \([0-9.]*\).*/\1/p' "$work/run/log.jsonl" |
        awk 'NR > 1 { seconds += 1 / $1 } END { print (NR - 1) / seconds }' >>"$work/train.senc"
    number peak_memory_bytes "$work/run/report.json" >>"$work/train.senc.memory"
    number useful_gflops_per_second "$work/run/report.json" >>"$work/train.senc.flops"
}
train_peer() {
    "$python" "$here/peer_train.py" "$model" "$SENC_DATA/medquad/medquad.jsonl" question answer 384 64 256 "$threads" \
        2>/dev/null | tail -1 >"$work/peer.json"
    number rows_per_second "$work/peer.json" >>"$work/train.peer"
    number peak_memory_bytes "$work/peer.json" >>"$work/train.peer.memory"
}
encode_senc() { # NAME INPUT [--column N]
    name=$1 input=$2
    shift 2
    "$senc" encode "$model" --quiet --input "$input" "$@" --output "$work/$name.npy" --threads "$threads" --stats >"$work/stats"
    awk '$1 == "texts/s" { print $2 }' "$work/stats" >>"$work/$name.senc"
    awk '$1 == "GF/s" { print $2 }' "$work/stats" >>"$work/$name.senc.flops"
}
encode_peer() { # NAME INPUT
    "$python" "$here/peer_encode.py" "$model" "$2" "$threads" 2>/dev/null | tail -1 >"$work/peer.json"
    number texts_per_second "$work/peer.json" >>"$work/$1.peer"
}

# 500 documents as a BEIR folder, 1,379 sentences as the first column of a csv without header
mkdir "$work/nfcorpus"
head -500 "$SENC_DATA/nfcorpus/corpus.jsonl" >"$work/nfcorpus/corpus.jsonl"
sentences=$SENC_DATA/stsb/stsb-en-test.csv

i=0
while [ $i -lt "$runs" ]; do
    train_senc
    [ $peers = no ] || train_peer
    encode_senc documents "$work/nfcorpus"
    [ $peers = no ] || encode_peer documents "$work/nfcorpus/corpus.jsonl"
    encode_senc sentences "$sentences" --column 1
    [ $peers = no ] || encode_peer sentences "$sentences"
    i=$((i + 1))
done

row() { # NAME LABEL
    ours=$(median <"$work/$1.senc") rate=$(median <"$work/$1.senc.flops") theirs="" ratio=""
    if [ -f "$work/$1.peer" ]; then
        theirs=$(median <"$work/$1.peer" | awk '{ printf "%.2f", $1 }')
        ratio=$(awk "BEGIN { printf \"%.2f\", $ours / $theirs }")
    fi
    share=$(awk "BEGIN { printf \"%.0f\", 100 * $rate / $limit }")
    printf '%-34s %8.1f %8.1f %6s%% %8s %7s\n' "$2" "$ours" "$rate" "$share" "${theirs:--}" "${ratio:--}"
    [ -z "$json" ] || json="$json,"
    json="$json
  \"$1\": {\"senc_per_second\": $ours, \"gflops\": $rate, \"share_of_limit\": $(awk "BEGIN { print $rate / $limit }"), \"peer_per_second\": ${theirs:-null}}"
}
json=""
echo
echo "fp32, $threads threads, limit $limit GF/s, medians of $runs runs; peer: sentence-transformers, its defaults"
printf '%-34s %8s %8s %7s %8s %7s\n' work "senc/s" GF/s limit "peer/s" ratio
row train "train pairs, batch 64, length 256"
row documents "encode documents"
row sentences "encode sentences"
gib() { median <"$1" | awk '{ printf "%.2f GiB", $1 / 1073741824 }'; }
echo "peak memory of training: senc $(gib "$work/train.senc.memory")$([ $peers = no ] || echo ", peer $(gib "$work/train.peer.memory")")"
printf '{"threads": %s, "runs": %s, "limit_gflops": %s, "peak_memory_bytes": {"senc": %s, "peer": %s},%s\n}\n' "$threads" "$runs" "$limit" \
    "$(median <"$work/train.senc.memory")" "$([ $peers = no ] && echo null || median <"$work/train.peer.memory")" "$json" >"$output"
echo "written to $output"
