#!/bin/sh
# Fuzzes: run.sh SECONDS [TARGET...]
#
# Builds the targets (all, or those named) with clang, AddressSanitizer and UndefinedBehaviorSanitizer in build/fuzz, and runs each for that
# long on its corpus (tests/fuzz/corpus/TARGET, and what earlier runs found in build/fuzz/corpus/TARGET). One line a target: executions, how
# many a minute, findings. A finding lies in build/fuzz/findings as TARGET-crash-... (fuzz_TARGET FILE shows it again); then the exit code is 1.
# SENC_FUZZ_JOBS: targets at the same time (1).
set -u

seconds=${1:-}
case $seconds in '' | *[!0-9]*) echo "usage: tests/fuzz/run.sh SECONDS [TARGET...]" >&2 && exit 2 ;; esac
shift
here=$(cd "$(dirname "$0")" && pwd) && root=$(cd "$here/../.." && pwd) || exit 1
build=$root/build/fuzz
jobs=${SENC_FUZZ_JOBS:-1}
[ $# -gt 0 ] || set -- $(sed -n 's/^senc_fuzz_target(\([a-z_]*\) .*/\1/p' "$here/fuzz.cmake")
for target; do
    [ -f "$here/fuzz_$target.c" ] || { echo "run.sh: there is no target \"$target\"" >&2 && exit 2; }
done

targets=$(printf 'fuzz_%s ' "$@")
mkdir -p "$build/log" "$build/findings" || exit 1
{
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_C_COMPILER="${CC:-clang}" -DSENC_FUZZ=ON -DSENC_SANITIZE=ON -DCMAKE_BUILD_TYPE=Debug \
        -DCMAKE_C_FLAGS_DEBUG="-O1 -g" && cmake --build "$build" -j "${SENC_BUILD_JOBS:-2}" --target $targets
} >"$build/log/build" 2>&1 || { tail -30 "$build/log/build" && exit 1; }

# Files of the targets: in memory where there is a place for that; those of a target that crashed go with it.
[ -d /dev/shm ] && scratch=/dev/shm || scratch=/tmp
TMPDIR=$(mktemp -d "${TMPDIR:-$scratch}/senc-fuzzing-XXXXXX") || exit 1
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 1' INT TERM

# A finding ends libFuzzer: the target is started again for what is left of its time, five times at most.
fuzz() {
    target=$1 corpus=$build/corpus/$1 executions=0 findings=0
    mkdir -p "$corpus"
    begin=$(date +%s)
    end=$((begin + seconds))
    : >"$build/log/$target"
    while [ "$(date +%s)" -lt "$end" ] && [ "$findings" -lt 5 ]; do
        "$build/tests/fuzz_$target" -max_total_time=$((end - $(date +%s))) -print_final_stats=1 -timeout=20 -rss_limit_mb=4096 \
            -artifact_prefix="$build/findings/$target-" "$corpus" "$here/corpus/$target" >"$build/log/$target.last" 2>&1
        code=$?
        cat "$build/log/$target.last" >>"$build/log/$target"
        run=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/log/$target.last")
        executions=$((executions + ${run:-0}))
        [ $code -eq 0 ] || findings=$((findings + 1))
        [ -n "$run" ] || break # it did not even start
    done
    spent=$(($(date +%s) - begin))
    printf '%-12s %12d executions in %d s (%d a minute), %d findings\n' "$target" "$executions" "$spent" \
        $((executions * 60 / (spent > 0 ? spent : 1))) "$findings"
    [ "$findings" -eq 0 ]
}

failed=0 running=
wait_for_first() {
    first=${running%% *}
    running=${running#"$first"}
    running=${running# }
    wait "$first" || failed=1
}
for target; do
    fuzz "$target" &
    running=${running:+$running }$!
    [ "$(echo "$running" | wc -w)" -lt "$jobs" ] || wait_for_first
done
while [ -n "$running" ]; do wait_for_first; done
exit $failed
