#!/bin/sh
# cross.sh CROSS_FILE: the library compiles for another machine, without a warning.
set -eu
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
unset CC CFLAGS LDFLAGS
meson setup "$build" "$(dirname "$0")/.." --cross-file "$1" --werror -Dblas=builtin -Dtests=false -Dexamples=false
ninja -C "$build"
