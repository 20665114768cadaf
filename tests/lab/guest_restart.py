#!/usr/bin/env python3
"""gmedge is killed and started again: of its own it leaves nothing that nobody knows, and with a
journal its phones notice nothing."""

import signal

import gmlab

SHARED_PORT_POLICIES = 8
FOREIGN_REQID = 4711


class Restart(gmlab.LabCase):
    def test_registrations_of_a_killed_gmedge_go_and_what_is_foreign_stays(self):
        self.add_foreign()
        self.start_core()
        edge = self.start_edge()
        self.assertEqual(self.sas_put_right(), (0, 0, 0, 1, 0, 1))
        phones = self.start_phones(gmlab.IPV4, "register,hold", phones=50, hold_seconds=60)
        self.wait_until("all are registered", lambda: len(self.network.edge.states()) == 201, 20)
        gmlab.stop(edge, signal.SIGKILL)
        self.end_phones(phones)
        self.assertEqual(len(self.network.edge.states()), 201)

        self.start_edge()
        self.assertEqual(self.sas_put_right(), (0, 0, 200, 1, 0, 1))
        self.assert_only_foreign()
        report = self.run_phones(gmlab.IPV4, "register,deregister", phones=50)
        self.assertTrue(report["ok"], "they come back with the SPIs they had")

    def test_killed_at_any_moment(self):
        """While 100 phones register and authenticate anew: with few, half and all of their SAs."""
        self.add_foreign()
        self.start_core()
        for sas in (1, 150, 350, 550):
            edge = self.start_edge()
            phones = self.start_phones(gmlab.IPV4, "register,reauth,hold", phones=100,
                                       hold_seconds=60)
            self.wait_until(f"{sas} SAs", lambda: len(self.network.edge.states()) > sas, 20)
            gmlab.stop(edge, signal.SIGKILL)
            self.end_phones(phones)
            left = len(self.network.edge.states())
            edge = self.start_edge()
            self.assert_only_foreign()
            self.assertEqual(self.sas_put_right()[2], left - 1)
            gmlab.stop(edge, signal.SIGKILL)

    def test_ports_that_are_not_served_any_more_are_open_to_others(self):
        self.start_core()
        edge = self.start_edge()
        gmlab.stop(edge, signal.SIGKILL)
        self.assertEqual(len(self.network.edge.policies()), SHARED_PORT_POLICIES)
        sockets = [f"ipsec:{gmlab.endpoint(version.gm, port)}" for port in (5062, 6064)
                   for version in (gmlab.IPV4, gmlab.IPV6)]
        self.start_edge(ipsec={"socket": sockets})
        self.assertEqual(self.sas_put_right()[4], SHARED_PORT_POLICIES // 2)
        policies = self.network.edge.policies()
        self.assertEqual(len(policies), SHARED_PORT_POLICIES)
        self.assertFalse([policy for policy in policies if "port 5064" in policy])

    def test_a_second_gmedge_takes_nothing_of_the_first(self):
        self.start_core()
        self.start_edge()
        phones = self.start_phones(gmlab.IPV4, "register,hold,deregister", hold_seconds=2)
        self.wait_for_set(gmlab.phone(gmlab.IPV4, 0), confirmed=True)
        settings = gmlab.write_settings({})
        words = self.network.edge.run(gmlab.BUILD / "gmedge", f"--config={settings}", check=False)
        self.assertRegex(words, "error another gmedge with ipsec.reqid = 1735222628 runs")
        self.assertEqual(len(self.network.edge.states()), 4)
        self.assertEqual(len(self.network.edge.policies()), SHARED_PORT_POLICIES)
        self.assertTrue(self.finish_phones(phones)["ok"])

    def test_with_a_journal_phones_go_on_over_the_sas_they_had(self):
        """Killed three times while phones keep asking: every answer comes over the same SAs."""
        journal = self.new_journal()
        self.start_core()
        edge = self.start_edge(journal=journal)
        phones = self.start_phones(gmlab.IPV4, "register,hold,deregister", phones=50,
                                   hold_seconds=6)
        self.wait_until("all are registered", lambda: len(self.network.edge.states()) == 200, 20)
        self.wait_until("and kept", lambda: self.records(journal) == (50, 50), 10)
        before = self.packets()
        for _ in range(3):
            gmlab.stop(edge, signal.SIGKILL)
            self.assertEqual(len(self.network.edge.states()), 200)
            edge = self.start_edge(journal=journal)
            self.assertEqual(self.sas_put_right()[:3], (200, 0, 0))
        self.assertTrue(self.finish_phones(phones, 40)["ok"], "they end over what they had")
        after = self.packets()
        self.assertEqual(set(after), set(before), "the very SAs, and no other")
        for spi, packets in before.items():
            self.assertGreaterEqual(after[spi], packets, "live SAs were kept, not made again")
        self.assertGreater(sum(after.values()), sum(before.values()))

    def test_after_a_reboot_the_numbers_of_sas_go_on(self):
        """The kernel has lost all; phones drop what they take for replayed."""
        journal = self.new_journal()
        self.start_core()
        edge = self.start_edge(journal=journal)
        phones = self.start_phones(gmlab.IPV4, "register,hold,deregister", phones=20,
                                   hold_seconds=8)
        self.wait_until("and kept", lambda: self.records(journal) == (20, 20), 20)
        gmlab.stop(edge, signal.SIGKILL)
        self.network.edge.run("ip", "xfrm", "state", "flush")
        self.start_edge(journal=journal)
        self.assertEqual(self.sas_put_right()[:3], (0, 80, 0))
        self.assertTrue(self.finish_phones(phones, 40)["ok"])

    def add_foreign(self):
        """What an operator or another program has in the same kernel."""
        self.network.edge.run(
            "ip", "xfrm", "state", "add", "src", gmlab.IPV4.gm, "dst", gmlab.IPV4.core,
            "proto", "esp", "spi", "4711", "reqid", str(FOREIGN_REQID), "mode", "transport",
            "auth-trunc", "hmac(sha1)", "0x" + "07" * 20, "96", "enc", "ecb(cipher_null)", "")
        self.network.edge.run(
            "ip", "xfrm", "policy", "add", "src", "192.0.2.1/32", "dst", "192.0.2.2/32",
            "dir", "out", "tmpl", "proto", "esp", "reqid", str(FOREIGN_REQID), "mode", "transport")

    def end_phones(self, phones):
        """With their own end of the SAs, as when they are switched off."""
        gmlab.stop(phones, signal.SIGKILL)
        self.network.phones.run("ip", "xfrm", "state", "flush")
        self.network.phones.run("ip", "xfrm", "policy", "flush")

    def assert_only_foreign(self):
        self.assertEqual([state.reqid for state in self.network.edge.states()], [FOREIGN_REQID])
        self.assertEqual(len(self.network.edge.policies()), SHARED_PORT_POLICIES + 1)


if __name__ == "__main__":
    gmlab.main()
