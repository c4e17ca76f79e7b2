#!/bin/sh
# compare.sh CASE WORDFREQ DIRECTORY: whether wordfreq counts what tr, sort and uniq count. It may
# make DIRECTORY, and put there what it needs.
set -u
export LC_ALL=C
case=$1 program=$2 scratch=$3
project=$(cd "$(dirname "$0")/../.." && pwd)
as= # a command that runs another as a user who may not read everything

skip() {
    echo "wordfreq skipped: $1"
    exit 0
}

fail() {
    echo "wordfreq failed: $1"
    exit 1
}

# A word must not go on in the next file.
count_by_tr() {
    # shellcheck disable=SC2018,SC2019
    find "$@" -type f -exec sh -c 'for file; do cat "$file"; echo; done' sh {} + 2>/dev/null |
        tr 'A-Z' 'a-z' | tr -cs 'a-z\200-\377' '\n' | sed '/^$/d' |
        sort | uniq -c | awk '{ printf "%7d %s\n", $1, $2 }' | sort -k1,1nr -k2
}

# compare CODE DIRECTORY...
compare() {
    expected_code=$1
    shift
    "$program" --workers 3 --top 100000000 "$@" >"$scratch/ours" 2>"$scratch/errors"
    code=$?
    cat "$scratch/errors"
    [ "$code" = "$expected_code" ] || fail "its code is $code"
    count_by_tr "$@" >"$scratch/theirs"
    [ -s "$scratch/theirs" ] || fail 'there are no words at all'
    cmp "$scratch/ours" "$scratch/theirs" || {
        diff "$scratch/ours" "$scratch/theirs" | cut -c 1-200 | head -n 20
        fail 'its counts are not those of tr, sort and uniq'
    }
}

# Words of many lengths, one of 3 MB, one of bytes that are no UTF-8, and no end of line at the end.
make_large_file() {
    awk 'BEGIN {
        srand(1)
        for (i = 0; i < 20000; i++) {
            for (size = int(exp(rand() * 5)); size > 0; size--)
                printf "%s", substr("etaoinshrdluETAOIN\303\244\200", int(rand() * 21) + 1, 1)
            printf "%s", substr(" \n.,;-7\t", int(rand() * 8) + 1, 1)
        }
    }' >"$scratch/words"
    for i in 1 2 3 4 5 6 7 8; do
        cat "$scratch/words"
        head -c $((i * 1000)) "$scratch/words"
    done
    head -c 3000000 /dev/zero | tr '\0' 'x'
    printf '\n'
    head -c 5000000 /dev/zero | tr '\0' '\377'
    printf ' the end'
}

rm -rf "$scratch"
mkdir -p "$scratch/input"

case $case in
licences)
    [ -d /usr/share/common-licenses ] || skip 'there is no /usr/share/common-licenses'
    compare 0 /usr/share/common-licenses
    ;;

documentation) # about 4 MB of it
    set --
    size=0
    for directory in /usr/share/doc/*/; do
        if [ ! -d "$directory" ] || [ -h "${directory%/}" ]; then
            continue
        fi
        size=$((size + $(du -sk "$directory" | cut -f 1)))
        [ $# = 0 ] || [ $size -lt 4000 ] || break
        set -- "$@" "${directory%/}"
    done
    [ $# -gt 0 ] || skip 'there is nothing in /usr/share/doc'
    compare 0 "$@"
    ;;

project)
    mkdir "$scratch/input/docs"
    cp "$project"/docs/*.md "$scratch/input/docs"
    cp "$project/README.md" "$project/LICENSE" "$scratch/input"
    compare 0 "$scratch/input"
    ;;

blocks)
    make_large_file >"$scratch/input/large"
    compare 0 "$scratch/input"
    ;;

special) # what is no file, and what is empty
    mkdir "$scratch/input/folder" "$scratch/input/no files"
    echo 'some words' >"$scratch/input/folder/file"
    : >"$scratch/input/empty"
    printf ' \n\n' >"$scratch/input/blank"
    ln -s folder/file "$scratch/input/link"
    ln -s folder "$scratch/input/link-to-folder"
    ln -s .. "$scratch/input/folder/loop"
    ln -s nowhere "$scratch/input/dangling"
    mkfifo "$scratch/input/pipe"
    compare 0 "$scratch/input"
    ;;

closed) # what may not be read is reported, and the rest is counted
    mkdir "$scratch/input/closed-folder"
    echo 'open words' >"$scratch/input/open"
    echo 'secret words' | tee "$scratch/input/closed" >"$scratch/input/closed-folder/file"
    chmod 000 "$scratch/input/closed" "$scratch/input/closed-folder"
    trap 'chmod 755 "$scratch/input/closed-folder"' EXIT
    if [ -r "$scratch/input/closed" ]; then # root
        as='setpriv --reuid=65534 --regid=65534 --clear-groups'
        $as "$program" "$scratch/input/open" >/dev/null 2>&1 ||
            skip 'this user may read everything, and cannot become another one'
    fi
    $as "$program" "$scratch/input" >"$scratch/ours" 2>"$scratch/errors"
    [ $? = 1 ] || fail 'its code is not 1'
    cat "$scratch/errors"
    grep -q 'input/closed: .' "$scratch/errors" || fail 'the file is not reported'
    grep -q 'input/closed-folder: .' "$scratch/errors" || fail 'the directory is not reported'
    printf '      1 open\n      1 words\n' | cmp - "$scratch/ours" || fail 'the rest is not counted'
    ;;
esac
