#!/usr/bin/env python3
"""What a registered phone sends and gets over real ESP: MESSAGE, OPTIONS and calls, both ways."""

import gmlab
import wire

PROTECTED_PORTS = {5062, 5064}
# gmue's mt-STEPs let the core send such a request to the phone.
REQUESTS = "message,options,invite,mt-message,mt-options,mt-invite"


class Requests(gmlab.LabCase):
    def test_both_ways_over_ipv4(self):
        self.requests_both_ways(gmlab.IPV4)

    def test_both_ways_over_ipv6(self):
        self.requests_both_ways(gmlab.IPV6)

    def test_phone_authenticates_anew_and_goes_on(self):
        """The new set has a client port of its own (TS 33.203 7.2): the old one's SAs go on."""
        self.authenticate_anew(gmlab.IPV4, (5062, 5064, 5066))

    def test_phone_authenticates_anew_with_one_client_port(self):
        """Both sets share port_pc: the 401 must leave through the old one's SA3 (pitfalls 17)."""
        self.authenticate_anew(gmlab.IPV6, (5062, 5064))

    def authenticate_anew(self, version, ports):
        self.start_core(version)
        self.start_edge(ipsec={"socket": [f"ipsec:{gmlab.endpoint(version.gm, port)}"
                                          for port in ports]},
                        gm={"listen": [gmlab.endpoint(version.gm, 5060)]},
                        core={"listen": gmlab.endpoint(version.edge, 5060),
                              "next_hop": gmlab.endpoint(version.core, 5060)})
        steps = "register,hold,reauth,message,mt-message,reauth,mt-message"
        report = self.run_phones(version, steps, hold_seconds=1.1, timeout_ms=4000)
        self.assertTrue(report["ok"], report)
        self.assertIn(len(self.states_of(gmlab.phone(version, 0))), (8, 12))

    def requests_both_ways(self, version, count=4):
        core = self.start_core(version)
        edge = self.start_edge(core={"listen": gmlab.endpoint(version.edge, 5060),
                                     "next_hop": gmlab.endpoint(version.core, 5060)})
        link = wire.Wire(self.network.edge)
        self.addCleanup(link.close)
        report = self.run_phones(version, f"register,{REQUESTS},reregister,{REQUESTS},deregister",
                                 phones=count)

        self.assertTrue(report["ok"], report)
        self.assertEqual(report["network_requests"],
                         {name: 2 * count for name in ("INVITE", "MESSAGE", "OPTIONS")})
        for packet in link.packets():
            self.assertFalse({packet.source_port, packet.destination_port} & PROTECTED_PORTS,
                             f"in clear: {packet}")
        for index in range(count):
            self.check_use(version, gmlab.phone(version, index))
        counters = self.counters_of(edge)
        strange = {name for name in counters if name.startswith(("drop_", "send_", "sets_refused"))}
        self.assertEqual(strange, set())
        self.assertEqual(gmlab.stop(core), 0, "gmedge broke rules towards the core: gmcore.log")

    def check_use(self, version, phone):
        """UDP comes from port_uc and goes to port_us; the other two SAs carry none of it."""
        for state in self.states_of(phone):
            to_phone = state.destination == phone
            port = state.ports[1 if to_phone else 0]
            carries = port == (gmlab.PORT_US if to_phone else gmlab.PORT_UC)
            if carries:
                self.assertGreater(state.packets, 20, str(state))
            else:
                self.assertEqual(state.packets, 0, str(state))


if __name__ == "__main__":
    gmlab.main()
