#!/usr/bin/env python3
"""Two workers over real ESP: phones of both, and phones that come to the other one."""

import gmlab

# Of each worker, in the order of ipsec.socket.
PORTS = ({5062, 5064}, {5066, 5068})
COUNT = 10
REQUESTS = "message,options,invite,mt-message,mt-options,mt-invite"


class Workers(gmlab.LabCase):
    def start_both(self, version):
        core = self.start_core(version)
        edge = self.start_edge(process={"workers": 2},
                               ipsec={"socket": [f"ipsec:{gmlab.endpoint(version.gm, port)}"
                                                 for ports in PORTS for port in sorted(ports)]},
                               gm={"listen": [gmlab.endpoint(version.gm, 5060)]},
                               core={"listen": gmlab.endpoint(version.edge, 5060),
                                     "next_hop": gmlab.endpoint(version.core, 5060)})
        return core, edge

    def ports_of(self, version, index):
        """Ours that a phone has SAs with."""
        phone = gmlab.phone(version, index)
        return {state.ports[0 if state.destination == phone else 1]
                for state in self.states_of(phone)}

    def worker_of(self, version, index):
        """Where a phone is, once it has the SAs of one set alone."""
        ports = self.ports_of(version, index)
        is_one = len(self.states_of(gmlab.phone(version, index))) == 4
        return ("first", "second")[PORTS.index(ports)] if is_one and ports in PORTS else None

    def test_phones_of_both_over_ipv4(self):
        self.phones_of_both(gmlab.IPV4, "udp")

    def test_phones_of_both_over_ipv6_and_mixed_transports(self):
        self.phones_of_both(gmlab.IPV6, "mixed")

    def phones_of_both(self, version, transport):
        core, edge = self.start_both(version)
        report = self.run_phones(version, f"register,{REQUESTS},reregister,reauth,{REQUESTS}",
                                 phones=COUNT, transport=transport)
        self.assertTrue(report["ok"], report)
        for index in range(COUNT):
            self.assertIn(self.ports_of(version, index), PORTS, f"phone {index} is at both")
        counters = self.counters_of(edge)
        self.assertEqual(counters["registrations"], 2 * COUNT)
        self.assertEqual(counters["sets_deleted"], counters["sets_installed"])
        self.assertEqual(self.network.edge.states(), [])
        self.assertEqual(gmlab.stop(core), 0, "gmedge broke rules towards the core: gmcore.log")

    def test_a_phone_that_comes_to_the_other_worker_has_the_new_set_alone(self):
        version = gmlab.IPV4
        _, edge = self.start_both(version)
        before = None
        moved = 0
        for attempt in range(3):  # The kernel chooses the worker by the phone's port.
            report = self.run_phones(version, "register,message,mt-message", phones=COUNT,
                                     unprotected_port=5060 + attempt,
                                     spi_first=1_000_000_000 + 1000 * attempt)
            self.assertTrue(report["ok"], report)
            now = [self.wait_until(f"one set of phone {index}",
                                   lambda index=index: self.worker_of(version, index))
                   for index in range(COUNT)]
            moved += sum(old != new for old, new in zip(before or now, now))
            before = now
        self.assertGreater(moved, 0)
        self.assertEqual(self.counters_of(edge).get("superseded"), moved)


if __name__ == "__main__":
    gmlab.main()
