#!/usr/bin/env python3
"""Runs the benchmark in interleaved rounds, beside other systems, and prints medians and ratios: a line of
JSON a result, then a table.

    run.py BENCH [--work W1,...,W6] [--threads 1,2] [--rounds N] [--quick] [--peers DIR] [--json FILE]

BENCH is the program built from bench.c. --peers DIR runs every DIR/*_peer.py that knows the work as
`PEER WORK --threads T`; a peer prints a line of JSON like ours. Where DIR has gemm_floor.c, its measure of the
FMA peak checks ours. One thread is pinned to a core, ours and the peers'; more are bound by OpenMP.
OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE are taken out of everybody's environment, since a value meant for another
machine halves OpenBLAS' speed. --quick: one round of so many steps that all of it takes about a minute. Data:
$AE_DATA/mnist, else digits drawn here."""
import argparse
import glob
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile

HOLDS_BACK = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
# What brings PyTorch to its best: threads bound, and an OpenBLAS that shares its thread pool.
PEER_OPTIONS = {"torch_peer.py": ["--blas", "openmp"]}
WORK_OPTIONS = {"W4": ["--channels-last", "--max-steps", "100"], "W5": ["--max-steps", "20"]}
PEER_WORKS = {"torch_peer.py": {"W1", "W2", "W3", "W4", "W5", "W6"}, "numpy_peer.py": {"W1", "W2"}}
EPOCHS = {"W1": 8, "W2": 2, "W3": 4, "W5": 5}  # of W5: until its code is rare, and beyond
QUICK_STEPS = {"W1": 200, "W2": 40, "W3": 60, "W4": 20, "W5": 6}
ENCODED = ("W1", "W2")  # models of W6 that peers know
TIMES = {"epoch_s": False, "b1_med_us": False, "b1_p99_us": False, "b256_rows_s": True, "b10000_rows_s": True}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bench")
    parser.add_argument("--work", default="W1,W2,W3,W4,W5,W6", type=lambda s: s.split(","))
    parser.add_argument("--threads", default="1,2", type=lambda s: [int(t) for t in s.split(",")])
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--quick", action="store_true", help="one round of few steps")
    parser.add_argument("--peers", metavar="DIR")
    parser.add_argument("--json", metavar="FILE", help="append the lines of JSON to this file")
    return parser.parse_args()


def environment(threads):
    env = {k: v for k, v in os.environ.items() if k not in HOLDS_BACK}
    env.update(OMP_PROC_BIND="true", OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads))
    return env


def measure(command, threads):
    """The lines of JSON that a command prints; none where it fails, said on stderr."""
    pin = ["taskset", "-c", "0"] if threads == 1 else []
    done = subprocess.run(pin + command, env=environment(threads), capture_output=True, text=True)
    if done.returncode:
        print(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def our_command(args, work, threads):
    command = [args.bench, work, "--threads", str(threads)]
    if work != "W6":
        command += ["--epochs", "1" if args.quick else str(EPOCHS.get(work, 1))]
        command += ["--steps", str(QUICK_STEPS[work])] if args.quick else []
    if os.environ.get("AE_DATA"):
        command += ["--data", os.path.join(os.environ["AE_DATA"], "mnist")]
    return command


def peer_commands(args, work, threads):
    for peer in sorted(glob.glob(os.path.join(args.peers, "*_peer.py"))) if args.peers else []:
        name = os.path.basename(peer)
        if work in PEER_WORKS.get(name, {work}):
            command = ["/usr/bin/python3", peer, work, "--threads", str(threads)] + PEER_OPTIONS.get(name, [])
            if work == "W6":
                yield from (command + ["--model", model] for model in ENCODED)
            elif args.quick:
                yield command + ["--epochs", "2", "--max-steps", str(QUICK_STEPS[work])]
            else:
                yield command + WORK_OPTIONS.get(work, [])


def flat(line):
    """A peer's line of W6 has figures of several ways to run: the best of each, under our names."""
    ways = [value for value in line.values() if isinstance(value, dict)] if line["work"] == "W6" else []
    for key, rate in TIMES.items() if ways else ():
        values = [way[name] for way in ways for name in (key, key.replace("rows_s", "img_s")) if name in way]
        line[key] = (max if rate else min)(values, default=None)
    return {key: value for key, value in line.items() if value is not None and not isinstance(value, dict)}


def floor_peak(folder, threads):
    """GFLOP/s that gemm_floor.c measures, or None."""
    source = os.path.join(folder or "", "gemm_floor.c")
    if not folder or not os.path.exists(source) or platform.machine() != "x86_64":
        return None
    with tempfile.TemporaryDirectory() as scratch:
        program = os.path.join(scratch, "gemm_floor")
        done = subprocess.run(["cc", "-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math", "-std=gnu11", "-w",
                               source, "-o", program, "-ldl", "-lpthread", "-lm"])
        lines = [] if done.returncode else measure([program, "fma", str(threads)], threads)
    return next((value for line in lines for key, value in line.items() if "gflop" in key.lower()), None)


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line),
                 platform.machine())
    held = [f"{k}={os.environ[k]}" for k in HOLDS_BACK if k in os.environ]
    print(f"{model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; one thread pinned to core 0; "
          f"{'taken out of the environment: ' + ' '.join(held) if held else 'no variable holds a BLAS back'}")


