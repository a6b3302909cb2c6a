#!/usr/bin/env python3
"""binary.py LIBRARY ARCHIVE: what libae.so may not show or ask for. Exports begin with
ae_; none is data that can be written, nor is there any such data inside; nothing is imported that
prints, exits, or touches the host's state; and the whole stays small."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SIZE_LIMIT = 400_000  # bytes, stripped
FORBIDDEN = re.compile(r"_?_?v?f?(printf|puts|putc|putchar|fwrite)(_chk)?|(_|quick_)?exit|_Exit|abort|__assert\w*"
                       r"|signal|sigaction|setlocale|s?rand(om)?|(secure_)?getenv|system|perror|err|warn")


def lines_of(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()


def names(library, kind):
    """(type letter, name) of the dynamic symbols, versions cut off."""
    for line in lines_of("nm", "-D", kind, library):
        letter, name = line.split()[-2:]
        yield letter, name.split("@")[0]


def stripped_size(library):
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "libae.so"
        subprocess.run(["strip", "-o", copy, library], check=True)
        return os.path.getsize(copy)


def writable_data(archive):
    """Sections of the archive's objects that hold data which is neither constant nor per thread."""
    for line in lines_of("readelf", "-SW", archive):
        section = re.match(r"\s*\[\s*\d+\]\s+(\.(?:data|bss)\S*)\s+\S+\s+\S+\s+\S+\s+([0-9a-f]+)", line)
        if section and not section[1].startswith(".data.rel.ro") and int(section[2], 16):
            yield f"{section[1]} of {int(section[2], 16)} bytes"


library, archive = sys.argv[1:]
exports = [name for name in names(library, "--defined-only") if name[1] != "AE_0"]
faults = [f"exports {name}, which is no ae_ name" for _, name in exports if not re.match(r"ae_[^_]", name)]
faults += [f"exports data: {name}" for letter, name in exports if letter not in "Tt"]
faults += [f"asks for {name}" for _, name in names(library, "--undefined-only") if FORBIDDEN.fullmatch(name)]
faults += [f"has data that can be written: {section}" for section in writable_data(archive)]
size = stripped_size(library)
if size >= SIZE_LIMIT:
    faults.append(f"is {size} bytes stripped, the limit is {SIZE_LIMIT}")
print("\n".join(f"libae.so {fault}" for fault in faults) or f"libae.so: {len(exports)} exports, {size} bytes stripped")
sys.exit(1 if faults else 0)
