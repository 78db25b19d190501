#!/bin/sh
# Checks that the parts of README.md between "<!-- begin: senc ARGUMENTS -->" and "<!-- end -->" are what the program prints, and
# those of "<!-- begin: bench --show FILE -->" the benchmark's table of that report (FILE beside README.md).
# usage: readme_tables.sh SENC README.md [--accept]      --accept writes the present output into the file
set -eu
senc=$1 readme=$2 accept=${3:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
senc=$(cd "$(dirname "$senc")" && pwd)/$(basename "$senc")
bench=$(dirname "$senc")/../bench/bench
awk -v senc="$senc" -v bench="$bench" -v folder="$(dirname "$readme")" '
    /^<!-- begin: (senc|bench) / {
        print
        arguments = $0
        program = arguments ~ /begin: senc / ? senc : bench
        sub(/^<!-- begin: [a-z]* /, "", arguments)
        sub(/ -->$/, "", arguments)
        code = arguments ~ /--markdown/ ? 0 : 1
        if (code) print "```"
        command = "cd \"" folder "\" && \"" program "\" " arguments
        while ((command | getline line) > 0) print line
        if (close(command) != 0) { print "readme_tables: failed: " command > "/dev/stderr"; exit 1 }
        if (code) print "```"
        skipping = 1
        parts++
        next
    }
    /^<!-- end -->$/ { skipping = 0 }
    !skipping { print }
    END { if (skipping || parts == 0) { print "readme_tables: no parts, or one without an end" > "/dev/stderr"; exit 1 } }
' "$readme" >"$work/new"
if [ "$accept" = --accept ]; then
    cp "$work/new" "$readme"
    exit 0
fi
diff -u "$readme" "$work/new" || {
    echo "README.md is behind the program; bring it up to date with: tests/cli/readme_tables.sh build/release/bin/senc README.md --accept"
    exit 1
}
