#!/bin/sh
# with_numpy.sh SCRIPT...: runs it by the first Python that has NumPy, or skips the test (77).
for python in python3 /usr/bin/python3; do
    "$python" -c 'import numpy' 2>/dev/null && exec "$python" "$@"
done
echo "skipped: no NumPy"
exit 77
