#!/bin/sh
# if_there.sh PROGRAM... -- COMMAND...: runs the command; skips the test (77) where a program is missing.
while [ "$1" != -- ]; do
    command -v "$1" >/dev/null 2>&1 || { echo "skipped: no $1"; exit 77; }
    shift
done
shift
exec "$@"
