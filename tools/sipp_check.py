#!/usr/bin/env python3
"""Calls by sipp through gmedge, none of which may fail.

    sipp_check.py --build DIR [--agreed] [--calls N] [--rate PER-SECOND]

Without --agreed: four runs of N (10,000) standard calls in clear, over UDP and TCP (sipp_clear.py).
With it: N (1,000) phones agree on security associations, call, are called, register again and
leave, against gmcore (sipp_agreed.py).
Needs sipp (Debian: sip-tester). Exit status: 0 all calls went well, 1 not, 77 no sipp.
"""

import argparse
import pathlib
import shutil
import sys
import tempfile
import time

from sipp_agreed import AgreedRun
from sipp_clear import KINDS, ClearRun
from sipp_run import Failed

SKIPPED = 77


def main():
    options = parse_arguments()
    if shutil.which("sipp") is None:
        print("sipp_check: no sipp here (Debian: apt-get install sip-tester)")
        return SKIPPED
    if options.agreed:
        print(f"{options.calls} phones, {options.rate} a second:")
        return check(options, AgreedRun, check_agreed)
    print(f"{options.calls} calls each, {options.rate} a second:")
    return max(check(options, lambda options, folder, of=kind: ClearRun(options, folder, *of[2:]),
                     lambda options, run, of=kind: check_clear(options, run, *of[:2]))
               for kind in KINDS)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, required=True, help="where gmedge is")
    parser.add_argument("--agreed", action="store_true", help="phones that agree on SAs")
    parser.add_argument("--calls", type=int, help="of each kind; default 10,000, --agreed 1,000")
    parser.add_argument("--rate", type=int, help="calls a second; default 500, --agreed 100")
    options = parser.parse_args()
    options.calls = options.calls or (1_000 if options.agreed else 10_000)
    options.rate = options.rate or (100 if options.agreed else 500)
    return options


def check(options, make, examine):
    """0: all went well."""
    with tempfile.TemporaryDirectory(prefix="gmedge-sipp-") as folder:
        run = make(options, pathlib.Path(folder))
        try:
            run.begin()
            examine(options, run)
        except Failed as failure:
            print(f"sipp_check: FAILED: {failure}")
            run.show_logs()
            return 1
        finally:
            run.end()
    return 0


def check_clear(options, run, title, phone_calls):
    tell(options, title, run.calls_from_phone if phone_calls else run.calls_to_phone)


def check_agreed(options, run):
    for title, step in run.steps():
        tell(options, title, step)
    run.check_core()


def tell(options, title, step):
    started = time.monotonic()
    ok, failed = step()
    seconds = time.monotonic() - started
    print(f"  {title:36} {ok:6} ok  {failed:3} failed  {seconds:5.1f} s", flush=True)
    if (ok, failed) != (options.calls, 0):
        raise Failed("not all calls went well")


if __name__ == "__main__":
    sys.exit(main())
