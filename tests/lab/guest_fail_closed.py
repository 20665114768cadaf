#!/usr/bin/env python3
"""Nothing gets through in clear, whoever sends it, and whatever the kernel refuses is told."""

import re
import socket

import gmlab

PROTECTED_PORTS = (5062, 5064)
REGISTER = (b"REGISTER sip:ims.mnc001.mcc001.3gppnetwork.org SIP/2.0\r\n"
            b"Via: SIP/2.0/UDP 198.19.0.9:37002;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
            b"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n"
            b"Contact: <sip:a@198.19.0.9:37002>\r\nContent-Length: 0\r\n\r\n")


class FailClosed(gmlab.LabCase):
    def test_policies_are_two_for_each_protected_port(self):
        self.start_core()
        self.start_edge()
        report = self.run_phones(gmlab.IPV4, "register", phones=3)
        self.assertTrue(report["ok"], report)
        selectors = sorted(policy.split("\n")[0].strip() for policy in self.network.edge.policies())
        expected = [f"src {gm}/{bits} dst {any_address} sport {port}"
                    for gm, bits, any_address in (("198.18.0.1", 32, "0.0.0.0/0"),
                                                  ("2001:db8:1::1", 128, "::/0"))
                    for port in PROTECTED_PORTS]
        expected += [f"src {any_address} dst {gm}/{bits} dport {port}"
                     for gm, bits, any_address in (("198.18.0.1", 32, "0.0.0.0/0"),
                                                   ("2001:db8:1::1", 128, "::/0"))
                     for port in PROTECTED_PORTS]
        self.assertEqual(selectors, sorted(expected))
        for policy in self.network.edge.policies():
            self.assertRegex(policy, r"proto esp reqid 1735222628 mode transport")

    def test_what_is_plain_never_reaches_a_protected_port(self):
        edge = self.start_edge()
        before = self.network.edge.counters()
        sent = 0
        for version in (gmlab.IPV4, gmlab.IPV6):
            stranger = (gmlab.phone(version, 8), 37002)
            for port in PROTECTED_PORTS:
                with self.network.phones.socket(socket.SOCK_DGRAM, *stranger) as datagrams:
                    datagrams.sendto(REGISTER, (version.gm, port))
                with self.network.phones.socket(socket.SOCK_STREAM, *stranger) as stream:
                    stream.settimeout(0.1)
                    with self.assertRaises(TimeoutError):
                        stream.connect((version.gm, port))
                sent += 2
        self.wait_until("the kernel counts them", lambda: self.mismatches_since(before) >= sent)
        self.assertNotIn("received", self.counters_of(edge))

    def test_phone_with_sas_is_not_heard_in_clear(self):
        """REGISTER #2 outside ESP, all else being right."""
        self.start_core()
        edge = self.start_edge()
        report = self.run_phones(gmlab.IPV4, "register", fail="plain", timeout_ms=900,
                                 expect_failure="true")
        self.assertEqual(report["failures"], {"register: timeout": 1}, report)
        counters = self.counters_of(edge)
        self.assertEqual(counters.get("registrations", 0), 0)
        self.assertEqual(counters["received"], 2, "REGISTER #1 and the core's 401")

    def test_no_right_to_change_the_kernel_is_told_at_start(self):
        settings = gmlab.write_settings({})
        words = self.network.edge.run(
            "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin",
            str(gmlab.BUILD / "gmedge"), f"--config={settings}", check=False)
        self.assertRegex(words, r"gmedge: .*EPERM.*CAP_NET_ADMIN")
        self.assertEqual(self.network.edge.policies(), [])

    def test_refusal_of_the_kernel_gives_a_500_and_leaves_nothing(self):
        """An SA of a stranger has the phone's address and SPI: EEXIST for one of the four."""
        self.start_core()
        edge = self.start_edge()
        self.network.edge.run(
            "ip", "xfrm", "state", "add", "src", gmlab.IPV4.gm, "dst", gmlab.phone(gmlab.IPV4, 0),
            "proto", "esp", "spi", "1000000001", "mode", "transport", "auth-trunc", "hmac(sha1)",
            "0x" + "07" * 20, "96", "enc", "ecb(cipher_null)", "")
        report = self.run_phones(gmlab.IPV4, "register", expect_failure="true")
        self.assertEqual(report["failures"], {"register: refused 500": 1})
        self.assertEqual(len(self.network.edge.states()), 1, "only the stranger's")
        self.assertEqual(len(re.findall(r"EEXIST.*\n", self.log_of_edge())), 1, "one line names it")
        self.assertEqual(self.counters_of(edge)["sets_refused"], 1)

    def mismatches_since(self, before):
        """Packets that a policy turned away for want of ESP."""
        return self.network.edge.counters()["XfrmInTmplMismatch"] - before["XfrmInTmplMismatch"]


if __name__ == "__main__":
    gmlab.main()