def systems(results, args):
    """Who took part, and whether our peak is the machine's."""
    ours = [r for r in results if r["peer"].startswith("libae") and "fma_gflops" in r]
    if ours:
        print(f"{ours[0]['peer']}: kernels {ours[0]['kernels']}, built-in products")
    for peer, blas in sorted({(r["peer"], r.get("blas", "")) for r in results} - {(r["peer"], "") for r in ours}):
        print(f"{peer}{', BLAS ' + blas if blas else ''}")
    for threads in args.threads:
        peak, floor = median([r for r in ours if r["threads"] == threads], "fma_gflops"), floor_peak(args.peers, threads)
        if peak:
            print(f"FMA peak, {threads} threads: {peak:.0f} GFLOP/s" +
                  (f"; gemm_floor measures {floor:.0f}, {peak / floor:.2f} of it" if floor else ""))


def median(results, key):
    values = [r[key] for r in results if key in r]
    return statistics.median(values) if values else None


def medians(results):
    """One line for each system, work and threads, over the rounds; ours with its ratios to the others."""
    groups = {}
    for r in results:
        groups.setdefault((r["work"], r.get("model", ""), r["threads"], r["peer"]), []).append(r)
    for (work, model, threads, peer), rs in sorted(groups.items()):
        line = {"work": work, "model": model, "threads": threads, "peer": peer, "rounds": len(rs)}
        for key in (*TIMES, "gflops", "fma_fraction", "density"):
            if median(rs, key) is not None:
                line[key] = round(median(rs, key), 5)
        for other, others in groups.items() if peer.startswith("libae") else ():
            if other[:3] == (work.removesuffix(" late"), model, threads) and not other[3].startswith("libae"):
                for key, rate in TIMES.items():
                    if key in line and median(others, key):
                        ratio = median(others, key) / line[key]
                        name = "ratio_" + other[3].split("-")[0] + ("" if key == "epoch_s" else "_" + key.split("_")[0])
                        name += "_p99" if "p99" in key else ""
                        line[name] = round(1 / ratio if rate else ratio, 2)
        yield {key: value for key, value in line.items() if value != ""}


def table(lines):
    print(f"\n{'work':8} {'threads':>7}  {'system':16} {'epoch s':>9} {'of peak':>7} {'density':>7}  times as fast as")
    for line in lines:
        ratios = [f"{key[6:]} {value}" for key, value in line.items() if key.startswith("ratio_")]
        work = line["work"] if "epoch_s" in line else f"{line['work']} {line.get('model', '')}"
        cells = [f"{line[key]:{form}}" if key in line else "" for key, form in
                 (("epoch_s", ".4f"), ("fma_fraction", ".0%"), ("density", ".2f"))]
        if "b1_med_us" in line:
            cells = [f"{line['b1_med_us']:.2f} us", f"{line['b256_rows_s'] / 1e3:.0f}k", f"{line['b10000_rows_s'] / 1e3:.0f}k"]
        print(f"{work:8} {line['threads']:7}  {line['peer'][:16]:16} {cells[0]:>9} {cells[1]:>7} {cells[2]:>7}  {', '.join(ratios)}")


def main():
    args = arguments()
    machine()
    results = []
    for _ in range(1 if args.quick else args.rounds):
        for work in args.work:
            for threads in args.threads:
                for command in [our_command(args, work, threads), *peer_commands(args, work, threads)]:
                    results += map(flat, measure(command, threads))
    systems(results, args)
    lines = list(medians(results))
    text = "".join(json.dumps(line) + "\n" for line in lines)
    print(text, end="")
    if args.json:
        with open(args.json, "a") as out:
            out.write(text)
    table(lines)


if __name__ == "__main__":
    main()
