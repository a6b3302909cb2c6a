#!/usr/bin/env python3
"""Lists every enum member of ae.h as AE__CONSTANT(name), for ae_constant()."""
import pathlib
import re
import sys

header, output = map(pathlib.Path, sys.argv[1:])
text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
names = [name for body in re.findall(r"\benum\s*\{(.*?)\}", text, flags=re.S)
         for name in re.findall(r"\b(AE_[A-Z0-9_]+)\s*=", body)]
output.write_text("".join(f"AE__CONSTANT({name})\n" for name in names))
