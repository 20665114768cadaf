#!/usr/bin/env python3
"""Phones and the core over TCP, with real ESP: registration, requests both ways, and what a
request too large for UDP does. Over TCP an SA pair carries a whole connection (TS 33.203 7.1)."""

import socket

import gmlab
import wire

PROTECTED_PORTS = {5062, 5064}
REQUESTS = "message,options,invite,mt-message,mt-options,mt-invite"


class Tcp(gmlab.LabCase):
    def test_everything_over_tcp_ipv4(self):
        self.everything_over_tcp(gmlab.IPV4)

    def test_everything_over_tcp_ipv6(self):
        self.everything_over_tcp(gmlab.IPV6)

    def everything_over_tcp(self, version, count=3):
        core = self.start_core(version, mt_transport="tcp")
        edge = self.start_for(version, transport="tcp")
        link = wire.Wire(self.network.edge)
        self.addCleanup(link.close)
        report = self.run_phones(version, f"register,{REQUESTS},reregister,deregister",
                                 phones=count, transport="tcp")
        self.assertTrue(report["ok"], report)
        self.check_clear(link)
        for index in range(count):
            # All of it went over the phone's own connection, port_uc to port_ps.
            self.check_use(version, index, used=gmlab.PORT_UC)
        counters = self.counters_of(edge)
        self.assertEqual([counters["registrations"], counters["deregistrations"]], [count, count])
        # Each phone's in clear, and the protected one; the core's to us.
        self.assertEqual(counters["tcp_accepted"], 2 * count + 1)
        self.assertEqual(counters["tcp_connected"], 1, "one connection to the core serves all")
        self.check_nothing_was_dropped(counters)
        self.assertEqual(gmlab.stop(core), 0, "gmedge broke rules towards the core: gmcore.log")

    def test_each_request_over_another_transport(self):
        version = gmlab.IPV4
        core = self.start_core(version)
        edge = self.start_for(version)
        report = self.run_phones(version, f"register,{REQUESTS},hold,reauth,{REQUESTS},deregister",
                                 phones=2, transport="mixed", hold_seconds=1.1)
        self.assertTrue(report["ok"], report)
        counters = self.counters_of(edge)
        self.assertGreater(counters["tcp_accepted"], 0)
        self.check_nothing_was_dropped(counters)
        self.assertEqual(gmlab.stop(core), 0, "gmedge broke rules towards the core: gmcore.log")

    def test_a_request_too_large_for_udp_connects_to_the_phone(self):
        for version in (gmlab.IPV4, gmlab.IPV6):
            with self.subTest(version):
                self.large_request(version)

    def large_request(self, version):
        core = self.start_core(version, mt_body_size=3000)
        edge = self.start_for(version, udp_request_size_max=2500)
        link = wire.Wire(self.network.edge)
        self.addCleanup(link.close)
        report = self.run_phones(version, "register,mt-message,message,deregister", body_size=3000)
        self.assertTrue(report["ok"], report)
        self.check_clear(link)
        # UDP uses port_uc inwards and port_us outwards; a connection port_pc to port_us both ways.
        phone = gmlab.phone(version, 0)
        inwards = [state.packets for state in self.states_of(phone)
                   if state.source == phone and state.ports[0] == gmlab.PORT_US]
        self.assertGreater(sum(inwards), 3, "the phone's answer came on the connection")
        counters = self.counters_of(edge)
        self.assertEqual(counters["tcp_connected"], 2, "to the phone, and to the core")
        self.assertGreaterEqual(counters["requests_too_large_for_udp"], 2)
        self.check_nothing_was_dropped(counters)
        self.assertEqual(gmlab.stop(core), 0, "gmedge broke rules towards the core: gmcore.log")
        gmlab.stop(edge)

    def test_a_connection_in_clear_to_a_protected_port_does_not_come_to_be(self):
        version = gmlab.IPV4
        edge = self.start_for(version)
        with self.network.phones.entered():
            plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            plain.settimeout(1.5)
            with self.assertRaises(OSError):
                plain.connect((version.gm, 5062))
            plain.close()
        self.assertEqual(self.counters_of(edge).get("tcp_accepted", 0), 0)

    def start_for(self, version, **core):
        """gmedge towards a core of that IP version."""
        return self.start_edge(core={"listen": gmlab.endpoint(version.edge, 5060),
                                     "next_hop": gmlab.endpoint(version.core, 5060),
                                     **core})

    def check_clear(self, link):
        for packet in link.packets():
            self.assertFalse({packet.source_port, packet.destination_port} & PROTECTED_PORTS,
                             f"in clear: {packet}")

    def check_use(self, version, index, used):
        """The SAs of one of the phone's ports carry all, the others nothing."""
        phone = gmlab.phone(version, index)
        states = self.states_of(phone)
        self.assertEqual(len(states), 4, "the set drains before it goes")
        for state in states:
            port = state.ports[1 if state.destination == phone else 0]
            if port == used:
                self.assertGreater(state.packets, 10, str(state))
            else:
                self.assertEqual(state.packets, 0, str(state))

    def check_nothing_was_dropped(self, counters):
        strange = {name: value for name, value in counters.items()
                   if name.startswith(("drop_", "send_", "sets_refused", "tcp_no_set",
                                       "tcp_stalled", "tcp_connects_failed"))}
        self.assertEqual(strange, {})


if __name__ == "__main__":
    gmlab.main()
