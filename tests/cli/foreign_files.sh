#!/bin/sh
# Every command that writes, in and around a folder of 200 files that are not senc's: foreign_files.sh PROGRAM TOOLS SOURCE
#
# The names are those that senc gives its own files (best.old, step-5.tmp-1, v.npy.partial, config.toml, ...). After each command all
# of them must be there with the same content, time, mode, owner and target, and so must be what links in the folder lead to.
set -u

program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") tools=$(cd "$2" && pwd) source=$(cd "$3" && pwd)
work=$(mktemp -d) || exit 1
work=$(cd "$work" && pwd -P)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
mkdir "$work/tmp" "$work/outside" "$work/outside/folder"
TMPDIR=$work/tmp HOME=$work OPENBLAS_NUM_THREADS=1 PATH=$tools:$PATH
export TMPDIR HOME OPENBLAS_NUM_THREADS PATH
cd "$work" || exit 1

fail() {
    printf 'foreign_files: %s\n' "$1"
    exit 1
}

# ---- inputs, which nobody writes ----

mkdir in && cd in || exit 1
make_model m >/dev/null || fail "no model"
printf '%s\n' 'the kettle sings' 'rain falls on the roof' 'a green gate' 'she paints' >texts.txt
i=0
: >pairs.jsonl
while [ $i -lt 12 ]; do
    printf '{"_id": "d%d", "anchor": "the kettle sings %d", "positive": "rain falls %d"}\n' $i $i $i >>pairs.jsonl
    i=$((i + 1))
done
printf 'a kettle,a boat,0.2\nthe lake,the water,0.7\nrain,roof,0.4\n' >dev.csv
mkdir -p faq/qrels
printf '{"_id": "1", "text": "rain falls"}\n{"_id": "2", "text": "a green gate"}\n' >faq/corpus.jsonl
printf '{"_id": "q", "text": "rain"}\n' >faq/queries.jsonl
printf 'query-id\tcorpus-id\tscore\nq\t1\t1\n' >faq/qrels/test.tsv
cat >c.toml <<END
[model]
base = "$work/in/m"
[[data]]
path = "$work/in/pairs.jsonl"
[loss]
type = "mnrl"
[train]
max_steps = 3
batch_size = 4
checkpoint_every = 1
[[eval]]
type = "sts"
path = "$work/in/dev.csv"
[output]
dir = "$work/none"
END
# The demo's configuration, changed by its user: two steps of a tiny model into a folder that holds something else.
sed 's/^layers = .*/layers = 1/; s/^hidden_size = .*/hidden_size = 16/; s/^heads = .*/heads = 2/; s/^epochs = .*/epochs = 1/' \
    "$source/configs/demo.toml" >demo.toml
cd "$work" || exit 1

# ---- the folder ----

echo precious >outside/file
echo precious >outside/folder/inner
mkdir f && cd f || exit 1
for name in best final step-5 step-000010 config.toml log.jsonl report.json report.html report.md baseline.json v.npy out.jsonl notes; do
    for ending in .old .old-1 .tmp-1 .tmp-99999 .tmp- .partial .partial.json .moving .json .ids.txt .scales.f32 .scales.f32.partial .orig; do
        echo "foreign $name$ending" >"$name$ending"
    done
done
for name in config.toml log.jsonl report.json report.html report.md baseline.json best.json bm25.json senc-run.json v.npy v.f32 v.i8 v.jsonl \
    out.jsonl run.trec my.tmp-notes x.tmp-1 x.old "a name" -dash 'naïve.old' .hidden.tmp-1 w.npy.partial u.npy.partial.json s.i8.scales.f32.partial; do
    echo "foreign $name" >"./$name"
done
rm -f best.tmp-99999 final.old step-5.old step-000010.tmp-1
for name in best final checkpoints checkpoints/step-000001 earlier earlier.moving earlier.old unfinished final.old step-5.old best.tmp-99999 \
    step-000010.tmp-1 runs runs/demo configs demo; do
    mkdir -p $name
    echo "foreign in $name" >$name/file
    echo "foreign in $name" >$name/x.tmp-1
