#!/usr/bin/env python3
"""Checks the house rules of STYLE.md that a compiler does not know.

    tidy.py [FOLDER]    prints one line a finding, "file:line: what"; exit status 1 if there is any

Checked: who may include whom, sizes, the mirror of tests, fuzzers and benches, dead headers, how
a header begins, leftovers, blanks, and the layout by clang-format where it is installed. Each rule
is a function from a tree (path -> text) to findings; tools/tidy_test.py shows each one at work.
"""

import collections
import pathlib
import re
import shutil
import subprocess
import sys

from tidy_exceptions import COVERED_BY, FOREIGN_BENCHES, UNUSED_HEADERS, WIDE_TESTS

Finding = collections.namedtuple("Finding", "path line what")

MODULES = ("reactor", "sip", "xfrm", "edge")
CODE_FOLDERS = MODULES + ("tools", "tests", "fuzz", "bench")

# Functions longer than this are two. Limits of STYLE.md, "Sizes".
FUNCTION_LINES, COLUMNS = 70, 100
HEADER_LINES, SOURCE_LINES, TEST_LINES = 150, 400, 600


def main():
    default = pathlib.Path(__file__).resolve().parent.parent
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    tree = read_tree(root)
    findings = [finding for rule in RULES for finding in rule(tree)]
    findings += clang_format(root, sorted(path for path in tree if is_cpp(path)))
    for finding in sorted(findings):
        print(f"{finding.path}:{finding.line}: {finding.what}")
    if findings:
        print(f"tidy: {len(findings)} findings")
        return 1
    print(f"tidy: {len(tree)} files in order")
    return 0


def read_tree(root):
    """Every text file that is ours to keep tidy: no data, no corpus, no build."""
    skipped = ("build", ".git", "fuzz/corpus", "tests/data", "LICENSE")
    tree = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if any(name == skip or name.startswith(skip + "/") for skip in skipped):
            continue
        if path.is_file() and "__pycache__" not in name:
            tree[name] = path.read_text(encoding="utf-8")
    return tree


# --- Rules ---------------------------------------------------------------------------------------

CPP_STANDARD = r"[a-z_]+"
SYSTEM = (r"(sys|netinet|arpa|net)/\w+\.h|(unistd|fcntl|poll|errno|signal|time|sched|endian)\.h"
          r"|linux/(time_types|errqueue|udp|socket)\.h")
# Folder -> (folders it may include, <headers> it may include).
MAY_INCLUDE = {
    "reactor": (("reactor",), rf"{CPP_STANDARD}|{SYSTEM}|liburing\.h|linux/(netlink|io_uring)\.h"),
    "sip": (("sip",), rf"{CPP_STANDARD}|(emmintrin|immintrin|arm_neon)\.h"),
    "xfrm": (("xfrm",), rf"{CPP_STANDARD}|{SYSTEM}|libmnl/libmnl\.h|linux/(xfrm|netlink|udp)\.h"
                        r"|openssl/\w+\.h"),
    "edge": (MODULES, r".*"),
    "tools": (MODULES + ("tools",), r".*"),
    "tests": (CODE_FOLDERS, r".*"),
    "fuzz": (CODE_FOLDERS, r".*"),
    "bench": (CODE_FOLDERS, r".*"),
}


def includes_point_one_way(tree):
    for path, text in cpp_files(tree):
        folder = path.split("/")[0]
        folders, system = MAY_INCLUDE.get(folder, ((), ""))
        for number, own, foreign in includes(text):
            if own and own.split("/")[0] not in folders:
                yield Finding(path, number, f"{folder}/ may not include \"{own}\"")
            if foreign and not re.fullmatch(system, foreign):
                yield Finding(path, number, f"{folder}/ may not include <{foreign}>")


def includes_exist(tree):
    for path, text in cpp_files(tree):
        for number, own, _ in includes(text):
            if own and own not in tree:
                yield Finding(path, number, f"\"{own}\" is no file, seen from the root")


def files_are_small(tree):
    for path, text in tree.items():
        lines = text.count("\n")
        limit = lines_max(path)
        if limit and lines > limit:
            yield Finding(path, lines, f"{lines} lines, {limit} allowed: it has two nouns")


def lines_max(path):
    if path.endswith(".h"):
        return TEST_LINES if path.startswith("tests/") else HEADER_LINES
    if re.search(r"_test\.(cc|py)$", path):
        return TEST_LINES
    return SOURCE_LINES if is_code(path) else None


