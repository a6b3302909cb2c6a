#!/bin/sh
# installed.sh MESON BUILD PREFIX LIBDIR COMPILER...: installs into a scratch folder, then builds a
# program from there with what pkg-config says alone, against libae.so and against libae.a, and runs it.
set -eu
meson=$1 build=$2 prefix=$3 libdir=$4
shift 4
source=$(dirname "$0")/consumer.c
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$meson" install -C "$build" --no-rebuild --destdir "$scratch" >"$scratch/log" || { cat "$scratch/log"; exit 1; }
lib=$scratch$libdir
export PKG_CONFIG_PATH="$lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$scratch"
ls "$scratch$prefix/include/ae/ae.h" "$scratch$prefix/include/ae/version.h" "$lib/libae.so.0" >/dev/null

build_and_run() {
    # shellcheck disable=SC2046
    "$@" -Wall -Wextra -Wpedantic -Werror "$source" -xnone $(pkg-config --cflags --libs $static ae) -lm \
        -o "$scratch/consumer"
    LD_LIBRARY_PATH=$lib "$scratch/consumer"
}

static=
build_and_run "$@"
rm "$lib"/libae.so* # what is left is libae.a
static=--static
build_and_run "$@"
