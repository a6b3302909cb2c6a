#!/usr/bin/env python3
"""summary.py BUILD...: counts the tests that `meson test` ran last in each build folder, every function
of a cmocka program or of a unittest as one; names those that failed or were skipped.

Exit code 1: some failed. 2: some were skipped, other than for want of AE_DATA."""
import json
import os
import pathlib
import re
import sys

OUTCOMES = {  # how the programs say so, a line a test
    "passed": re.compile(r"^\[ +OK \] (\w+)|^(\w+) \(.*\.\.\. ok$", re.M),
    "failed": re.compile(r"^\[ +FAILED +\] (\w+)$|^(\w+) \(.*\.\.\. (?:FAIL|ERROR)$", re.M),
    "skipped": re.compile(r"^\[ +SKIPPED +\] (\w+)$|^(\w+) \(.*\.\.\. skipped", re.M),
}
RESULTS = {"OK": "passed", "SKIP": "skipped"}  # of a test as a whole; anything else has failed


def outcomes(test):
    """{outcome: names} of what one test of meson's held."""
    text = test.get("stdout", "") + "\n" + test.get("stderr", "")
    parts = {outcome: {one or two for one, two in pattern.findall(text)} for outcome, pattern in OUTCOMES.items()}
    whole = RESULTS.get(test["result"], "failed")
    if not any(parts.values()) or (whole == "failed" and not parts["failed"]):
        parts[whole].add("")
    return parts


def why(test):
    lines = [line for line in test.get("stdout", "").splitlines() if "skip" in line.lower()]
    return lines[0].strip() if lines else ""


def tests_of(build):
    log = build / "meson-logs" / "testlog.json"
    if not log.exists():
        return [{"name": "does not build, or ran no test", "result": "ERROR"}]
    return [json.loads(line) for line in log.read_text().splitlines()]


counts = dict.fromkeys(OUTCOMES, 0)
unwanted = 0
for build in map(pathlib.Path, sys.argv[1:]):
    for test in tests_of(build):
        for outcome, names in outcomes(test).items():
            counts[outcome] += len(names)
            if outcome != "passed":
                for name in sorted(names):
                    print(f"{outcome}: {build.name}: {test['name']} {name} {why(test) if not name else ''}".rstrip())
            if outcome == "skipped" and names:
                unwanted += bool(os.environ.get("AE_DATA")) or "AE_DATA" not in test.get("stdout", "")
if counts["skipped"]:
    print(f"{counts['skipped']} skipped")
print(f"{counts['passed']} passed, {counts['failed']} failed")
sys.exit(1 if counts["failed"] else 2 if unwanted else 0)
