#!/bin/sh
# Accepts what the program prints now as what it must print: accept.sh BUILD [CASE...]   (all cases when none is named)
# Read the difference (git diff tests/cli/cases) before committing it.
set -eu
here=$(cd "$(dirname "$0")" && pwd) build=$1
shift
[ $# -gt 0 ] || set -- "$here"/cases/*
for case in "$@"; do
    sh "$here/run_case.sh" --accept "$here/cases/$(basename "$case")" "$build/bin/senc" "$build/tests" || true
done
