#!/usr/bin/env python3
"""Phones behind a NAT (mod=UDP-enc-tun, TS 33.203 annex M) over real ESP in UDP. The NAT is one of
the kernel's (netfilter), and never gives a phone the port that it sends from."""

import json
import shutil
import signal
import socket
import subprocess
import time
import unittest

import gmlab
import netns
import wire

PROTECTED_PORTS = {5062, 5064}
UDP_PORT = 4500
REQUESTS = "message,options,invite,mt-message,mt-invite"
PORTS, OTHER_PORTS = (61000, 61999), (62000, 62999)
# The NAT's address, and gmedge's end of the link to it. Two homes are behind: 10.9.1.2, 10.9.2.2.
PUBLIC = {gmlab.IPV4: "192.0.2.2", gmlab.IPV6: "2001:db8:7::2"}
HOMES = (1, 2)
_LINKS = """
link add wan netns nat type veth peer name nat netns edge
link add home1 netns nat type veth peer name wan netns home1
link add home2 netns nat type veth peer name wan netns home2
"""
_EDGE = """
address add 192.0.2.1/24 dev nat
address add 2001:db8:7::1/64 dev nat nodad
link set nat up
"""
_NAT = """
link set lo up
address add 192.0.2.2/24 dev wan
address add 2001:db8:7::2/64 dev wan nodad
link set wan up
route add 198.18.0.0/24 via 192.0.2.1
route add 2001:db8:1::/64 via 2001:db8:7::1
address add 10.9.1.1/24 dev home1
address add fd09:1::1/64 dev home1 nodad
link set home1 up
address add 10.9.2.1/24 dev home2
address add fd09:2::1/64 dev home2 nodad
link set home2 up
"""
# Within the tunnel stands the public address (TS 33.203 annex M), so it is local here, too.
_HOME = """
link set lo up
address add 192.0.2.2/32 dev lo
address add 2001:db8:7::2/128 dev lo nodad
address add 10.9.{0}.2/24 dev wan
address add fd09:{0}::2/64 dev wan nodad
link set wan up
route add default via 10.9.{0}.1
route add default via fd09:{0}::1
"""


@unittest.skipUnless(shutil.which("iptables-legacy"),
                     "iptables-legacy is not installed (Debian package iptables)")
