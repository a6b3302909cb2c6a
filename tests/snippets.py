#!/usr/bin/env python3
"""snippets.py INCLUDE LIBRARY CC...: compiles every ```c block of README.md and docs/*.md.

A block with a main() is a complete program, compiled and linked. A block that defines functions is
compiled as a file. Anything else is a fragment of a function that has the names of PREAMBLE."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PREAMBLE = """
int fragment(ae_config *config, ae_model *model, ae_data *data, ae_fit_options *options,
             const float *x, const float *y, const float *x_test, int64_t rows, float *code, float *out,
             float *scores, size_t cap, double loss, const char *path, const uint8_t *pixels);
int complain(const char *message);
int fragment(ae_config *config, ae_model *model, ae_data *data, ae_fit_options *options,
             const float *x, const float *y, const float *x_test, int64_t rows, float *code, float *out,
             float *scores, size_t cap, double loss, const char *path, const uint8_t *pixels)
{
    int32_t status = AE_OK;
    {
"""
ENDING = "\n    }\n    return (int)status;\n}\n"
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-Wno-unused", "-Wno-unused-parameter"]


def source_of(block):
    """The block as a file, and whether it is a program."""
    if re.search(r"\bint main\(", block):
        return block, True
    if re.search(r"^\w[^;=]*\)\s*\n?\{", block, re.M):
        return '#include "ae/ae.h"\n' + block, False
    includes = "".join(re.findall(r"^#include.*\n", block, re.M))
    body = re.sub(r"^#include.*\n", "", block, flags=re.M)
    return '#include "ae/ae.h"\n#include <stdio.h>\n' + includes + PREAMBLE + body + ENDING, False


include, library, *cc = sys.argv[1:]
root = pathlib.Path(__file__).resolve().parent.parent
count = faults = 0
with tempfile.TemporaryDirectory() as folder:
    for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        text = page.read_text() if page.exists() else ""
        for match in re.finditer(r"^```c\n(.*?)^```", text, re.M | re.S):
            count += 1
            source, program = source_of(match[1])
            path = pathlib.Path(folder) / "snippet.c"
            path.write_text(source)
            link = ["-o", os.path.join(folder, "program"), library, "-lm"] if program else ["-fsyntax-only"]
            done = subprocess.run([*cc, *FLAGS, "-I", include, str(path), *link],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            if done.returncode:
                faults += 1
                print(f"{page.relative_to(root)}:{text[:match.start()].count(chr(10)) + 1}:\n{done.stdout}")
print(f"{count} blocks of C, {faults} wrong")
sys.exit(1 if faults else 0)
