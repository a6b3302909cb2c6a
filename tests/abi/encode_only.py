#!/usr/bin/env python3
"""encode_only.py LIBRARY MESON ROOT CC...: a program that only encodes, linked to a libae.a which is built
for that alone, is small, and gives what libae.so gives. The time is printed."""
import ctypes
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

SIZE_LIMIT = 60_000  # bytes of code and data
MEMORY_LIMIT = 2048  # KiB, with libc; libm is not needed
STARTS = 20
library, meson, root, *cc = sys.argv[1:]
sys.path.insert(0, str(pathlib.Path(root, "tests", "reader")))
import libae  # noqa: E402


def level():
    """The instruction set to build for."""
    if platform.machine() == "aarch64":
        return "neon"
    info = pathlib.Path("/proc/cpuinfo").read_text()
    return "avx2" if " avx2 " in info and " fma " in info else "portable"


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def build(folder):
    for name in "CC", "CFLAGS", "LDFLAGS", "MALLOC_PERTURB_":  # meson's: writes to all that is allocated
        os.environ.pop(name, None)
    os.environ["CC"] = " ".join(cc)
    if platform.machine() == "x86_64":  # a distribution's hardening, where its compiler adds it, is not ours
        os.environ["CFLAGS"] = "-fcf-protection=none -fno-stack-protector"
    run(meson, "setup", folder, root, "--buildtype=minsize", "-Db_ndebug=true", "-Dtraining=false", "-Dparts=",
        f"-Dcpu={level()}", "-Dtests=false", "-Dexamples=false")
    run("ninja", "-C", folder, "lib/libae.a")
    program = folder / "encode"
    run(*cc, "-Os", "-s", "-no-pie", "-Wl,--gc-sections", "-Wl,-z,noseparate-code", f"-I{root}/include",
        f"{root}/tests/abi/encode.c", folder / "lib/libae.a", "-lpthread", "-o", program)
    return program


def save_model(path):
    """784-32-784; returns what libae.so makes of the program's row."""
    config, model = ctypes.c_void_p(), ctypes.c_void_p()
    row, code = (ctypes.c_float * 784)(*[i % 16 / 16 for i in range(784)]), (ctypes.c_float * 32)()
    ae = libae.cdll
    ae.ae_config_create(ctypes.byref(config))
    ae.ae_preset_vanilla(config, ctypes.c_int64(784), ctypes.c_int64(32), libae.constant("AE_LOSS_BCE"))
    ae.ae_model_create(ctypes.byref(model), config)
    ae.ae_model_save(model, os.fsencode(path))
    ae.ae_encode(model, row, ctypes.c_int64(1), code, ctypes.c_size_t(32))
    ae.ae_model_free(model)
    ae.ae_config_free(config)
    return list(code)


libae.load(library)
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    wanted = save_model(folder / "model.aem")
    program = build(folder / "build")
    text, data = map(int, run("size", program).splitlines()[1].split()[:2])
    size = text + data
    results = [run(program, folder / "model.aem").split() for _ in range(STARTS)]
code = list(map(float, results[0][:32]))
microseconds = min(int(result[32]) for result in results)
memory = min(int(result[33]) for result in results)
faults = []
if size >= SIZE_LIMIT:
    faults.append(f"{size} bytes, the limit is {SIZE_LIMIT}")
if not 0 < memory < MEMORY_LIMIT:
    faults.append(f"{memory} KiB resident, the limit is {MEMORY_LIMIT}")
if not any(code) or not all(abs(a - b) <= 1e-5 for a, b in zip(code, wanted)):
    faults.append(f"encodes as {code}, wanted {wanted}")
print("\n".join(faults) or f"{level()}: {size} bytes, {memory} KiB resident, load and first row {microseconds} us")
sys.exit(1 if faults else 0)
