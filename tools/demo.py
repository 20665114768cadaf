#!/usr/bin/env python3
"""Core, gmedge and phones: the phones register, and a table says how it went.

    demo.py --build DIR --esp kernel|sim [--phones N]

kernel: real ESP, in network namespaces that it makes (tools/netns.py says what that needs).
sim: gmedge --xfrm=sim on 127.0.0.0/8, no rights needed. Called by tools/quickstart.
"""

import argparse
import json
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import time

import netns

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    options = parse_arguments()
    parent = "/run" if IN_LAB else None
    with tempfile.TemporaryDirectory(prefix="gmedge-demo-", dir=parent) as scratch:
        demo = Demo(options, pathlib.Path(scratch))
        try:
            demo.run()
        except Failed as failure:
            print(f"quickstart: FAILED: {failure}")
            for log in sorted(demo.scratch.glob("*.log")):
                print(f"--- end of {log.name}", *log.read_text().split("\n")[-20:], sep="\n")
            return 1
        finally:
            demo.end()
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, required=True, help="where gmedge is")
    parser.add_argument("--esp", choices=("kernel", "sim"), required=True)
    parser.add_argument("--phones", type=int, default=100)
    return parser.parse_args()


# Inside the kernel lab (tests/lab/lab.py) nothing but /run can be written to.
IN_LAB = pathlib.Path("/run/out/command").exists()


class Failed(Exception):
    pass


class Host:
    """This machine as it is, in place of a namespace."""

    start = staticmethod(lambda *command, **options: subprocess.Popen(command, **options))


# Who listens where, and the settings file in these words.
REAL = {"gm": "198.18.0.1:5060", "core": "203.0.113.2:5060", "phones": "198.19.0.1"}
SIMULATED = {"gm": "127.0.10.1:25060", "core": "127.0.10.2:25080", "phones": "127.1.0.1"}
SIMULATED_SETTINGS = """
[ipsec]
socket = ["ipsec:127.0.10.1:25062", "ipsec:127.0.10.1:25064"]
[gm]
listen = ["127.0.10.1:25060"]
[core]
listen = "127.0.10.1:25080"
next_hop = "127.0.10.2:25080"
"""


class Demo:
    def __init__(self, options, scratch):
        self.options = options
        self.scratch = scratch
        self.real = options.esp == "kernel"
        self.where = REAL if self.real else SIMULATED
        self.network = netns.Network() if self.real else None
        self.processes = []

    def run(self):
        count = self.options.phones
        core = self.start("core", "gmcore", f"--listen={self.where['core']}",
                          f"--subscribers={count}")
        self.wait_for("gmcore", ": ready on ", core)
        edge = self.start("edge", "gmedge", f"--config={self.settings()}",
                          f"--xfrm={self.options.esp}")
        self.wait_for("gmedge", " ready: ", edge)
        print(f"==> {count} phones register through gmedge", flush=True)
        # They stay registered until told to end, so that the kernel can be looked at.
        phones = self.start(
            "phones", "gmue", f"--pcscf={self.where['gm']}", f"--address={self.where['phones']}",
            f"--phones={count}", "--unprotected-port=26060", "--in-flight=8", "--json",
            f"--security={'kernel' if self.real else 'none'}",
            "--scenario=register,hold,deregister", "--hold-seconds=600", "--progress")
        self.wait_until_registered(phones)
        installed = self.network.edge.states() if self.real else None
        phones.terminate()
        phones.wait(60)
        self.stop(edge, core)
        self.show(json.loads(self.log("gmue").strip().split("\n")[-1]), installed)

    def settings(self):
        if self.real:
            return ROOT / "tools/quickstart.toml"
        file = self.scratch / "gmedge.toml"
        file.write_text(SIMULATED_SETTINGS)
        return file

    def start(self, space, program, *arguments):
        space = getattr(self.network, space) if self.real else Host
        with open(self.scratch / f"{program}.log", "w") as log:
            process = space.start(str(self.options.build / program), *arguments, stdout=log,
                                  stderr=log, stdin=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def log(self, program):
        return (self.scratch / f"{program}.log").read_text()

    def wait_for(self, program, word, process):
        for _ in range(200):
            if word in self.log(program):
                return
            if process.poll() is not None:
                raise Failed(f"{program} ended at once")
            time.sleep(0.05)
        raise Failed(f"{program} did not say \"{word}\" in 10 s")

    def wait_until_registered(self, phones):
        """Until every phone is, or failed; or nothing has changed for 40 s, gmue's own patience."""
        before, since = (0, 0), time.monotonic()
        while sum(before) < self.options.phones and phones.poll() is None:
            told = re.findall(r"(\d+) registered, .* (\d+) failed", self.log("gmue")) or [(0, 0)]
            now = int(told[-1][0]), int(told[-1][1])
            if now != before:
                before, since = now, time.monotonic()
                print(f"    {now[0]} registered, {now[1]} failed", flush=True)
            if time.monotonic() - since > 40:
                return
            time.sleep(0.1)

    def stop(self, *processes):
        for process in processes:
            process.terminate()
            process.wait(30)

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()

    def show(self, report, installed):
        sets = int(re.search(r"sets_installed=(\d+)", self.log("gmedge") + "sets_installed=0")[1])
        sas = 4 * sets if installed is None else len(installed)
        algorithm = ", ".join(name.replace("=", " + ") for name in report["algorithms"]) or "none"
        registration = report["steps"].get("register", {"median_ms": 0, "p99_ms": 0})
        esp = f"Linux {platform.release()}" if self.real else "nobody: IPsec is simulated"
        if self.real and IN_LAB:
            esp += ", User-Mode Linux (right for behaviour, slow)"
        rows = (("phones registered", f"{report['registered']} of {self.options.phones}"),
                ("SAs installed", f"{sas} {'in the kernel' if self.real else 'pretended'}"),
                ("algorithm", f"{algorithm} (integrity + encryption)"),
                ("registration, median", f"{registration['median_ms']:.1f} ms"),
                ("registration, p99", f"{registration['p99_ms']:.1f} ms"),
                ("ESP done by", esp))
        print()
        for name, value in rows:
            print(f"  {name:<24}{value}")
        print()
        if not report["ok"] or sas != 4 * self.options.phones:
            raise Failed(f"phones: {report['failures'] or 'all well'}; {sas} SAs")
        print(f"quickstart: {self.options.phones} phones registered through gmedge over "
              f"{'real ESP' if self.real else 'simulated IPsec (no ESP)'}.")


if __name__ == "__main__":
    sys.exit(main())
