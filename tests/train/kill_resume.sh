#!/bin/sh
# Kills train, encode and mine at random moments and goes on until they finish: kill_resume.sh PROGRAM SOURCE
#
# What they write must be what they write undisturbed, byte for byte; an earlier output or run stands until the new one is there; no
# temporary file may be left. The moments come from a seeded list. SENC_KILLS: how many kills, a third for each command (9 in the test
# suite); SENC_KILL_SEED: another list.
set -u

program=$1 source=$2
kills=$(((${SENC_KILLS:-9} + 2) / 3)) seed=${SENC_KILL_SEED:-7}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
mkdir "$work/tmp" "$work/out"
TMPDIR=$work/tmp OPENBLAS_NUM_THREADS=1
export TMPDIR OPENBLAS_NUM_THREADS

fail() {
    printf 'kill_resume: %s\n' "$1"
    exit 1
}

milliseconds() {
    echo $(($(date +%s%N) / 1000000))
}

# Numbers in 0..32767 (the C standard's example of rand).
random() {
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    number=$((seed / 65536))
}

# Runs a command and kills it somewhere in the time that it takes undisturbed; its exit code goes to `code`.
kill_somewhere() { # milliseconds, command
    random
    delay=$(($1 * number / 32768)) # a fresh start and a late resume take no longer than the undisturbed run
    shift
    ("$@") &
    process=$!
    sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
    kill -9 "$process" 2>/dev/null
    wait "$process" 2>/dev/null
    code=$?
}

same() { # file, file, what it is
    cmp -s "$1" "$2" || fail "$3 differs after $done_kills kills"
}

count_try() {
    tries=$((tries + 1))
    [ "$tries" -le $((20 * kills + 20)) ] || fail "only $done_kills of $kills kills in $tries tries"
}

# ---- train ----

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

begin=$(milliseconds)
(train "$work/straight") || fail "the undisturbed run failed"
span=$(($(milliseconds) - begin))
[ -f "$work/straight/final/model.safetensors" ] || fail "the undisturbed run has no final model"
weights=final/model.safetensors
files="$weights best/model.safetensors best.json baseline.json"

done_kills=0 tries=0
while [ "$done_kills" -lt "$kills" ]; do
    count_try
    kill_somewhere $span train "$work/killed" --resume
    case $code in
    137) done_kills=$((done_kills + 1)) ;;
    0) rm -rf "$work/killed" ;; # it was faster: begin again, to kill it elsewhere
    *) fail "exit code $code after $done_kills kills" ;;
    esac
done
(train "$work/killed" --resume) || fail "the last resume failed"
for file in $files; do same "$work/straight/$file" "$work/killed/$file" "$file"; done

# Steps of the log: in order, none twice. An evaluation's line follows its step's.
sed 's/^{"step": \([0-9]*\), "metrics".*/\1 1/; s/^{"step": \([0-9]*\),.*/\1 0/' "$work/killed/log.jsonl" >"$work/steps"
sort -n -k1,1 -k2,2 -u "$work/steps" | cmp -s - "$work/steps" || fail "log.jsonl repeats steps: $(tr '\n' ';' <"$work/steps")"
sed 's/^{"step": \([0-9]*\), "metrics".*/\1 1/; s/^{"step": \([0-9]*\),.*/\1 0/' "$work/straight/log.jsonl" | cmp -s - "$work/steps" ||
    fail "log.jsonl has other steps than the undisturbed run's"

# Another run in its place, killed once: the earlier one is there, or the new one has come to something. To the end it is the new one.
(train "$work/straight-7" --set train.seed=7) || fail "the undisturbed run of another seed failed"
kill_somewhere $span train "$work/killed" --set train.seed=7 --overwrite
[ -f "$work/killed/$weights" ] || [ -f "$work/killed/earlier/$weights" ] ||
    [ -n "$(find "$work/killed" -maxdepth 2 -name 'step-*' -o -maxdepth 2 -name best.json)" ] || fail "the earlier run is lost"
(train "$work/killed" >/dev/null 2>&1) && fail "a run was overwritten"
if [ -f "$work/killed/$weights" ] && cmp -s "$work/killed/$weights" "$work/straight/$weights"; then
    for file in $files; do same "$work/straight/$file" "$work/killed/$file" "the earlier run's $file"; done
fi
(train "$work/killed" --set train.seed=7 --overwrite) || fail "the run in another's place failed"
for file in $files; do same "$work/straight-7/$file" "$work/killed/$file" "the new run's $file"; done
[ ! -e "$work/killed/earlier" ] && [ ! -e "$work/killed/unfinished" ] || fail "the earlier run is still there"
train_kills=$done_kills train_tries=$tries

# ---- encode ----

