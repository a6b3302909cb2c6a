#!/bin/sh
# update.sh [LIBRARY]: writes down what was added to the ABI: symbols.txt, constants.txt, libae.abi. What
# was taken away or changed is refused: delete the files by hand where a break is meant and documented.
# LIBRARY is a libae.so with debug information; without it, the one that ./dev check left.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
library=${1:-$root/build-check/builtin/lib/libae.so}

if [ -f "$here/libae.abi" ]; then
    abidiff --no-added-syms "$here/libae.abi" "$library" || { echo "update.sh: refused" >&2; exit 1; }
fi
python3 "$here/golden.py" "$library" --update
abidw --exported-interfaces-only --drop-private-types --headers-dir "$root/include/ae" --no-elf-needed \
    --no-corpus-path --no-comp-dir-path --no-show-locs --no-parameter-names --type-id-style hash \
    --out-file "$here/libae.abi" "$library"