class Nat(gmlab.LabCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        subprocess.run(["modprobe", "-d", "/run/kernel", "-a", "iptable_nat", "ip6table_nat",
                        "xt_nat", "xt_tcpudp"], check=True)
        for name in ("nat", "home1", "home2"):
            subprocess.run(["ip", "netns", "add", name], check=True)
        cls.nat = netns.Namespace("nat")
        cls.homes = {index: netns.Namespace(f"home{index}") for index in HOMES}
        netns.batch(["ip"], _LINKS)
        netns.batch(["ip", "-n", "edge"], _EDGE)
        netns.batch(["ip", "-n", "nat"], _NAT)
        for index in HOMES:
            netns.batch(["ip", "-n", f"home{index}"], _HOME.format(index))
        cls.set("net/ipv4/ip_forward", 1)
        cls.set("net/ipv6/conf/all/forwarding", 1)

    @classmethod
    def tearDownClass(cls):
        for name in ("nat", "home1", "home2"):
            subprocess.run(["ip", "netns", "delete", name], check=True)
        super().tearDownClass()

    @classmethod
    def set(cls, name, value):
        cls.nat.run("sh", "-c", f"echo {value} >/proc/sys/{name}")

    def setUp(self):
        self.translate(PORTS)
        for kind in ("udp_timeout", "udp_timeout_stream"):
            self.set(f"net/netfilter/nf_conntrack_{kind}", 30)

    def translate(self, ports):
        """What goes out from now on has the NAT's address and one of these ports."""
        low, high = ports
        for command, address in (("iptables-legacy", "192.0.2.2"),
                                 ("ip6tables-legacy", "[2001:db8:7::2]")):
            self.nat.run(command, "-t", "nat", "-F")
            for protocol in ("udp", "tcp"):
                self.nat.run(command, "-t", "nat", "-A", "POSTROUTING", "-o", "wan", "-p", protocol,
                             "-j", "SNAT", "--to-source", f"{address}:{low}-{high}")

    def forget_soon(self):
        """A port that nothing has passed for a second is another one's."""
        for kind in ("udp_timeout", "udp_timeout_stream"):
            self.set(f"net/netfilter/nf_conntrack_{kind}", 1)

    def start_for(self, version, udp_enc_tun=True, **settings):
        return self.start_edge(ipsec={"udp_enc_tun": udp_enc_tun},
                               core={"listen": gmlab.endpoint(version.edge, 5060),
                                     "next_hop": gmlab.endpoint(version.core, 5060)}, **settings)

    def start_phone(self, version, home, scenario, **options):
        """Behind one address phones need ports and SPIs of their own."""
        address = f"fd09:{home}::2" if ":" in version.gm else f"10.9.{home}.2"
        options = {"udp_enc_tun": "true", "port_c": 37001 + 100 * home,
                   "port_s": 37002 + 100 * home, "spi_first": 1000000000 + 1000 * home, **options}
        self.addCleanup(self.flush, home)
        return self.start(self.homes[home], f"gmue{home}.log", gmlab.BUILD / "gmue",
                          f"--pcscf={gmlab.endpoint(version.gm, 5060)}", f"--address={address}",
                          f"--imsi={gmlab.imsi(home)}", f"--scenario={scenario}", "--json",
                          *gmlab.flags(options))

    def flush(self, home):
        netns.batch(["ip", "-n", f"home{home}"], "xfrm state flush\nxfrm policy flush\n")

    def finish_phone(self, home, phone, seconds=30):
        phone.wait(seconds)
        text = (gmlab.SCRATCH / f"gmue{home}.log").read_text().strip()
        return json.loads(text.split("\n")[-1])

    def udp_ports(self, version):
        """Of the phones at the NAT, as gmedge's SAs have them; all SAs must be in UDP."""
        ports = set()
        for state in self.states_of(PUBLIC[version]):
            self.assertIsNotNone(state.udp_ports, str(state))
            outside = state.udp_ports[state.destination == PUBLIC[version] and 1 or 0]
            self.assertEqual(sum(state.udp_ports), outside + UDP_PORT, str(state))
            ports.add(outside)
        return ports

    def wait_for_ports(self, version, count, ports=PORTS):
        def learnt():
            found = self.udp_ports(version)
            is_of_nat = all(ports[0] <= port <= ports[1] for port in found)
            return found if len(found) == count and is_of_nat else None
        return self.wait_until(f"{count} ports of {ports} in the SAs", learnt, seconds=10)

    # --- Both ways, and a new set: one phone over UDP, the other over TCP ---

    def test_everything_over_ipv4(self):
        self.everything(gmlab.IPV4, mt_transport="udp")

    def test_everything_over_ipv6(self):
        self.everything(gmlab.IPV6, mt_transport="tcp")

    def everything(self, version, mt_transport):
        core = self.start_core(version, mt_transport=mt_transport)
        edge = self.start_for(version, process={"drain": 0})
        link = wire.Wire(self.nat, "wan")  # At gmedge's end what is decrypted shows as well.
        self.addCleanup(link.close)
        steps = f"register,{REQUESTS},reauth,message,mt-message,reregister,deregister"
        phones = {home: self.start_phone(version, home, steps, transport=transport)
                  for home, transport in zip(HOMES, ("udp", "tcp"))}
        for home, phone in phones.items():
            report = self.finish_phone(home, phone)
            self.assertTrue(report["ok"], report)
        # One port for all SAs of a phone, which have drained when they go.
        self.assertEqual(len(self.udp_ports(version)), len(HOMES))
        self.wait_for_ports(version, len(HOMES))
        self.check_wire(link, version)
        counters = self.counters_of(edge)
        self.assertEqual([counters["registrations"], counters["deregistrations"]], [4, 2])
        self.assertEqual(counters["nat_sets"], 4)
        self.assertGreaterEqual(counters["nat_ports_learnt"], 2)
        self.assertGreaterEqual(counters["tcp_accepted"], 2)
        dropped = {name: value for name, value in counters.items()
                   if name.startswith(("drop_", "send_", "sets_refused", "kernel_lost"))}
        self.assertEqual(dropped, {})
        self.assertEqual(self.network.edge.states(), [], "gmedge left SAs behind")
        self.assertEqual(self.network.edge.policies(), [], "gmedge left policies behind")
        self.assertEqual(gmlab.stop(core), 0, "gmedge broke rules towards the core: gmcore.log")

    def check_wire(self, link, version):
        """ESP passes in UDP alone, and nothing of a protected port in clear."""
        packets = link.packets()
        self.assertFalse([packet for packet in packets if packet.protocol == wire.ESP])
        for packet in packets:
            self.assertFalse({packet.source_port, packet.destination_port} & PROTECTED_PORTS,
                             f"in clear: {packet}")
        for source, destination in ((PUBLIC[version], version.gm), (version.gm, PUBLIC[version])):
            passed = [packet for packet in packets if packet.protocol == wire.UDP and
                      (packet.source, packet.destination) == (source, destination) and
                      UDP_PORT in (packet.source_port, packet.destination_port)]
            self.assertGreater(len(passed), 10)

    # --- The port ---

    def test_a_nat_that_changes_the_port_is_followed(self):
        version = gmlab.IPV4
        self.start_core(version)
        edge = self.start_for(version)
        self.forget_soon()
        phone = self.start_phone(version, 1, "register,hold,message,mt-message,deregister",
                                 hold_seconds=3, nat_keepalive=0)
        before = self.wait_for_ports(version, 1)
        self.translate(OTHER_PORTS)
        after = self.wait_for_ports(version, 1, OTHER_PORTS)
        self.assertNotEqual(before, after)
        report = self.finish_phone(1, phone)
        self.assertTrue(report["ok"], report)
        self.assertGreaterEqual(self.counters_of(edge)["nat_ports_learnt"], 2)

    def test_keep_alives_keep_the_port_and_go_no_further_than_the_kernel(self):
        version = gmlab.IPV4
        self.start_core(version, control=gmlab.endpoint(version.core, gmlab.CONTROL_PORT))
        edge = self.start_for(version)
        self.forget_soon()
        self.start_phone(version, 1, "register,hold", hold_seconds=60, nat_keepalive=0.2)
        ports = self.wait_for_ports(version, 1)
        self.wait_until("it is registered", lambda: self.core_counts(version)["registrations"])
        time.sleep(3)  # Three times as long as the NAT remembers.
        answer = self.ask_core(version, f"mt MESSAGE {gmlab.imsi(1)}")
        self.assertEqual(answer, b"ok 200\n", "the core reaches the phone")
        self.assertEqual(self.udp_ports(version), ports)
        waiting = self.network.edge.run("cat", "/proc/net/udp")
        queues = [line.split()[4].split(":")[1] for line in waiting.split("\n")
                  if f":{UDP_PORT:04X} " in line]
        self.assertEqual(queues, ["00000000"], "one socket, in which nothing waits")
        self.assertNotIn("drop_keepalive", self.counters_of(edge))

    # --- What does not pass ---

    def test_a_phone_that_does_not_offer_it_hears_nothing(self):
        version = gmlab.IPV4
        self.start_core(version)
        edge = self.start_for(version)
        self.check_silence(version, edge, udp_enc_tun="false")

    def test_without_the_setting_nobody_behind_a_nat_hears_anything(self):
        version = gmlab.IPV4
        self.start_core(version)
        edge = self.start_for(version, udp_enc_tun=False)
        self.check_silence(version, edge)

    def check_silence(self, version, edge, **options):
        phone = self.start_phone(version, 1, "register", timeout_ms=1200, expect_failure="true",
                                 **options)
        report = self.finish_phone(1, phone)
        self.assertEqual(list(report["failures"]), ["register: timeout"], report)
        counters = self.counters_of(edge)
        self.assertGreaterEqual(counters["drop_nat"], 1)
        self.assertEqual(counters.get("challenges", 0), 0)

    def test_plain_text_of_a_registered_phones_flow_is_dropped_by_the_kernel(self):
        version = gmlab.IPV4
        self.start_core(version)
        edge = self.start_for(version)
        self.start_phone(version, 1, "register,hold", hold_seconds=60)
        self.wait_for_ports(version, 1)
        server = next(state.ports[1] for state in self.states_of(PUBLIC[version])
                      if state.ports[0] == 37101)
        before = self.network.edge.counters()
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with self.nat.socket(kind, PUBLIC[version], 37101) as plain:
                plain.settimeout(1)
                if kind == socket.SOCK_DGRAM:
                    plain.sendto(b"OPTIONS sip:a SIP/2.0\r\n\r\n", (version.gm, server))
                else:
                    with self.assertRaises(OSError):
                        plain.connect((version.gm, server))
        after = self.network.edge.counters()
        self.assertGreaterEqual(after["XfrmInTmplMismatch"], before["XfrmInTmplMismatch"] + 2)
        self.assertEqual(self.counters_of(edge).get("tcp_accepted", 0), 0)

    # --- Over a restart ---

    def test_killed_and_started_again_with_a_journal_it_reaches_the_phone_at_its_port(self):
        version = gmlab.IPV4
        journal = self.new_journal()
        self.start_core(version, control=gmlab.endpoint(version.core, gmlab.CONTROL_PORT))
        edge = self.start_for(version, journal=journal)
        self.start_phone(version, 1, "register,hold", hold_seconds=60)
        ports = self.wait_for_ports(version, 1)
        self.wait_until("it is registered", lambda: self.core_counts(version)["registrations"])
        self.assertEqual(self.ask_core(version, f"mt MESSAGE {gmlab.imsi(1)}"), b"ok 200\n")
        for is_reboot in (False, True):
            gmlab.stop(edge, signal.SIGKILL)
            if is_reboot:
                netns.batch(["ip", "-n", "edge"], "xfrm state flush\nxfrm policy flush\n")
            edge = self.start_for(version, journal=journal)
            self.assertEqual(self.udp_ports(version), ports)
            self.assertEqual(len(self.network.edge.policies()), 8 + 4)
            self.assertEqual(self.ask_core(version, f"mt MESSAGE {gmlab.imsi(1)}"), b"ok 200\n")


if __name__ == "__main__":
    gmlab.main()