done
mkdir best/best.old && echo foreign >best/best.old/config.toml
cp ../in/demo.toml configs/demo.toml
ln -s ../outside/file link.npy
ln -s ../outside/folder final.tmp-77
ln -s ../outside/folder checkpoints/step-000002
ln -s ../outside/folder linked
ln -s nowhere dangling.npy
ln -s ../outside best.old-77
mkfifo pipe.tmp-1
echo secret >secret.npy && chmod 0600 secret.npy secret.npy
chmod 0400 out.jsonl.orig
chmod 0751 notes.old
cd "$work" || exit 1
[ "$(find f | wc -l)" -ge 200 ] || fail "only $(find f | wc -l) foreign files"

# What must not change: of folders their names, of files all. Names that senc adds are not in the list.
(cd f && find . | sort) >names
snapshot() {
    (cd f && find . -printf '%p\t%y %m %U %G %l\t%T@ %s\n') |
        awk -F '\t' 'NR == FNR { known[$0] = 1; next } $1 in known { print $1, $2, ($2 ~ /^d/ ? "" : $3) }' names - | sort
    (cd f && find . -type f -print0 | xargs -0 sha256sum) |
        awk 'NR == FNR { known[$0] = 1; next } substr($0, 67) in known' names - | sort
    find outside -printf '%p %y %m %T@ %s\n' | sort
    cat outside/file outside/folder/inner
}
snapshot >before
[ "$(wc -l <before)" -ge "$(wc -l <names)" ] || fail "the snapshot lacks files"
n_runs=0 commands=

check() {
    snapshot >after
    cmp -s before after || {
        diff before after
        fail "after: senc $1"
    }
    left=$(find . -path ./f/new.old -prune -o -newer before \( -name '*.tmp-[0-9]*' -o -name '*.old-[0-9]*' \) -print)
    [ -z "$left" ] || fail "senc $1 left $left"
}

# Runs senc in the folder; the exit code must be the given one.
senc() { # exit code, arguments
    want=$1
    shift
    n_runs=$((n_runs + 1))
    commands="$commands $1"
    (cd f && exec "$program" "$@" --quiet </dev/null) >out 2>err
    code=$?
    check "$*"
    [ $code -eq "$want" ] || fail "exit code $code, expected $want: senc $* ($(cat err))"
}

train() { # exit code, folder, arguments
    want=$1 folder=$2
    shift 2
    senc "$want" train --config "$work/in/c.toml" --set "output.dir=$folder" "$@"
}

# ---- train ----

for how in '' --resume --dry-run '--resume --extend'; do
    # shellcheck disable=SC2086
    train 2 . $how
done
for folder in "$work/f" . best final checkpoints earlier runs linked best.tmp-99999 final.tmp-77; do train 2 "$folder" --overwrite; done
train 2 config.toml
train 2 'a name/run'
train 0 new.old
train 0 new.old --overwrite
train 0 new.old --resume
# In a run folder, too, only the run's own names are senc's.
names_in_run='best.old x.tmp-1 my.tmp-notes step-5.old final.tmp-x checkpoints/best.tmp-1 checkpoints/step-x.old notes'
for name in $names_in_run; do echo foreign >"f/new.old/$name"; done
train 0 new.old --overwrite
train 0 new.old --resume
for name in $names_in_run; do
    case $name in checkpoints/*) continue ;; esac # the checkpoints are the run's, and went with it
    [ "$(cat "f/new.old/$name")" = foreign ] || fail "$name in a run folder is gone"
done
train 2 run2 --set 'eval.0={type = "retrieval", path = "'"$work/in/faq"'", save_run = "'"$work/f/run.trec"'"}'

# ---- encode ----

encode() { # exit code, output, arguments
    want=$1 output=$2
    shift 2
    senc "$want" encode "$work/in/m" --input "$work/in/pairs.jsonl" --column anchor --output "$output" "$@"
}

for how in '' --resume; do
    for output in v.npy v.f32 v.i8 v.jsonl link.npy dangling.npy secret.npy best checkpoints/x.npy/v.npy; do
        # shellcheck disable=SC2086
        encode 2 $output $how
    done
done
for how in '' --resume --overwrite '--resume --overwrite'; do # beside it stands what senc did not write
    for output in w.npy u.npy s.i8; do
        # shellcheck disable=SC2086
        encode 2 $output $how
    done
done
for name in t.f32.json t.i8.scales.f32 t.npy.ids.txt; do
    echo foreign >"f/$name"
    encode 2 "${name%.json}" --to f32
    encode 2 "$(echo "$name" | sed 's/\(t\.[a-z0-9]*\).*/\1/')"
    [ "$(cat "f/$name")" = foreign ] || fail "encode has written $name"
