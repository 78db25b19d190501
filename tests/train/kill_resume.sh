#!/bin/sh
# Kills a training run at random moments and goes on with it, until it finishes: kill_resume.sh PROGRAM SOURCE
#
# The final weights must be those of a run that nobody disturbed, byte for byte, and no temporary file may be left. The moments come from
# a seeded list. SENC_KILLS: how many kills (6 in the test suite); SENC_KILL_SEED: another list.
set -u

program=$1 source=$2
kills=${SENC_KILLS:-6} seed=${SENC_KILL_SEED:-7}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
mkdir "$work/tmp"
TMPDIR=$work/tmp OPENBLAS_NUM_THREADS=1
export TMPDIR OPENBLAS_NUM_THREADS

# The demo's data and a model small enough to finish in seconds; a save at every turn, because that is where a kill hurts.
train() { # run folder, further arguments
    run=$1
    shift
    exec "$program" train --quiet --config "$source/configs/demo.toml" --set "output.dir=$run" --set train.threads=2 \
        --set model.vocab_size=400 --set model.hidden_size=16 --set model.layers=1 --set model.heads=2 \
        --set model.intermediate_size=32 --set model.max_positions=32 --set data.0.limit=256 --set train.batch_size=16 \
        --set train.accumulation=2 --set train.epochs=6 --set train.eval_every=5 --set train.checkpoint_every=2 \
        --set train.log_every=3 "$@" >/dev/null
}

fail() {
    printf 'kill_resume: %s\n' "$1"
    exit 1
}

milliseconds() {
    echo $(($(date +%s%N) / 1000000))
}

begin=$(milliseconds)
(train "$work/straight") || fail "the undisturbed run failed"
span=$(($(milliseconds) - begin))
[ -f "$work/straight/final/model.safetensors" ] || fail "the undisturbed run has no final model"

# Numbers in 0..32767 (the C standard's example of rand).
random() {
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    number=$((seed / 65536))
}

done_kills=0 tries=0
while [ "$done_kills" -lt "$kills" ]; do
    tries=$((tries + 1))
    [ "$tries" -le $((20 * kills + 20)) ] || fail "only $done_kills of $kills kills in $tries tries"
    random
    delay=$((span * number / 32768)) # a fresh start and a late resume take no longer than the undisturbed run
    (train "$work/killed" --resume) &
    process=$!
    sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
    kill -9 "$process" 2>/dev/null
    wait "$process" 2>/dev/null
    code=$?
    case $code in
    137) done_kills=$((done_kills + 1)) ;;
    0) rm -rf "$work/killed" ;; # it was faster: begin again, to kill it elsewhere
    *) fail "exit code $code after $done_kills kills" ;;
    esac
done
(train "$work/killed" --resume) || fail "the last resume failed"

for file in final/model.safetensors best/model.safetensors best.json baseline.json; do
    want=$(sha256sum <"$work/straight/$file") got=$(sha256sum <"$work/killed/$file")
    [ "$want" = "$got" ] || fail "$file differs after $kills kills"
done
# Steps of the log: in order, none twice. An evaluation's line follows its step's.
sed 's/^{"step": \([0-9]*\), "metrics".*/\1 1/; s/^{"step": \([0-9]*\),.*/\1 0/' "$work/killed/log.jsonl" >"$work/steps"
sort -n -k1,1 -k2,2 -u "$work/steps" | cmp -s - "$work/steps" || fail "log.jsonl repeats steps: $(tr '\n' ';' <"$work/steps")"
sed 's/^{"step": \([0-9]*\), "metrics".*/\1 1/; s/^{"step": \([0-9]*\),.*/\1 0/' "$work/straight/log.jsonl" | cmp -s - "$work/steps" ||
    fail "log.jsonl has other steps than the undisturbed run's"
left=$(find "$work" -name '*.tmp-*' -o -name '*.old' -o -path "$work/tmp/*")
[ -z "$left" ] || fail "left behind: $left"
printf 'killed %d times in %d tries of at most %d ms: the same weights\n' "$done_kills" "$tries" "$span"
