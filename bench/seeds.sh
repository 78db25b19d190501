#!/bin/sh
# Is quality paid for speed? Trains one configuration with several seeds in fp32 and again in bf16, and compares the two
# groups on the configuration's own evaluations: a verdict, and how much the seeds alone differ.
#
#   seeds.sh SENC CONFIG FOLDER [SEEDS [ARGUMENT...]]      SEEDS: 5; further arguments go to senc train
#
# FOLDER gets a run folder for each precision and seed. Run folders that are complete are not trained again.
set -eu
senc=$1 config=$2 folder=$3 seeds=${4:-5}
[ $# -lt 4 ] && shift 3 || shift 4
mkdir -p "$folder"
fp32='' bf16=''
for seed in $(seq "$seeds"); do
    for precision in fp32 bf16; do
        run=$folder/$precision-$seed
        [ -f "$run/report.json" ] || "$senc" train --config "$config" --set "train.precision=\"$precision\"" \
            --set "train.seed=$seed" --set "output.dir=\"$run\"" --overwrite "$@" >"$run.log" 2>&1 || {
            tail -n 3 "$run.log" >&2
            exit 1
        }
        eval "$precision=\${$precision:+\$$precision,}\$run/final"
    done
    echo "seed $seed of $seeds" >&2
done
echo 'run  metric, before, after, change'
for log in "$folder"/*.log; do
    sed -nE "s/^  ([^ ]+ +[0-9.]+ +[0-9.]+ +[+-][0-9.]+)\$/$(basename "$log" .log)  \1/p" "$log"
done
# 3: the verdict is "worse", which is an answer
"$senc" compare "fp32=$fp32" "bf16=$bf16" --config "$config" --no-map || [ $? -eq 3 ]
