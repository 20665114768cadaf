#!/usr/bin/env python3
"""A phone's security associations come, change and go over real ESP, each over UDP and TCP, IPv4
and IPv6; and what phones do wrong on the way."""

import signal

import gmlab

# A set that nobody answers on goes so long after its 401; others live to the end of the test.
TIMEOUT = 5


class Changes(gmlab.LabCase):
    def test_every_way(self):
        self.in_every_way(self.check, temporary_timeout=TIMEOUT)

    def check(self, version, transport, edge):
        """The phones of each step are others, at addresses of their own."""
        self.version, self.transport = version, transport
        agreed = left = 0
        for step in (self.leaves, self.is_not_renewed, self.verifies_wrongly, self.is_out_of_step,
                     self.reboots, self.share_an_address, self.is_ended_by_the_core):
            with self.subTest(step.__name__):
                registrations, deregistrations = step()
                agreed += registrations
                left += deregistrations
        counters = self.counters_of(edge)
        self.assertEqual(counters["registrations"], agreed)
        self.assertEqual(counters["deregistrations"], left)
        self.assertEqual(counters["expirations"], 1)
        self.assertEqual(counters["network_deregistrations"], 1)

    # Each step returns how often phones agreed on a set and used it, and how many left.

    def leaves(self):
        self.go_through("register,message,deregister", first=0)
        # The 200 went out through the set, and may be asked for again (pitfalls 18).
        self.assertEqual(len(self.states_of(gmlab.phone(self.version, 0))), 4)
        return 1, 1

    def is_not_renewed(self):
        before = self.core_counts(self.version)["registrations"]
        phones = self.start_phones(self.version, "register,hold", first=10, expires=1,
                                   hold_seconds=30, transport=self.transport)
        request = f"mt MESSAGE {gmlab.imsi(10)}"
        self.wait_until("it registers", lambda: self.core_counts(
            self.version)["registrations"] > before or phones.poll() is not None)
        self.wait_until("its registration ends", lambda: self.ask_core(
            self.version, request) != b"ok 200\n")
        gmlab.stop(phones)
        return 1, 0

    def verifies_wrongly(self):
        report = self.run_phones(self.version, "register", first=20, fail="wrong-verify",
                                 transport=self.transport, expect_failure="true")
        self.assertEqual(sum(report["failures"].values()), 1, report)
        self.wait_until("its SAs go", lambda: not self.states_of(gmlab.phone(self.version, 20)),
                        seconds=TIMEOUT + 5)
        # Nobody else is any worse off.
        self.go_through("register,deregister", first=21)
        return 1, 1

    def is_out_of_step(self):
        self.go_through("register,message,deregister", first=30, fail="auts")
        return 1, 1

    def reboots(self):
        """It comes with the same ports and SPIs, and has no SA any more."""
        before = self.core_counts(self.version)["mt_answered"]
        for boot in (1, 2):
            phones = self.start_phones(self.version, "register,message,mt-message,hold", first=40,
                                       transport=self.transport, hold_seconds=30, boot_id=boot)
            self.wait_until("requests both ways", lambda: self.core_counts(
                self.version)["mt_answered"] >= before + boot, seconds=20)
            gmlab.stop(phones, signal.SIGKILL)
            for what in ("state", "policy"):
                self.network.phones.run("ip", "xfrm", what, "flush")
        self.assertEqual(len(self.states_of(gmlab.phone(self.version, 40))), 4)
        return 2, 0

    def share_an_address(self):
        self.go_through("register,message,mt-message,invite,mt-invite,reauth,mt-message", first=50,
                        phones=6, phones_per_address=3)
        for index in (50, 51):
            self.assertEqual(len(self.states_of(gmlab.phone(self.version, index))), 3 * 8)
        return 12, 0

    def is_ended_by_the_core(self):
        """By NOTIFY (RFC 3680). What was agreed drains, and the phone may come anew. Its MESSAGE
        is through by then: what comes of it later is discarded (TS 24.229 5.2.6.3.2A)."""
        known = self.core_counts(self.version)
        phones = self.start_phones(self.version, "register,message,hold", first=60,
                                   transport=self.transport, hold_seconds=30)
        for what in ("notifies_answered", "mo_message"):
            self.wait_until(what, lambda what=what: self.core_counts(
                self.version)[what] > known[what] or phones.poll() is not None, seconds=20)
        self.assertNotIn("ended by the core", self.log_of_edge())
        self.assertEqual(self.ask_core(self.version, f"dereg {gmlab.imsi(60)}"), b"ok 200\n")
        self.wait_until("gmedge says so",
                        lambda: "ended by the core" in self.log_of_edge())
        self.assertEqual(len(self.states_of(gmlab.phone(self.version, 60))), 4)
        gmlab.stop(phones)
        self.go_through("register,message,mt-message", first=60, boot_id=2)
        return 2, 0

    def go_through(self, scenario, **options):
        report = self.run_phones(self.version, scenario, transport=self.transport, **options)
        self.assertTrue(report["ok"], report)


if __name__ == "__main__":
    gmlab.main()
