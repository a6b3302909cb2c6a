#!/usr/bin/env python3
"""Prints the version that include/ae/version.h states."""
import pathlib
import re

header = pathlib.Path(__file__).parent.parent / "include" / "ae" / "version.h"
print(".".join(re.findall(r"#define AE_VERSION_\w+ (\d+)", header.read_text())))
