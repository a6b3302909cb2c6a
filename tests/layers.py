#!/usr/bin/env python3
"""The floors of lib/: a file includes only headers of its own floor or of a lower one, written with the
folder. Layers, terms and optimisers share one floor, where a header that has a .c beside it is that
file's own. One file each may include cblas.h and call malloc."""
import pathlib
import re
import sys

FLOOR = {"ae": 0, "base": 0, "kernels": 1, "layers": 2, "terms": 2, "optim": 2, "model": 3, "train": 4, "api": 5}
SHARED = {"layers/context.h", "layers/weight.h"}  # the step context, and what is said of weights
GENERATED = {"constants.def"}
ONLY = [("kernels/cblas.c", re.compile(r"#include\s*[<\"]cblas\.h"), "cblas.h"),
        ("base/mem.c", re.compile(r"\b(malloc|calloc|realloc|free)\s*\("), "the heap")]

lib = pathlib.Path(__file__).resolve().parent.parent / "lib"
faults = []


def code_of(path):
    """The text with comments blanked, so that they may speak of anything and lines still count."""
    return re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), path.read_text(), flags=re.S)


def allowed(name, header):
    """Why the file called name may not include header; None where it may."""
    home, folder = name.split("/")[0], header.split("/")[0]
    if header in GENERATED:
        return None
    if "/" not in header or folder not in FLOOR:
        return "is not written with its folder"
    if FLOOR[folder] > FLOOR[home]:
        return "is of a higher floor"
    if FLOOR[folder] == 2 == FLOOR[home] and header not in SHARED:
        if folder != home:
            return "belongs to a neighbour"
        if header[:-2] != name[:-2] and (lib / header).with_suffix(".c").exists():
            return "belongs to a sibling"
    return None


for path in sorted(lib.rglob("*.[ch]")):
    name = path.relative_to(lib).as_posix()
    for number, line in enumerate(code_of(path).splitlines(), 1):
        include = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        why = include and allowed(name, include[1])
        if why:
            faults.append(f"lib/{name}:{number}: {include[1]} {why}")
        faults += [f"lib/{name}:{number}: {what} belongs to {owner}"
                   for owner, pattern, what in ONLY if pattern.search(line) and name != owner]

print("\n".join(faults) or "the floors hold")
sys.exit(1 if faults else 0)
