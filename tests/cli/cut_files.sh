#!/bin/sh
# Cuts files while senc uses them: cut_files.sh PROGRAM TOOLS SOURCE
#
# The program is stopped, the file is cut (a page that was not read yet is then no longer there: SIGBUS, or zeros), and the program goes on.
# It must end with exit code 1 and one line that names the file, and leave no output; what was saved must go on, once the file is back, to
# the bytes of a run that nobody disturbed.
set -u

program=$1 tools=$2 source=$3
work=$(mktemp -d) || exit 1
work=$(cd "$work" && pwd -P)
process=
trap '[ -z "$process" ] || kill -9 "$process" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
mkdir "$work/tmp"
TMPDIR=$work/tmp OPENBLAS_NUM_THREADS=1
export TMPDIR OPENBLAS_NUM_THREADS
cd "$work" || exit 1

fail() {
    printf 'cut_files: %s\n' "$1"
    [ ! -s stderr ] || tail -5 stderr
    exit 1
}

# Waits for a condition (a shell command) while the process runs.
wait_for() {
    tries=0
    until eval "$1"; do
        kill -0 "$process" 2>/dev/null || fail "$what: it ended before it could be disturbed"
        tries=$((tries + 1))
        [ "$tries" -lt 3000 ] || fail "$what: waited too long"
        sleep 0.01
    done
}

is_mapped() {
    grep -q "$1" "/proc/$process/maps" 2>/dev/null
}

# cut_while WHAT FILE SIZE CONDITION COMMAND...: runs the command, cuts FILE when CONDITION holds, checks the end. FILE is restored.
cut_while() {
    what=$1 file=$2 size=$3 condition=$4
    shift 4
    cp "$file" saved
    full=$(wc -c <"$file")
    "$@" >stdout 2>stderr &
    process=$!
    wait_for "$condition"
    kill -STOP "$process" || fail "$what: it was too fast"
    truncate -s "$size" "$file"
    kill -CONT "$process"
    wait "$process"
    code=$?
    process=
    cp saved "$file"
    [ "$code" -eq 1 ] || fail "$what: exit code $code, expected 1"
    last=$(tail -1 stderr)
    case $last in
    "error: "*"$file: was cut from $((full)) to $size bytes while it was in use"*) ;;
    *) fail "$what: the last line does not name the file" ;;
    esac
}

same() {
    cmp -s "$1" "$2" || fail "$what: $2 is not what an undisturbed run gives"
}

absent() {
    [ ! -e "$1" ] || fail "$what: $1 was written"
}

# ---- training: its data, and the corpus of its evaluation ----

mkdir data
cp "$source/demo/train.jsonl" data/train.jsonl
cp -R "$source/demo/qrels" "$source/demo/corpus.jsonl" "$source/demo/queries.jsonl" data/
sed 's|\.\./demo|data|g' "$source/configs/demo.toml" >run.toml
grep -q '"data' run.toml || fail "configs/demo.toml has other paths than expected"

train() {
    run=$1
    shift
    set -- train --quiet --config run.toml --set "output.dir=$run" --set train.threads=2 --set model.vocab_size=400 \
        --set model.hidden_size=16 --set model.layers=1 --set model.heads=2 --set model.intermediate_size=32 \
        --set model.max_positions=32 --set data.0.limit=256 --set train.batch_size=16 --set train.epochs=12 --set train.eval_every=3 \
        --set train.checkpoint_every=8 --set train.log_every=4 "$@"
    exec "$program" "$@"
}

# "step", or "step metrics" for an evaluation.
log_steps() {
    sed 's/^{"step": \([0-9]*\), "metrics".*/\1 metrics/; s/^{"step": \([0-9]*\),.*/\1/' "$1/log.jsonl"
}

(train straight) >stdout 2>stderr || fail "training failed"
for file in data/train.jsonl data/corpus.jsonl; do
    size=$([ $file = data/corpus.jsonl ] && echo 0 || echo 300)
    rm -rf run
    cut_while "train, $file to $size" "$file" "$size" '[ -d run/checkpoints/step-000008 ]' train run
    case $last in *"; saved at step "*" in "*"; to go on, add --resume") ;; *) fail "$what: nothing was saved" ;; esac
    absent run/final
    (train run --resume) >stdout 2>stderr || fail "$what: it does not go on"
    for made in final/model.safetensors best/model.safetensors best.json; do same "straight/$made" "run/$made"; done
    log_steps straight >steps.want
    log_steps run >steps.got
    same steps.want steps.got
done

# ---- encoding: the weights, which are mapped, and the texts ----

"$tools/make_model" model 400 64 || fail "make_model failed"
i=0
while [ $i -lt 200 ]; do
    echo "the kettle sings when the water boils, a small boat drifts across the quiet lake, number $i"
    i=$((i + 1))
done >some.txt
i=0
while [ $i -lt 90 ]; do
    cat some.txt
    i=$((i + 1))
done >texts.txt

"$program" encode model --quiet --input texts.txt --output straight.npy 2>stderr || fail "encoding failed"
for file in model/model.safetensors texts.txt; do
    size=$([ $file = texts.txt ] && echo 0 || echo 900)
    rm -f out.npy*
    cut_while "encode, $file to $size" "$file" "$size" "grep -qs '\"rows\": [1-9]' out.npy.partial.json" "$program" encode model --input texts.txt \
        --output out.npy --save-every 0.01
    [ -s out.npy.partial.json ] || fail "$what: nothing was saved"
    absent out.npy
    "$program" encode model --quiet --input texts.txt --output out.npy --resume 2>stderr || fail "$what: it does not go on"
    same straight.npy out.npy
done

# ---- vectors: pages that were not read yet, and the last one, which becomes zeros without a fault ----

rows=$(wc -c <straight.npy)
for size in 128 $((rows - 100)); do
    cut_while "dedupe to $size" straight.npy "$size" 'is_mapped straight.npy' "$program" dedupe --vectors straight.npy --pairs pairs.jsonl
    absent pairs.jsonl
done
cut_while "inspect" straight.npy 1000 'is_mapped straight.npy' "$program" inspect --vectors straight.npy --vectors straight.npy
[ ! -s stdout ] || fail "inspect: findings were printed"

# ---- evaluating: the corpus ----

i=0
while [ $i -lt 20000 ]; do
    echo "{\"_id\": \"x$i\", \"text\": \"the choir sings in the old station, number $i\"}"
    i=$((i + 1))
done >>data/corpus.jsonl
cut_while "eval" data/corpus.jsonl 1000 'is_mapped corpus.jsonl' "$program" eval model --retrieval data --report report
absent report

left=$(find "$work" -name '*.tmp-*' -o -path "$work/tmp/*")
[ -z "$left" ] || fail "left behind: $left"
printf 'cut 8 times: each named, nothing lost\n'
