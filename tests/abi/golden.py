#!/usr/bin/env python3
"""golden.py LIBRARY [--update]: the names that libae.so exports, and the constants that it knows with
their values, against symbols.txt and constants.txt. --update writes additions down; it refuses to
take anything back."""
import ctypes
import pathlib
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent


def symbols(library):
    table = subprocess.run(["nm", "-D", "--defined-only", library], stdout=subprocess.PIPE, text=True, check=True)
    names = {line.split()[-1].split("@")[0] for line in table.stdout.splitlines()}
    return names - {"AE_0"}  # the version node


def constants(library):
    ae, name, value = ctypes.CDLL(library), ctypes.c_char_p(), ctypes.c_int64()
    found, index = set(), 0
    while ae.ae_constant_at(index, ctypes.byref(name), ctypes.byref(value)) == 0:
        found.add(f"{name.value.decode()} {value.value}")
        index += 1
    return found


def differs(path, found, update):
    """Whether the file does not hold what was found; with update, only whether something is gone."""
    golden = set(path.read_text().splitlines()) if path.exists() else set()
    gone, new = sorted(golden - found), sorted(found - golden)
    for word, lines in [("gone or changed", gone), ("new", new)]:
        print("".join(f"{path.name}: {word}: {line}\n" for line in lines), end="")
    if update and not gone:
        path.write_text("".join(line + "\n" for line in sorted(found)))
        return False
    return bool(gone or new)


library, update = sys.argv[1], "--update" in sys.argv
faults = [differs(here / "symbols.txt", symbols(library), update),
          differs(here / "constants.txt", constants(library), update)]
if any(faults) and not update:
    print("additions are written down by tests/abi/update.sh; nothing else may change")
sys.exit(1 if any(faults) else 0)