def lines_are_short(tree):
    for path, number, line in code_lines(tree):
        if len(line) > COLUMNS:
            yield Finding(path, number, f"{len(line)} columns, {COLUMNS} allowed")


def functions_are_short(tree):
    for path, text in cpp_files(tree):
        for first, last, name in functions(text):
            size = last - first + 1
            if size > FUNCTION_LINES:
                yield Finding(path, first, f"{name} has {size} lines, {FUNCTION_LINES} allowed")


def every_source_has_its_test(tree):
    for path in tree:
        folder, _, name = path.partition("/")
        if folder not in MODULES or not path.endswith(".cc"):
            continue
        test = f"tests/{folder}_{name[:-3]}_test.cc"
        covered = COVERED_BY.get(path)
        if covered and covered[0] not in tree:
            yield Finding(path, 1, f"said to be covered by {covered[0]}, which does not exist")
        elif covered and test in tree:
            yield Finding(path, 1, f"has {test}: take it off the list of exceptions")
        elif not covered and test not in tree:
            yield Finding(path, 1, f"has no test {test}")


def every_test_mirrors_a_file(tree):
    for path in tree:
        match = re.fullmatch(r"tests/([a-z]+)_(\w+)_test\.cc", path)
        if path.startswith("tests/") and path.endswith(".cc") and not match:
            yield Finding(path, 1, "is not named <module>_<file>_test.cc")
        if match and path not in WIDE_TESTS:
            mirrored = f"{match[1]}/{match[2]}"
            if f"{mirrored}.cc" not in tree and f"{mirrored}.h" not in tree:
                yield Finding(path, 1, f"tests neither {mirrored}.h nor {mirrored}.cc")


def exceptions_are_needed(tree):
    for name, exceptions in (("COVERED_BY", COVERED_BY), ("WIDE_TESTS", WIDE_TESTS),
                             ("UNUSED_HEADERS", UNUSED_HEADERS)):
        for path in exceptions:
            if path not in tree:
                yield Finding("tools/tidy.py", 1, f"{name} names {path}, which does not exist")


def fuzzers_and_benches_name_a_module(tree):
    modules = "|".join(MODULES + ("tools",))
    good = rf"fuzz/({modules})_\w+_fuzz\.cc|bench/({modules})_\w+\.cc|fuzz/main\.cc"
    for path in tree:
        if path not in FOREIGN_BENCHES and re.fullmatch(r"(fuzz|bench)/.*\.cc", path) \
                and not re.fullmatch(good, path):
            yield Finding(path, 1, "is not named <module>_<what>: whose code does it try?")


def headers_are_used(tree):
    users = collections.defaultdict(set)
    for path, text in cpp_files(tree):
        for _, own, _ in includes(text):
            users[own].add(path)
    for path in tree:
        if not path.endswith(".h") or path in UNUSED_HEADERS:
            continue
        own = path[:-2] + ".cc"
        product = path.startswith(MODULES + ("tools",))
        others = {user for user in users[path] if user != own
                  and not (product and user.startswith(("tests/", "fuzz/", "bench/")))}
        if not others:
            yield Finding(path, 1, "dead header: nothing but its own source and tests includes it")


def headers_begin_well(tree):
    for path, text in cpp_files(tree):
        if not path.endswith(".h"):
            continue
        lines = text.split("\n")
        if not lines[0].startswith("// "):
            yield Finding(path, 1, "a header begins with what it is, as a comment")
        code = next((line for line in lines if line and not line.startswith("//")), "")
        if code != "#pragma once":
            yield Finding(path, 1, "#pragma once comes before anything else")


def modules_do_not_print(tree):
    for path, number, line in code_lines(tree):
        if path.startswith(("reactor/", "sip/", "xfrm/")) and \
                re.search(r"\bf?printf\(|\bputs\(|std::(cout|cerr|clog)\b", line):
            yield Finding(path, number, "modules return and count, they do not print")


LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(wo" r"rk|ho" r"me|ro" r"ot)/|\.\./sha" r"red/")


def nothing_is_left_over(tree):
    for path, number, line in all_lines(tree):
        if LEFTOVER.search(line):
            yield Finding(path, number, "leftover: " + LEFTOVER.search(line)[0])
        if MACHINE_PATH.search(line):
            yield Finding(path, number, "a path of one machine: " + MACHINE_PATH.search(line)[0])


