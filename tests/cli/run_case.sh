#!/bin/sh
# Runs one case of the program's tests: run_case.sh [--accept] CASE PROGRAM TOOLS
#
# CASE is a folder:
#   cmd               shell line(s) to run; `senc` is the program
#   setup             shell script that makes fixtures first; make_model and the program are on its PATH
#   stdin             standard input (none: empty)
#   stdout.expected   what must come out, exactly (none: nothing); stdout.glob instead: `*` matches anything in a line
#   stderr.expected   likewise, stderr.glob
#   exit.expected     the exit code (none: 0)
#   after             shell script that must succeed afterwards (files that must or must not be there)
#   anything else     files the command works on
# Each case runs in a fresh folder with a bare environment. Its path reads WORK in the output. No temporary file of senc
# may be left behind. --accept writes the expected files from what came out (globs are left alone).
set -u

accept=no
if [ "$1" = --accept ]; then
    accept=yes
    shift
fi
case=$(cd "$1" && pwd) && program=$(cd "$(dirname "$2")" && pwd) && tools=$(cd "$3" && pwd) || exit 1

top=$(mktemp -d) || exit 1
top=$(cd "$top" && pwd -P)
trap 'rm -rf "$top"' EXIT
trap 'exit 1' INT TERM
work=$top/work
mkdir "$work" "$top/tmp"
for file in "$case"/*; do
    case $(basename "$file") in
    cmd | setup | stdin | after | *.expected | *.glob) ;;
    *) cp -R "$file" "$work/" ;;
    esac
done
stdin=/dev/null
[ ! -f "$case/stdin" ] || stdin=$case/stdin

in_work() { # script, standard input
    (cd "$work" && exec env -i PATH="$program:$tools:/usr/bin:/bin" HOME="$top" TMPDIR="$top/tmp" LC_ALL=C.UTF-8 \
        OPENBLAS_NUM_THREADS=1 ASAN_OPTIONS="${ASAN_OPTIONS:-}" UBSAN_OPTIONS="${UBSAN_OPTIONS:-}" \
        LSAN_OPTIONS="${LSAN_OPTIONS:-}" sh "$1" <"$2")
}

failed=no
complain() {
    failed=yes
    printf '%s: %s\n' "$(basename "$case")" "$1"
}

if [ -f "$case/setup" ] && ! in_work "$case/setup" /dev/null >"$top/setup.log" 2>&1; then
    cat "$top/setup.log"
    complain "setup failed"
    exit 1
fi
in_work "$case/cmd" "$stdin" >"$top/stdout.raw" 2>"$top/stderr.raw"
code=$?
for stream in stdout stderr; do
    sed "s|$work|WORK|g; s|$top|TOP|g" "$top/$stream.raw" >"$top/$stream"
done

# Every line of $1 must match the line of $2 as a shell pattern in which only * is special.
matches() {
    exec 3<"$1" 4<"$2"
    while :; do
        IFS= read -r line <&3
        have=$?
        IFS= read -r pattern <&4
        want=$?
        [ $have -eq $want ] || return 1
        [ $have -eq 0 ] || return 0
        pattern=$(printf '%s' "$pattern" | sed 's/[][?\\]/\\&/g')
        # shellcheck disable=SC2254
        case $line in $pattern) ;; *) return 1 ;; esac
    done
}

for stream in stdout stderr; do
    if [ -f "$case/$stream.glob" ]; then
        matches "$top/$stream" "$case/$stream.glob" && continue
        diff -u "$case/$stream.glob" "$top/$stream"
        complain "$stream does not match $stream.glob"
    else
        expected=$case/$stream.expected
        if [ $accept = yes ]; then
            if [ -s "$top/$stream" ]; then cp "$top/$stream" "$expected"; else rm -f "$expected"; fi
        fi
        [ -f "$expected" ] || expected=/dev/null
        diff -u "$expected" "$top/$stream" || complain "$stream differs"
    fi
done

expected_code=0
if [ $accept = yes ]; then
    if [ $code -eq 0 ]; then rm -f "$case/exit.expected"; else echo $code >"$case/exit.expected"; fi
fi
[ ! -f "$case/exit.expected" ] || expected_code=$(cat "$case/exit.expected")
[ "$code" -eq "$expected_code" ] || complain "exit code $code, expected $expected_code"

left=$(find "$work" "$top/tmp" -name '*.tmp-*' -o -path "$top/tmp/*")
[ -z "$left" ] || complain "left behind: $left"
if [ -f "$case/after" ]; then
    in_work "$case/after" /dev/null || complain "after failed"
fi
[ $failed = no ]
