#!/usr/bin/env python3
"""A phone registers and de-registers over real ESP, with each algorithm, over IPv4 and IPv6."""

import signal

import gmlab
import wire

# Offered pair -> what the kernel calls it.
ALGORITHMS = {
    "hmac-md5-96=null": ("hmac(md5)", "ecb(cipher_null)"),
    "hmac-sha-1-96=null": ("hmac(sha1)", "ecb(cipher_null)"),
    "hmac-sha-1-96=aes-cbc": ("hmac(sha1)", "cbc(aes)"),
    "hmac-sha-1-96=des-ede3-cbc": ("hmac(sha1)", "cbc(des3_ede)"),
    "aes-gmac=null": ("rfc4543(gcm(aes))",),
    "null=aes-gcm": ("rfc4106(gcm(aes))",),
}
PROTECTED_PORTS = (5062, 5064)
REQID = 0x676D6564


class Registration(gmlab.LabCase):
    def test_each_algorithm_over_ipv4(self):
        self.register_with_each_algorithm(gmlab.IPV4)

    def test_each_algorithm_over_ipv6(self):
        self.register_with_each_algorithm(gmlab.IPV6)

    def register_with_each_algorithm(self, version):
        core = self.start_core(version)
        edge = self.start_edge(core={"listen": gmlab.endpoint(version.edge, 5060),
                                     "next_hop": gmlab.endpoint(version.core, 5060)})
        for index, (offer, kernel_names) in enumerate(ALGORITHMS.items()):
            with self.subTest(offer):
                self.register_one(version, index, offer, kernel_names)
            gmlab.stop(self.phones, signal.SIGKILL)

        counters = self.counters_of(edge)
        count = len(ALGORITHMS)
        self.assertEqual([counters["registrations"], counters["deregistrations"]], [count, count])
        self.assertEqual(self.network.edge.states(), [], "gmedge left SAs behind")
        self.assertEqual(self.network.edge.policies(), [], "gmedge left policies behind")
        self.assertEqual(gmlab.stop(core), 0, "gmedge broke rules towards the core: gmcore.log")

    def register_one(self, version, index, offer, kernel_names):
        address = gmlab.phone(version, index)
        link = wire.Wire(self.network.edge)
        self.addCleanup(link.close)
        self.phones = self.start_phones(version, "register,hold,deregister", index,
                                        algorithms=offer, hold_seconds=30)
        self.wait_for_set(address, confirmed=True)
        # The SAs have their time before the 200 goes out.
        self.wait_until("the 200", lambda: sum(
            state.packets for state in self.states_of(address)) >= 2)
        states = self.states_of(address)
        registered = link.packets()
        self.check_states(states, version, address, registered, kernel_names)
        self.check_wire(registered, states)

        self.phones.send_signal(signal.SIGTERM)  # Ends the hold.
        report = self.finish_phones(self.phones)
        self.assertEqual(report["algorithms"], {offer: 1}, report)
        self.assertTrue(report["ok"], report)
        self.check_wire(link.packets(), states)

    def check_states(self, states, version, phone, packets, kernel_names):
        """The four SAs are those that Security-Client and Security-Server spoke of."""
        client = wire.security_header(packets, "Security-Client")
        server = wire.security_header(packets, "Security-Server")
        uc, us, pc, ps = (int(header[port]) for header, port in (
            (client, "port-c"), (client, "port-s"), (server, "port-c"), (server, "port-s")))
        spi_uc, spi_us, spi_pc, spi_ps = (int(header[spi]) for header, spi in (
            (client, "spi-c"), (client, "spi-s"), (server, "spi-c"), (server, "spi-s")))
        self.assertEqual({pc, ps}, set(PROTECTED_PORTS))
        expected = {  # TS 33.203 7.1.
            (phone, uc, version.gm, ps, spi_ps),
            (version.gm, ps, phone, uc, spi_uc),
            (version.gm, pc, phone, us, spi_us),
            (phone, us, version.gm, pc, spi_pc),
        }
        self.assertEqual(expected, {(state.source, state.ports[0], state.destination,
                                     state.ports[1], state.spi) for state in states})
        packets_by_spi = {state.spi: state.packets for state in states}
        self.assertEqual(packets_by_spi, {spi_ps: 1, spi_us: 1, spi_uc: 0, spi_pc: 0},
                         "REGISTER #2 and its 200 travel through ESP, and nothing else does")
        for state in states:
            self.assertEqual((state.algorithms, state.reqid), (kernel_names, REQID))

    def check_wire(self, packets, states):
        """Between protected ports only ESP passes, under the SPIs agreed."""
        for packet in packets:
            self.assertFalse({packet.source_port, packet.destination_port} & set(PROTECTED_PORTS),
                             f"in clear: {packet}")
        spis = {packet.spi for packet in packets if packet.spi}
        self.assertTrue(spis)
        self.assertLessEqual(spis, {state.spi for state in states})


if __name__ == "__main__":
    gmlab.main()