awk 'BEGIN { for (i = 0; i < 60000; i++) print "the chain slips under load", i, "dry it and put a drop of oil on each roller", i % 7 }' \
    >"$work/texts.txt"

encode() { # output, further arguments
    output=$1
    shift
    exec "$program" encode "$work/straight/final" --quiet --threads 2 --input "$work/texts.txt" --output "$output" "$@"
}

for kind in npy i8; do
    begin=$(milliseconds)
    (encode "$work/straight.$kind") || fail "the undisturbed encoding failed"
    span=$(($(milliseconds) - begin))
done
done_kills=0 tries=0
while [ "$done_kills" -lt "$kills" ]; do
    count_try
    kind=npy
    [ $((done_kills % 2)) -eq 0 ] || kind=i8
    # Every other file stands in the place of an older one, which is whole until the new one is.
    old=no
    if [ $((done_kills / 2 % 2)) -eq 1 ] && [ ! -e "$work/out/v.$kind" ] && [ ! -e "$work/out/v.$kind.partial" ]; then
        old=yes
        echo old >"$work/out/v.$kind"
    fi
    how=--resume
    [ $old = no ] || how='--resume --overwrite'
    # shellcheck disable=SC2086
    kill_somewhere $span encode "$work/out/v.$kind" $how --save-every 0.05 2>"$work/err"
    case $code in
    137) done_kills=$((done_kills + 1)) ;;
    0) ;;
    2) grep -q 'is there already' "$work/err" || fail "encode: $(cat "$work/err")" ;; # killed behind its last rename
    *) fail "encode: exit code $code after $done_kills kills: $(cat "$work/err")" ;;
    esac
    [ ! -e "$work/out/v.$kind" ] || [ "$(head -c 3 "$work/out/v.$kind")" = old ] || same "$work/straight.$kind" "$work/out/v.$kind" "v.$kind"
    [ $code -eq 137 ] || rm -f "$work/out/v.$kind"* # begin again, to kill it elsewhere
done
for kind in npy i8; do
    [ "$(head -c 3 "$work/out/v.$kind" 2>/dev/null)" != old ] || [ -e "$work/out/v.$kind.partial" ] || rm "$work/out/v.$kind"
    (encode "$work/out/v.$kind" --resume 2>"$work/err") || grep -q 'is there already' "$work/err" || fail "the last resume failed: $(cat "$work/err")"
    same "$work/straight.$kind" "$work/out/v.$kind" "v.$kind"
    rm -f "$work/out/v.$kind.partial.json"
done
same "$work/straight.i8.scales.f32" "$work/out/v.i8.scales.f32" "v.i8.scales.f32"
same "$work/straight.i8.json" "$work/out/v.i8.json" "v.i8.json"
rm -f "$work"/out/v.*
encode_kills=$done_kills encode_tries=$tries

# ---- mine ----

awk 'BEGIN { for (i = 0; i < 6000; i++) printf "{\"anchor\": \"why does chain %d slip\", \"positive\": \"oil roller %d of it\"}\n", i, i }' \
    >"$work/pairs.jsonl"

mine() { # output, further arguments
    output=$1
    shift
    exec "$program" mine "$work/straight/final" --quiet --threads 2 --data "$work/pairs.jsonl" --output "$output" "$@"
}

begin=$(milliseconds)
(mine "$work/straight.jsonl") || fail "the undisturbed mining failed"
span=$(($(milliseconds) - begin))
echo old >"$work/old"
done_kills=0 tries=0
while [ "$done_kills" -lt "$kills" ]; do # mining has nothing to go on with: it leaves the old file, and begins again
    count_try
    cp "$work/old" "$work/out/mined.jsonl"
    kill_somewhere $span mine "$work/out/mined.jsonl" --overwrite
    case $code in
    137) done_kills=$((done_kills + 1)) ;;
    0) ;;
    *) fail "mine: exit code $code after $done_kills kills" ;;
    esac
    cmp -s "$work/old" "$work/out/mined.jsonl" || same "$work/straight.jsonl" "$work/out/mined.jsonl" mined.jsonl
    [ "$(find "$work/out" -type f | wc -l)" -eq 1 ] || fail "mine left $(find "$work/out" -type f)"
done
(mine "$work/out/mined.jsonl" --overwrite) || fail "the last mining failed"
same "$work/straight.jsonl" "$work/out/mined.jsonl" mined.jsonl

left=$(find "$work" -name '*.tmp-*' -o -name '*.old-*' -o -name '*.partial*' -o -name '*.moving' -o -path "$work/tmp/*")
[ -z "$left" ] || fail "left behind: $left"
printf 'killed train %d times in %d tries, encode %d in %d, mine %d in %d: the same bytes\n' "$train_kills" "$train_tries" \
    "$encode_kills" "$encode_tries" "$done_kills" "$tries"
