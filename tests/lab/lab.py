#!/usr/bin/env python3
"""Runs a program on a Linux kernel that has ESP: User-Mode Linux, booted as an ordinary process.

    lab.py [--timeout SECONDS] [--memory MIB] PROGRAM [ARGUMENT...]

The program sees this machine's files read-only, is root there, and may make namespaces, security
associations and policies; nothing outside changes. It may leave files in /run/out, which is the
directory named by --out. Exit status: the program's; 77 where the guest cannot run at all (no
linux.uml, or a host that does not let it trace its own processes), with the reason as a line that
starts with "SKIPPED"; 124 when time ran out.
"""

import argparse
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED, TIMED_OUT, NO_STATUS = 77, 124, 125
MARK = "lab: guest is up"  # What comes before it is the boot, of interest only after a failure.
FAREWELL = ("sysrq: Power Off", "reboot: Power down")


def main():
    options = parse_arguments()
    reason = missing()
    if reason:
        print(f"SKIPPED: {reason}")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="gmedge-lab-", dir="/tmp") as scratch:
        out = pathlib.Path(options.out or scratch, "")
        out.mkdir(parents=True, exist_ok=True)
        return run(options, out, pathlib.Path(scratch))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--timeout", type=float, default=120, help="seconds until it is killed")
    parser.add_argument("--memory", type=int, default=512, help="the guest's memory in MiB")
    parser.add_argument("--out", help="directory seen as /run/out inside; default: a passing one")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="program and its arguments")
    options = parser.parse_args()
    if not options.command:
        parser.error("name the program to run")
    return options


def missing():
    """What keeps the guest from running on this machine, or None."""
    if not shutil.which("linux.uml"):
        return "linux.uml is not installed (Debian package user-mode-linux)"
    if not any(pathlib.Path("/usr/lib/uml/modules").glob("*/modules.dep")):
        return "no modules for User-Mode Linux in /usr/lib/uml/modules"
    return None


def run(options, out, scratch):
    write_guest_files(options.command, out)
    # A fresh process group, killed as a whole: the guest's processes are processes of this host.
    guest = subprocess.Popen(guest_command(options, out, scratch), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             start_new_session=True,
                             env={**os.environ, "TMPDIR": memory_directory(options, scratch)})
    watchdog = start_watchdog(guest, scratch)
    expired = threading.Event()
    timer = threading.Timer(options.timeout, lambda: (expired.set(), kill(guest)))
    timer.start()
    try:
        boot_log = relay(guest.stdout)
        guest.wait()
    finally:
        timer.cancel()
        kill(guest)
        watchdog.communicate(b"over\n")
    return verdict(options, out, boot_log, expired.is_set())


def write_guest_files(command, out):
    shutil.copy(HERE / "init.sh", out / "init")
    (out / "init").chmod(0o755)
    (out / "status").unlink(missing_ok=True)
    lines = [f"cd {shlex.quote(os.getcwd())}", f"echo '{MARK}'", shlex.join(command)]
    (out / "command").write_text("\n".join(lines) + "\n")


def guest_command(options, out, scratch):
    return ["linux.uml", f"mem={options.memory}M", "root=/dev/root", "rootfstype=hostfs",
            "rootflags=/", "ro", f"init={out}/init", f"LAB_OUT={out}", f"uml_dir={scratch}/",
            "con=null", "con0=fd:0,fd:1", "quiet", "panic=-1",
            "cryptomgr.notests"]  # They take seconds here, at the first SA of each algorithm.


def memory_directory(options, scratch):
    """Where the file behind the guest's memory goes: RAM if it has room and may be executed."""
    shm = os.statvfs("/dev/shm") if os.path.isdir("/dev/shm") else None
    if shm and not shm.f_flag & os.ST_NOEXEC and os.access("/dev/shm", os.W_OK):
        if shm.f_bavail * shm.f_frsize > 2 * options.memory << 20:
            return "/dev/shm"
    return str(scratch)


def relay(stream):
    """Passes the guest's output on as it comes; returns what came before the program started."""
    boot_log = []
    started = False
    for raw in stream:
        line = raw.decode(errors="replace").rstrip("\r\n")
        if not started and line == MARK:
            started = True
        elif started and line not in FAREWELL:
            print(line.removesuffix(FAREWELL[0]), flush=True)
        elif not started:
            boot_log.append(line)
    return boot_log


def verdict(options, out, boot_log, expired):
    status = out / "status"
    if expired:
        print(f"lab: killed after {options.timeout:.0f} s")
    elif status.exists() and status.read_text().strip():
        return int(status.read_text())
    print("lab: the guest ended without a verdict; its boot said:", *boot_log, sep="\n  ")
    if not expired and any("ptrace" in line for line in boot_log):
        print("SKIPPED: this host does not let User-Mode Linux trace its own processes")
        return SKIPPED
    return TIMED_OUT if expired else NO_STATUS


def kill(guest):
    try:
        os.killpg(guest.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def start_watchdog(guest, scratch):
    """Kills the guest and cleans up should this program itself be killed: its pipe ends then."""
    script = 'read word || { kill -KILL "-$1"; rm -rf "$2"; }'
    return subprocess.Popen(["sh", "-c", script, "sh", str(guest.pid), str(scratch)],
                            stdin=subprocess.PIPE, start_new_session=True)


if __name__ == "__main__":
    sys.exit(main())
