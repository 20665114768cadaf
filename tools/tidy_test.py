#!/usr/bin/env python3
"""Each rule of tidy.py finds its bad example, and nothing in a good tree."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tidy

HEADER = "// What it is.\n#pragma once\n\n"
GOOD = {
    "sip/via.h": HEADER + "#include <string_view>\n\nnamespace sip {\nint F();\n}\n",
    "sip/via.cc": '#include "sip/via.h"\n\nnamespace sip {\nint F() {\n  return 1;\n}\n}\n',
    "edge/worker.h": HEADER + '#include "sip/via.h"\n',
    "edge/worker.cc": '#include "edge/worker.h"\n\n#include <absl/status/status.h>\n',
    "tools/gmedge.cc": '#include "edge/worker.h"\n\nint main() {}\n',
    "tests/sip_via_test.cc": '#include "sip/via.h"\n',
    "tests/edge_worker_test.cc": '#include "edge/worker.h"\n',
    "fuzz/sip_via_fuzz.cc": '#include "sip/via.h"\n',
    "fuzz/main.cc": "int main() {}\n",
    "bench/sip_via_bench.cc": '#include "sip/via.h"\n',
}


def found(changes, rule):
    """What the rule says of the good tree with some files changed; None removes one."""
    tree = {path: text for path, text in {**GOOD, **changes}.items() if text is not None}
    return [f"{finding.path}:{finding.line}: {finding.what}" for finding in rule(tree)]


class TidyTest(unittest.TestCase):
    def setUp(self):
        # The rules themselves, without what this project allows itself.
        for name in ("COVERED_BY", "WIDE_TESTS", "UNUSED_HEADERS", "FOREIGN_BENCHES"):
            self.addCleanup(setattr, tidy, name, getattr(tidy, name))
            setattr(tidy, name, {})

    def expect(self, changes, rule, *starts):
        findings = found(changes, rule)
        self.assertEqual(len(findings), len(starts), findings)
        for finding, start in zip(sorted(findings), starts):
            self.assertTrue(finding.startswith(start), f"{finding!r} is not {start!r}...")

    def test_good_tree_has_no_findings(self):
        for rule in tidy.RULES:
            self.assertEqual(found({}, rule), [], rule.__name__)

    def test_modules_do_not_include_one_another(self):
        for module, other in (("sip", "xfrm"), ("xfrm", "reactor"), ("reactor", "edge")):
            self.expect({f"{module}/a.cc": f'#include "{other}/b.h"\n'},
                        tidy.includes_point_one_way, f"{module}/a.cc:1: {module}/ may not include")

    def test_nothing_includes_tools_or_tests(self):
        self.expect({"edge/a.cc": '\n#include "tools/usim.h"\n#include "tests/guard_page.h"\n'},
                    tidy.includes_point_one_way, "edge/a.cc:2:", "edge/a.cc:3:")
        self.expect({"tools/a.cc": '#include "tests/guard_page.h"\n'},
                    tidy.includes_point_one_way, "tools/a.cc:1:")

    def test_sip_knows_only_std(self):
        for header in ("absl/strings/str_cat.h", "sys/socket.h", "liburing.h", "fmt/core.h"):
            self.expect({"sip/a.cc": f"#include <{header}>\n"}, tidy.includes_point_one_way,
                        f"sip/a.cc:1: sip/ may not include <{header}>")
            if "/" in header:
                self.expect({"sip/a.cc": f'#include "{header}"\n'},
                            tidy.includes_point_one_way, "sip/a.cc:1:")
                self.expect({"edge/a.cc": f'#include "{header}"\n'},
                            tidy.includes_point_one_way)

    def test_each_module_knows_its_own_libraries(self):
        good = {"reactor/a.cc": "#include <liburing.h>\n#include <sys/socket.h>\n",
                "xfrm/a.cc": "#include <libmnl/libmnl.h>\n#include <linux/xfrm.h>\n"}
        self.expect(good, tidy.includes_point_one_way)
        self.expect({"reactor/a.cc": "#include <linux/xfrm.h>\n"}, tidy.includes_point_one_way,
                    "reactor/a.cc:1:")
        self.expect({"xfrm/a.cc": "#include <liburing.h>\n"}, tidy.includes_point_one_way,
                    "xfrm/a.cc:1:")

    def test_includes_start_at_the_root(self):
        self.expect({"sip/via.cc": '#include "via.h"\n'}, tidy.includes_exist, "sip/via.cc:1:")

    def test_sizes_of_files(self):
        self.expect({"sip/via.h": HEADER + "int a;\n" * 147}, tidy.files_are_small)
        self.expect({"sip/via.h": HEADER + "int a;\n" * 148}, tidy.files_are_small,
                    "sip/via.h:151: 151 lines, 150 allowed")
        self.expect({"sip/via.cc": "int a;\n" * 401}, tidy.files_are_small, "sip/via.cc:401:")
        self.expect({"tests/sip_via_test.cc": "int a;\n" * 600}, tidy.files_are_small)
        self.expect({"tests/sip_via_test.cc": "int a;\n" * 601}, tidy.files_are_small,
                    "tests/sip_via_test.cc:601:")
        self.expect({"tests/lab/a.py": "a = 1\n" * 401}, tidy.files_are_small, "tests/lab/a.py")

    def test_columns(self):
        self.expect({"sip/via.cc": "\n//" + "x" * 99 + "\n"}, tidy.lines_are_short,
                    "sip/via.cc:2: 101 columns")
        self.expect({"sip/via.cc": "//" + "\u00a7" * 98 + "\n"}, tidy.lines_are_short)

    def test_functions(self):
        body = "  x();\n" * 69
        for head in ("int F() {", "int F(int a,\n      int b) {", "Worker::Worker() : a_{1} {",
                     "template <typename T>\nvoid F(T a = {}) {", "bool operator==(const A& a) {",
                     "struct A {\n  A(int a) : a_(a), b_{{1}, 2} {"):
            lines = head.count("\n") + 1
            short = "namespace a {\n" + head + "\n" + "  x();\n" * 60 + "}\n"
            self.expect({"sip/via.cc": short}, tidy.functions_are_short)
            long = "namespace a {\n\n" + head + "\n" + body + "\n" * (2 - lines) + "}\n"
            self.assertEqual(len(found({"sip/via.cc": long}, tidy.functions_are_short)), 1, head)

    def test_functions_are_told_from_other_braces(self):
        rows = "    {F(1), 2},\n" * 90
        for text in (f"constexpr A kTable[] = {{\n{rows}}};\n", "enum class A {\n" + "  a,\n" * 90
                     + "};\n", "// F() {\n" * 90, "class A : public B<int()> {\n"
                     + "  int a_ = F();\n" * 90 + "};\n", 'int F() { return "{"; }\n' * 90,
                     "char F() { return '{'; }\n" * 90, 'auto a = R"({\n)";\n' * 90):
            self.expect({"sip/via.cc": text}, tidy.functions_are_short)

    def test_every_source_has_its_test(self):
        self.expect({"tests/sip_via_test.cc": None}, tidy.every_source_has_its_test,
                    "sip/via.cc:1: has no test tests/sip_via_test.cc")

    def test_exceptions_stay_true(self):
        tidy.COVERED_BY = {"sip/scan.cc": ("tests/sip_via_test.cc", "one reason")}
        self.expect({"sip/scan.cc": ""}, tidy.every_source_has_its_test)
        self.expect({"sip/scan.cc": "", "tests/sip_scan_test.cc": ""},
                    tidy.every_source_has_its_test, "sip/scan.cc:1: has tests/sip_scan_test.cc")
        self.expect({"sip/scan.cc": "", "sip/via.cc": None, "tests/sip_via_test.cc": None},
                    tidy.every_source_has_its_test, "sip/scan.cc:1: said to be covered by")
        self.expect({}, tidy.exceptions_are_needed,
                    "tools/tidy.py:1: COVERED_BY names sip/scan.cc, which does not exist")

    def test_every_test_mirrors_a_file(self):
        self.expect({"tests/sip_route_test.cc": ""}, tidy.every_test_mirrors_a_file,
                    "tests/sip_route_test.cc:1: tests neither sip/route.h nor sip/route.cc")
        self.expect({"tests/routes.cc": ""}, tidy.every_test_mirrors_a_file,
                    "tests/routes.cc:1: is not named")

    def test_fuzzers_and_benches_name_a_module(self):
        self.expect({"fuzz/via.cc": ""}, tidy.fuzzers_and_benches_name_a_module, "fuzz/via.cc:1:")
        self.expect({"bench/load.cc": ""}, tidy.fuzzers_and_benches_name_a_module,
                    "bench/load.cc:1:")
        self.expect({"bench/edge_load.cc": ""}, tidy.fuzzers_and_benches_name_a_module)

    def test_dead_headers(self):
        self.expect({"sip/a.h": HEADER, "sip/a.cc": '#include "sip/a.h"\n',
                     "tests/sip_a_test.cc": '#include "sip/a.h"\n'}, tidy.headers_are_used,
                    "sip/a.h:1: dead header")
        self.expect({"tests/guard_page.h": HEADER,
                     "tests/sip_a_test.cc": '#include "tests/guard_page.h"\n'},
                    tidy.headers_are_used)

    def test_how_a_header_begins(self):
        self.expect({"sip/via.h": "#pragma once\n"}, tidy.headers_begin_well, "sip/via.h:1:")
        self.expect({"sip/via.h": "// A.\n#include <span>\n#pragma once\n"},
                    tidy.headers_begin_well, "sip/via.h:1: #pragma once")

    def test_modules_do_not_print(self):
        self.expect({"sip/via.cc": "\nprintf(a);\nstd::cout << a;\n"}, tidy.modules_do_not_print,
                    "sip/via.cc:2:", "sip/via.cc:3:")
        self.expect({"sip/via.cc": "snprintf(a);\n", "tools/a.cc": "printf(a);\n"},
                    tidy.modules_do_not_print)

    def test_leftovers(self):
        for text in ("TO" "DO: x", "FIX" "ME", "/ho" "me/me/x", "see /wo" "rk/x", "../sha" "red/x"):
            for path in ("README.md", "sip/via.cc", "tests/lab/init.sh"):
                self.expect({path: f"a\n# {text}\n"}, tidy.nothing_is_left_over, f"{path}:2:")
        self.expect({"README.md": "the homework/root/ of it\n"}, tidy.nothing_is_left_over)

    def test_blanks(self):
        for text in ("a\n\tb\n", "a\nb \n", "a\nb\r\n", "a\nb", "a\nb\n\n"):
            self.assertEqual(len(found({"README.md": text}, tidy.blanks_are_plain)), 1, repr(text))

    def test_program_names_findings_and_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            for path, text in {**GOOD, "sip/via.cc": "int  a; \n"}.items():
                file = pathlib.Path(folder, path)
                file.parent.mkdir(exist_ok=True)
                file.write_text(text)
            run = subprocess.run([sys.executable, tidy.__file__, folder], capture_output=True,
                                 text=True)
            self.assertEqual(run.returncode, 1, run.stdout)
            self.assertIn("sip/via.cc:1: blanks at the end of the line", run.stdout)


if __name__ == "__main__":
    unittest.main()
