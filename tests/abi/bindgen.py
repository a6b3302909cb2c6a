#!/usr/bin/env python3
"""bindgen.py INCLUDE: what the bindgen command makes of ae.h holds every public function, and every
constant as an i32 of the same value."""
import pathlib
import re
import subprocess
import sys

include = pathlib.Path(sys.argv[1])
header = re.sub(r"/\*.*?\*/", "", (include / "ae" / "ae.h").read_text(), flags=re.S)
functions = re.findall(r"^AE_API\s[^;]*?\b(ae_\w+)\(", header, re.M)
constants = dict(re.findall(r"\b(AE_\w+)\s*=\s*(-?\d+)", header))

rust = subprocess.run(["bindgen", include / "ae" / "ae.h", "--", f"-I{include}"],
                      stdout=subprocess.PIPE, text=True, check=True).stdout
rust = re.sub(r"\s*([:;=(-])\s*", r"\1", rust)  # spaced otherwise where rustfmt is missing
types = dict(re.findall(r"pub type (\w+)=([\w:]+);", rust))
values = {name: (types.get(kind, kind), value)
          for name, kind, value in re.findall(r"pub const (AE_\w+):(\w+)=(-?\d+);", rust)}
I32 = {"i32", "::std::os::raw::c_int", "core::ffi::c_int"}

faults = [f"no function {name}" for name in functions if not re.search(rf"pub fn {name}\(", rust)]
faults += [f"{name} is {values.get(name)}, wanted i32 {value}" for name, value in constants.items()
           if values.get(name, ("", ""))[0] not in I32 or values[name][1] != value]
print("\n".join(faults) or f"bindgen has {len(functions)} functions and {len(constants)} constants")
sys.exit(1 if faults or not functions or not constants else 0)
