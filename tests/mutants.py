#!/usr/bin/env python3
"""Does gmsim find bugs? Each patch of tests/mutations is one, put into a copy of the sources.

    mutants.py [--folder FOLDER | --here BUILD] [--seeds N] [--hours H] [--jobs N] [NAME...]
    mutants.py --check

Builds gmsim in FOLDER (build/mutants) with each patch in turn, lets it run up to N
seeds, by halves with the usual weights and in swarm mode, and prints the seed that found the bug.
With --here no copy is made: these sources are patched and put right again, and BUILD, a folder
that cmake has configured for them, is used. --check only looks whether each patch still fits the
sources. The exit status is 1 if one is not found or does not fit.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("reactor", "sip", "xfrm", "edge", "tools", "cmake", "tests", "fuzz", "bench")
VIOLATION = re.compile(r"^seed (\d+), step (\d+), at (\d+) ms: (.*)", re.M)


def main():
    options = read_options()
    if options.check:
        return check()
    if options.here:
        copy, build = ROOT, pathlib.Path(options.here)
    else:
        copy, build = options.folder / "sources", options.folder / "build"
        copy_sources(copy)
        configure(copy, build)
    patches = sorted((ROOT / "tests/mutations").glob("*.patch"))
    if options.names:
        patches = [patch for patch in patches if patch.stem in options.names]
    missed = []
    for patch in patches:
        apply(copy, patch, reverse=False)
        try:
            compile_gmsim(build, options.jobs)
            found = find(build, options)
        finally:
            apply(copy, patch, reverse=True)
        print(f"{patch.stem}: {found or 'NOT FOUND'}", flush=True)
        if not found:
            missed.append(patch.stem)
    print(f"mutants: {len(patches) - len(missed)} of {len(patches)} found")
    return 1 if missed else 0


def check():
    patches = sorted((ROOT / "tests/mutations").glob("*.patch"))
    unfit = [patch.stem for patch in patches
             if subprocess.run(["patch", "-p1", "--dry-run", "--force", "-i", patch, "-d", ROOT],
                               capture_output=True, check=False).returncode != 0]
    for name in unfit:
        print(f"{name}: does not fit the sources any more")
    print(f"mutants: {len(patches) - len(unfit)} of {len(patches)} patches fit")
    return 1 if unfit else 0


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build/mutants")
    parser.add_argument("--here", metavar="BUILD")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--hours", type=int, default=6)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("names", nargs="*", help="of patches; none: all")
    return parser.parse_args()


def copy_sources(copy):
    """Files that are the same keep their times, so that only what differs is compiled again."""
    for name in FOLDERS:
        for source in (ROOT / name).rglob("*"):
            target = copy / source.relative_to(ROOT)
            if not source.is_file() or "__pycache__" in source.parts:
                continue
            if target.exists() and target.read_bytes() == source.read_bytes():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    for name in ("CMakeLists.txt", "CMakePresets.json"):
        shutil.copyfile(ROOT / name, copy / name)


def configure(copy, build):
    run(["cmake", "-S", copy, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
         "-DCMAKE_CXX_COMPILER=g++", "-DGMEDGE_TESTS=^$", "-DGMEDGE_PARTS=programs"])


def compile_gmsim(build, jobs):
    run(["cmake", "--build", build, "--target", "gmsim", "-j", str(jobs)])


def apply(copy, patch, reverse):
    run(["patch", "-p1", "--no-backup-if-mismatch", "-i", patch, "-d", copy]
        + (["--reverse"] if reverse else []))


def find(build, options):
    """"seed N (swarm), after S s: what does not hold"; or None."""
    begin = time.monotonic()
    for mode in ([], ["--swarm"]):
        result = subprocess.run(
            [build / "gmsim", "--seeds", str(options.seeds // 2), "--hours", str(options.hours),
             "--noshrink", "--trace_lines", "0", *mode], capture_output=True, text=True)
        match = VIOLATION.search(result.stdout)
        seconds = f"{time.monotonic() - begin:.0f} s"
        name = "swarm " if mode else ""
        if match:
            return f"{name}seed {match[1]}, step {match[2]}, {seconds}: {match[4]}"
        if result.returncode < 0 or "Assertion" in result.stderr:
            return f"{name}{seconds}: dies: {result.stderr.strip()[-200:]}"
    return None


def run(command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{result.stdout[-4000:]}{result.stderr[-4000:]}")


if __name__ == "__main__":
    sys.exit(main())
