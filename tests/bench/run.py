#!/usr/bin/env python3
"""Runs the benchmark in interleaved rounds, beside other systems, and prints medians and ratios.

    run.py BENCH [--work W1,W2,W3,W5,W6] [--threads 1,2] [--rounds N] [--quick] [--peers DIR] [--json FILE]

BENCH is the program built from bench.c. --peers DIR runs every DIR/*_peer.py that knows the work as
`PEER WORK --threads T`; a peer prints a line of JSON like ours. One thread is pinned to a core, ours and
the peers'. OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE are taken out of everybody's environment, since a value
meant for another machine halves OpenBLAS' speed. Data: $AE_DATA/mnist, else digits drawn here.
"""
import argparse
import glob
import json
import os
import platform
import statistics
import subprocess
import sys

HOLDS_BACK = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
# What brings PyTorch to its best: threads bound, and an OpenBLAS that shares its thread pool.
PEER_OPTIONS = {"torch_peer.py": ["--blas", "openmp"]}
PEER_WORKS = {"torch_peer.py": {"W1", "W2", "W3", "W5"}, "numpy_peer.py": {"W1", "W2"}}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bench")
    parser.add_argument("--work", default="W1,W2,W3,W5,W6", type=lambda s: s.split(","))
    parser.add_argument("--threads", default="1,2", type=lambda s: [int(t) for t in s.split(",")])
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--quick", action="store_true", help="one round, few epochs")
    parser.add_argument("--peers", metavar="DIR")
    parser.add_argument("--json", metavar="FILE", help="append the lines of JSON to this file")
    return parser.parse_args()


def environment(threads):
    env = {k: v for k, v in os.environ.items() if k not in HOLDS_BACK}
    env.update(OMP_PROC_BIND="true", OMP_NUM_THREADS=str(threads))
    return env


def measure(command, threads):
    """The lines of JSON that a command prints; none where it fails, said on stderr."""
    pin = ["taskset", "-c", "0"] if threads == 1 else []
    done = subprocess.run(pin + command, env=environment(threads), capture_output=True, text=True)
    if done.returncode:
        print(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def commands(args, work, threads):
    epochs = {"W1": 8, "W2": 2, "W3": 4}.get(work, 1) if not args.quick else {"W1": 2}.get(work, 1)
    ours = [args.bench, work, "--threads", str(threads), "--epochs", str(epochs)]
    if os.environ.get("AE_DATA"):
        ours += ["--data", os.path.join(os.environ["AE_DATA"], "mnist")]
    yield ours
    for peer in sorted(glob.glob(os.path.join(args.peers, "*_peer.py"))) if args.peers else []:
        name = os.path.basename(peer)
        if work in PEER_WORKS.get(name, {work}) and work != "W6":
            steps = ["--max-steps", "20"] if work == "W5" else []
            yield ["/usr/bin/python3", peer, work, "--threads", str(threads)] + steps + PEER_OPTIONS.get(name, [])


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line),
                 platform.machine())
    held = [f"{k}={os.environ[k]}" for k in HOLDS_BACK if k in os.environ]
    print(f"{model}, {os.cpu_count()} cores; one thread pinned to core 0; "
          f"{'taken out of the environment: ' + ' '.join(held) if held else 'no variable holds a BLAS back'}")


def median(results, key):
    values = [r[key] for r in results if key in r]
    return statistics.median(values) if values else None


def report(results, out):
    """One row for each system, work and threads: the medians over the rounds."""
    groups = {}
    for r in results:
        groups.setdefault((r["work"], r.get("model", ""), r["threads"], r["peer"]), []).append(r)
    for (work, model, threads, peer), rs in sorted(groups.items()):
        line = {"work": work, "threads": threads, "peer": peer, "rounds": len(rs)}
        if model:
            line["model"] = model
        for key in ("epoch_s", "gflops", "fma_fraction", "b1_med_us", "b1_p99_us", "b256_rows_s", "b10000_rows_s"):
            if median(rs, key) is not None:
                line[key] = round(median(rs, key), 5)
        for other, others in groups.items():
            if peer.startswith("libae") and other[:3] == (work, model, threads) and other[3] != peer:
                ratio = median(others, "epoch_s") / median(rs, "epoch_s")
                line["ratio_" + other[3].split("-")[0]] = round(ratio, 2)
        print(json.dumps(line))
        if out:
            out.write(json.dumps(line) + "\n")


def main():
    args = arguments()
    machine()
    results = []
    for _ in range(1 if args.quick else args.rounds):
        for work in args.work:
            for threads in args.threads:
                for command in commands(args, work, threads):
                    results += measure(command, threads)
    with open(args.json, "a") if args.json else open(os.devnull, "w") as out:
        report(results, out)


if __name__ == "__main__":
    main()
