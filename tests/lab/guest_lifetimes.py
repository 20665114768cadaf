#!/usr/bin/env python3
"""SAs end in time: with gmedge's clock while it lives, with the kernel's when it does not."""

import signal

import gmlab

TIMEOUT = 1
# Long enough that gmedge is killed before its own clock ends the set, on a busy machine too.
SHORT_LIVED = {"temporary_timeout": 6, "lifetime_slack": 2}
KERNEL_SECONDS = sum(SHORT_LIVED.values())


class Lifetimes(gmlab.LabCase):
    def test_challenge_nobody_answers_leaves_nothing(self):
        for version in (gmlab.IPV4, gmlab.IPV6):
            with self.subTest(version.gm):
                core = self.start_core()
                edge = self.start_edge(ipsec={"temporary_timeout": TIMEOUT})
                self.take_challenge(version)
                self.wait_until("all four SAs go", lambda: not self.network.edge.states(),
                                TIMEOUT + 2)
                counters = self.counters_of(edge)
                self.assertEqual((counters["sets_timed_out"], counters["sets_deleted"]), (1, 1))
                gmlab.stop(core)

    def test_sas_outlive_a_killed_gmedge_by_their_own_lifetime_only(self):
        self.start_core()
        edge = self.start_edge(ipsec=SHORT_LIVED)
        states = self.take_challenge(gmlab.IPV4)
        self.assertEqual({state.hard_seconds for state in states}, {KERNEL_SECONDS})
        gmlab.stop(edge, signal.SIGKILL)
        self.assertEqual(len(self.network.edge.states()), 4)
        self.wait_until("the kernel ends them", lambda: not self.network.edge.states(),
                        KERNEL_SECONDS + 2)
        self.assertEqual(len(self.network.edge.policies()), 8, "the ports stay closed")

        self.start_edge()  # Its policies being there already is no obstacle.
        self.assertTrue(self.run_phones(gmlab.IPV4, "register,deregister")["ok"])

    def test_registration_gives_its_own_lifetime(self):
        self.start_core(expires_max=600)
        self.start_edge(ipsec={"lifetime_slack": 7})
        phones = self.start_phones(gmlab.IPV4, "register,hold", hold_seconds=30)
        states = self.wait_for_set(gmlab.phone(gmlab.IPV4, 0), confirmed=True)
        # Granted, what a set outlives its registration by, the slack, and the time it took.
        for state in states:
            self.assertIn(state.hard_seconds, range(600 + 30 + 7, 600 + 30 + 7 + 10))
        phones.send_signal(signal.SIGTERM)
        self.finish_phones(phones)

    def take_challenge(self, version):
        """A phone that goes silent after its 401; the SAs that wait for it in vain."""
        report = self.run_phones(version, "register", fail="no-answer", expect_failure="true")
        self.assertEqual(report["failures"], {"register: gave-up": 1}, report)
        return self.wait_for_set(gmlab.phone(version, 0), confirmed=False)


if __name__ == "__main__":
    gmlab.main()