done
for kind in npy jsonl f32 f16 i8 bin; do
    encode 0 "own.$kind"
    encode 2 "own.$kind"
    encode 2 "own.$kind" --resume
    encode 0 "own.$kind" --overwrite
    encode 0 "own.$kind" --overwrite --cache cache
done
encode 2 "$work/in/pairs.jsonl" --to jsonl --overwrite

# ---- the others ----

senc 2 tokenize "$work/in/m" --input "$work/in/texts.txt" --output out.jsonl
senc 0 tokenize "$work/in/m" --input "$work/in/texts.txt" --output ids.jsonl
senc 0 tokenize "$work/in/m" --input "$work/in/texts.txt" --output ids.jsonl --overwrite
senc 2 mine "$work/in/m" --data "$work/in/pairs.jsonl" --output out.jsonl
senc 0 mine "$work/in/m" --data "$work/in/pairs.jsonl" --output mined.jsonl
senc 2 mine "$work/in/m" --data "$work/in/pairs.jsonl" --output mined.jsonl
senc 2 dedupe "$work/in/texts.txt" --model "$work/in/m" --output out.jsonl
senc 2 dedupe "$work/in/texts.txt" --model "$work/in/m" --output kept.txt --pairs out.jsonl
senc 2 dedupe "$work/in/texts.txt" --model "$work/in/m" --output same.jsonl --pairs ./same.jsonl
senc 0 dedupe "$work/in/texts.txt" --model "$work/in/m" --output kept.txt --pairs near.jsonl
senc 2 eval "$work/in/m" --sts "$work/in/dev.csv" --json report.json
senc 2 eval "$work/in/m" --sts "$work/in/dev.csv" --html report.html
senc 2 eval "$work/in/m" --sts "$work/in/dev.csv" --report .
senc 2 eval "$work/in/m" --sts "$work/in/dev.csv" --report reports --html reports/report.html --json reports/report.html
senc 2 eval "$work/in/m" --retrieval "$work/in/faq" --save-run run.trec
senc 2 eval "$work/in/m" --retrieval "$work/in/faq" --save-qrels run.trec
senc 0 eval "$work/in/m" --retrieval "$work/in/faq" --save-run own.trec --save-qrels own.qrels --json own.json --report reports
senc 2 eval "$work/in/m" --retrieval "$work/in/faq" --save-run own.trec
senc 2 eval "$work/in/m" --sts "$work/in/dev.csv" --report reports
senc 0 eval "$work/in/m" --retrieval "$work/in/faq" --save-run own.trec --report reports --overwrite
senc 2 compare "$work/in/m" "$work/in/m" --sts "$work/in/dev.csv" --json report.json
senc 2 compare "$work/in/m" "$work/in/m" --sts "$work/in/dev.csv" --html report.html
senc 0 compare "$work/in/m" "$work/in/m" --sts "$work/in/dev.csv" --json compared.json --html compared.html
senc 2 compare "$work/in/m" "$work/in/m" --sts "$work/in/dev.csv" --json compared.json
senc 2 inspect --vectors own.npy --json report.json
senc 0 inspect --vectors own.npy --json findings.json
senc 2 history new.old --json report.json
senc 0 history new.old --json history.json
senc 0 search "$work/in/m" --corpus "$work/in/faq" --query rain
senc 0 list losses
senc 0 info
senc 2 demo --dir . --question rain # runs/demo holds something else
[ -e f/demo/train.jsonl ] && [ "$(cat f/runs/demo/file)" = 'foreign in runs/demo' ] || fail "the demo is not as expected"

# No command is left out, also none that comes later.
for command in $("$program" --help | sed -n 's/^  \([a-z]*\)  *[a-z].*/\1/p'); do
    case " $commands " in *" $command "*) ;; *) fail "senc $command is not tried here" ;; esac
done
printf '%d commands beside %d foreign files, which are as they were\n' "$n_runs" "$(wc -l <names)"
