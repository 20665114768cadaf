"""gmedge with sipp around it: programs in a folder of their own, on ports of their own."""

import os
import pathlib
import re
import resource
import socket
import subprocess
import time

SCENARIOS = pathlib.Path(__file__).resolve().parent.parent / "tests/sipp"
HOST = "127.0.0.1"


class Failed(Exception):
    pass


class Run:
    """Programs that are started here end with it."""

    def __init__(self, build, folder, rate):
        self.build, self.folder, self.rate = build.resolve(), folder, rate
        self.started = []

    def start_edge(self, settings, gm):
        path = self.folder / "gmedge.toml"
        path.write_text(settings)
        self.start("gmedge", [self.build / "gmedge", "--config", path, "--xfrm=sim"])
        self.await_listener(gm)

    def call(self, name, transport, port, *arguments, calls):
        """Runs a sipp to its end; how many calls went well, and how many failed."""
        process = self.start_calls(name, transport, port, *arguments, calls=calls)
        return self.finish_calls(name, process)

    def start_calls(self, name, transport, port, *arguments, calls):
        return self.start_sipp(name, transport, port, *arguments, "-m", calls, "-r", self.rate,
                               "-l", 2 * self.rate, "-timeout_error", "-timeout",
                               60 + 4 * calls // self.rate)

    def finish_calls(self, name, process):
        status = process.wait()
        shown = (self.folder / f"{name}.log").read_text()
        ok = re.findall(r"Successful call +\| +\d+ +\| +(\d+)", shown)
        failed = re.findall(r"Failed call +\| +\d+ +\| +(\d+)", shown)
        if not ok or not failed or (status != 0 and failed[-1] == "0"):
            raise Failed(f"sipp {name} ended with status {status}")
        return int(ok[-1]), int(failed[-1])

    def start_sipp(self, name, transport, port, *arguments):
        return self.start(name, ["sipp", *arguments, "-t", transport, "-i", HOST, "-p", port,
                                 "-nostdin", "-trace_err", "-error_file",
                                 self.folder / f"{name}.errors.log", "-buff_size", 4 << 20])

    def start(self, name, command):
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL, cwd=self.folder,
                                       env={**os.environ, "TERM": "dumb"})
        self.started.append(process)
        return process

    def await_listener(self, port, udp=False, host=HOST):
        """Until the kernel has a socket there."""
        table = "/proc/net/udp" if udp else "/proc/net/tcp"
        address = socket.inet_aton(host)[::-1].hex().upper()
        wanted = re.compile(f": ({address}|00000000):{port:04X} 0+:0000 {'07' if udp else '0A'} ")
        for _ in range(200):
            if wanted.search(pathlib.Path(table).read_text()):
                return
            time.sleep(0.05)
        raise Failed(f"nobody listens at {host}:{port}")

    def end(self):
        for process in reversed(self.started):
            stop(process)

    def show_logs(self):
        for log in sorted(self.folder.glob("*.log")):
            print(f"--- end of {log.name}", *log.read_text().split("\n")[-40:], sep="\n")


def stop(process):
    process.terminate()
    try:
        return process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def allow_sockets(count):
    """One for each of that many phones, and some."""
    wanted = count + 256
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise Failed(f"{wanted} open files are needed, {hard} allowed (ulimit -n)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def free_ports(count):
    """Ports that nobody has, UDP and TCP, and that the kernel gives to nobody meanwhile. The tests
    have others, below 30,000 (tests/free_ports.h)."""
    found = []
    candidate = 30_000 + os.getpid() % 100 * 25
    while len(found) < count:
        candidate += 1
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, \
                socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            try:
                udp.bind((HOST, candidate))
                tcp.bind((HOST, candidate))
            except OSError:
                continue
        found.append(candidate)
    return found