def blanks_are_plain(tree):
    for path, text in tree.items():
        if text and not text.endswith("\n"):
            yield Finding(path, text.count("\n") + 1, "no newline at the end")
        if text.endswith("\n\n"):
            yield Finding(path, text.count("\n"), "empty lines at the end")
    for path, number, line in all_lines(tree):
        if "\t" in line or "\r" in line:
            yield Finding(path, number, "tab or carriage return")
        if line.rstrip("\r\t") != line.rstrip():
            yield Finding(path, number, "blanks at the end of the line")


RULES = (includes_point_one_way, includes_exist, files_are_small, lines_are_short,
         functions_are_short, every_source_has_its_test, every_test_mirrors_a_file,
         exceptions_are_needed, fuzzers_and_benches_name_a_module, headers_are_used,
         headers_begin_well, modules_do_not_print, nothing_is_left_over, blanks_are_plain)


def clang_format(root, paths):
    """Layout by .clang-format; only with the version it is kept with, as versions differ."""
    program = shutil.which("clang-format-14") or shutil.which("clang-format")
    version = program and subprocess.run([program, "--version"], capture_output=True, text=True)
    if not version or " version 14." not in version.stdout:
        print("tidy: layout not checked, clang-format 14 is not installed")
        return
    run = subprocess.run([program, "--dry-run", *paths], cwd=root, capture_output=True, text=True)
    first = {}
    for match in re.finditer(r"^(.+?):(\d+):\d+: .*\[-Wclang-format", run.stderr, re.M):
        first.setdefault(match[1], int(match[2]))
    for path, line in first.items():
        yield Finding(path, line, "from here on not as clang-format lays it out")


# --- Reading C++ ---------------------------------------------------------------------------------


def is_cpp(path):
    return path.endswith((".h", ".cc")) and path.split("/")[0] in CODE_FOLDERS


def is_code(path):
    return is_cpp(path) or path.endswith((".py", ".sh")) or \
        path in ("tools/test", "tools/quickstart", "bench/sip_ratios", "bench/sip_instructions")


def cpp_files(tree):
    return ((path, text) for path, text in tree.items() if is_cpp(path))


def all_lines(tree):
    for path, text in tree.items():
        for number, line in enumerate(text.split("\n"), 1):
            yield path, number, line


def code_lines(tree):
    return (entry for entry in all_lines(tree) if is_code(entry[0]))


def includes(text):
    """(line, file of ours or None, file of others or None) of each include."""
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', line)
        if match:
            name = match[1] or match[2]
            others = match[2] or ("/" in name and name.split("/")[0] not in CODE_FOLDERS)
            yield (number, None, name) if others else (number, name, None)


NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
                      r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'|^\s*#(?:\\\n|[^\n])*", re.S | re.M)
# What opens a brace without being a function.
SCOPE = re.compile(r"^\s*(inline\s+)?(namespace|class|struct|union|enum|extern\b(?!.*\())")


def functions(text):
    """(first line, last line, name) of each function at namespace or class level."""
    bare = NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    stack = []  # One (first line, name or None, is scope, head) for each open brace.
    head = 0    # Where the text before the next brace begins.
    for match in re.finditer(r"[{};]", bare):
        if match[0] == "{":
            stack.append(describe(bare, head, match.start(), stack) + (head,))
        elif match[0] == "}" and stack:
            first, name, _, head_before = stack.pop()
            if name and bare[match.end():].lstrip()[:1] in (",", "{", ")"):
                head = head_before  # A member's or a default argument's value: the body is to come.
                continue
            if name:
                yield first, bare.count("\n", 0, match.start()) + 1, name
        if match[0] == "{" or not inside_function(stack):
            head = match.end()


def describe(bare, head, brace, stack):
    """What the brace at `brace` opens: (first line, name of the function or None, is scope)."""
    before = re.sub(r"^(\s*(public|private|protected):)+", "", bare[head:brace])
    start = brace - len(before.lstrip())
    first = bare.count("\n", 0, start) + 1
    before = re.sub(r"template\s*<[^{}]*?>\s*(?=[a-z])", "", before)
    if SCOPE.match(before):
        return first, None, True
    name = re.search(r"([\w:~]+|operator\S+)\s*\(", before)
    if inside_function(stack) or not name:
        return first, None, False
    return first, name[1], False


def inside_function(stack):
    return any(not is_scope for _, _, is_scope, _ in stack)


if __name__ == "__main__":
    sys.exit(main())
