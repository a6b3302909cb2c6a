#!/usr/bin/env python3
"""Every source is named in a meson.build: a test that is not built passes unseen."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = {"lib": "**/*.c", "examples": "*.c", "tests": "test_*.[cp]*", "tests/fuzz": "*.c"}


def missing(folder, pattern):
    home = root / (folder if (root / folder / "meson.build").exists() else pathlib.Path(folder).parent)
    listed = set(re.findall(r"'([\w/.]+)'", (home / "meson.build").read_text()))
    for path in sorted((root / folder).glob(pattern)):
        name = path.relative_to(home).as_posix()
        if not listed & {name, path.stem, path.stem.removeprefix("test_")}:
            yield f"{path.relative_to(root)} is not in {(home / 'meson.build').relative_to(root)}"


faults = [fault for folder, pattern in FOLDERS.items() for fault in missing(folder, pattern)]
print("\n".join(faults) or "every source is listed")
sys.exit(1 if faults else 0)
