#!/usr/bin/env python3
"""bounds.py PROGRAM drawn|data: runs an example as bounds.txt says, on data that it draws itself or on
the files in AE_DATA, and holds what it prints last (loss=0.093 epochs=5 ...) to the bounds there."""
import os
import pathlib
import subprocess
import sys
import tempfile


def rows_of(program, on_files):
    """(arguments, [(key, low, high)]) of each row of bounds.txt that is meant."""
    for line in pathlib.Path(__file__).with_name("bounds.txt").read_text().splitlines():
        command, _, bounds = line.partition(":")
        name, *arguments = command.split()
        columns = bounds.split()
        if name == program and ("$AE_DATA" in command) == on_files:
            yield arguments, list(zip(columns[0::3], columns[1::3], columns[2::3]))


def last_line(program, arguments):
    with tempfile.TemporaryDirectory() as folder:
        command = [program, *map(os.path.expandvars, arguments), "--quiet", "--out", folder]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1]


program, on_files = pathlib.Path(sys.argv[1]), sys.argv[2] == "data"
if on_files and not os.environ.get("AE_DATA"):
    print("skipped: AE_DATA is not set")
    sys.exit(77)
wrong = rows = 0
for arguments, bounds in rows_of(program.name, on_files):
    rows += 1
    line = last_line(program, arguments)
    got = dict(pair.split("=") for pair in line.split())
    print(program.name, *arguments, "->", line)
    for key, low, high in bounds:
        if not float(low) <= float(got.get(key, "nan")) <= float(high):
            print(f"    {key} is {got.get(key)}, wanted {low} to {high}")
            wrong += 1
sys.exit(1 if wrong or not rows else 0)
