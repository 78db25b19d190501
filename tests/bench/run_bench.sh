#!/bin/sh
# The benchmark from end to end, with a tiny model and invented texts, without peers: rows that work, a row that fails and does not
# stop the others, the report and its table, an earlier report that is gone on with.
# usage: run_bench.sh BENCH SENC MAKE_MODEL
set -eu
bench=$1 make_model=$3
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
mkdir "$top/tmp" "$top/data" "$top/data/stsb" "$top/data/nfcorpus"
"$make_model" "$top/model"
i=0
while [ $i -lt 200 ]; do
    i=$((i + 1))
    echo "the kettle sings in yard $i and the choir sings in the old station,a green boat drifts across the lake,2.5"
done >"$top/data/stsb/stsb-en-test.csv"
sed 's/^\(.*\),\(.*\),.*/{"_id": "x", "title": "\2", "text": "\1"}/' "$top/data/stsb/stsb-en-test.csv" >"$top/data/nfcorpus/corpus.jsonl"
export SENC_DATA="$top/data" TMPDIR="$top/tmp"
cd "$top"

fail() { echo "run_bench.sh: $*" >&2; cat "$top/table" "$top/messages" >&2; exit 1; }
has() { grep -q -- "$1" "$top/$2" || fail "$2: expected \"$1\""; }

"$bench" --quick --runs 2 --threads 2 --model model --rows train_short,encode_short,tokenise,startup,size --output out.json \
    >table 2>messages || fail "exit code $?"
has '^encode 2,758 STS-B sentences' table
has '^  senc fp32  *[0-9.]*  *[0-9.]*  *[0-9]* %  *[0-9.]* MiB$' table
has '^  2 runs; limit [0-9]* GF/s fp32' table
has 'failed: .*multi30k' table # no such data: that row says so, the others are there
has '^installed size' table
grep -v 'installed size' table | grep -q 'ST default' && fail "peers were not asked for"
! awk 'length > 80' table | grep . || fail "lines of more than 80 columns"
has '"peak_memory_bytes"' out.json
has '"share_of_limit"' out.json
[ -z "$(ls "$top/tmp")" ] || fail "left behind: $(ls "$top/tmp")"

# the rows that are not measured again stay
"$bench" --quick --runs 1 --threads 2 --model model --rows startup --output out.json >table 2>messages || fail "exit code $?"
"$bench" --show out.json >table
has '^encode 2,758 STS-B sentences' table
has '^start, load the model' table

"$bench" --rows startup,nothing --output other.json >table 2>messages && fail "an unknown row was accepted"
has 'no row is called "nothing"' messages
[ ! -e other.json ] || fail "a report of nothing"
