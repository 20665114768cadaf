#!/usr/bin/env python3
"""One line says why a registration ended after the 401: what came in, what the kernel counted."""

import re
import socket

import gmlab

UNANSWERED = "nobody answered the 401 over the new SAs"


class Diagnosis(gmlab.LabCase):
    def setUp(self):
        self.start_core()
        self.edge = self.start_edge(ipsec={"temporary_timeout": 6})
        self.address = gmlab.phone(gmlab.IPV4, 0)

    def line(self):
        """The attempt's line, once its time is over."""
        self.wait_until("a line about it", lambda: UNANSWERED in self.log_of_edge(), 15)
        return next(line for line in self.log_of_edge().split("\n") if UNANSWERED in line)

    def start_phone_that_does_not_answer(self):
        """SA1 of a phone that hears the 401 and gives up."""
        self.start_phones(gmlab.IPV4, "register", fail="no-answer", expect_failure="true",
                          algorithms="hmac-sha-1-96=null")
        states = self.wait_for_set(self.address, confirmed=False)
        return next(state for state in states if state.source == self.address
                    and state.ports[0] == gmlab.PORT_UC)

    def knock(self, sa, key=None, spi=None):
        """A segment of TCP through SA1 as a phone with this key and SPI sends it.

        The SAs are for any upper protocol, and gmedge has no ear for this one.
        """
        name = ("src", sa.source, "dst", sa.destination, "proto", "esp", "spi")
        text = self.network.edge.run("ip", "xfrm", "state", "get", *name, str(sa.spi))
        right = re.search(r"auth-trunc hmac\(sha1\) (0x[0-9a-f]{40}) 96", text)[1]
        phones = self.network.phones
        phones.run("ip", "xfrm", "state", "add", *name, str(spi or sa.spi), "reqid", "77", "mode",
                   "transport", "auth-trunc", "hmac(sha1)", key or right, "96", "enc",
                   "ecb(cipher_null)", "")
        phones.run("ip", "xfrm", "policy", "add", "src", sa.source, "dst", sa.destination, "proto",
                   "tcp", "sport", str(sa.ports[0]), "dir", "out", "tmpl", "proto", "esp", "reqid",
                   "77", "mode", "transport")
        with phones.socket(socket.SOCK_STREAM, self.address, sa.ports[0]) as stream:
            stream.settimeout(0.2)
            with self.assertRaises(OSError):
                stream.connect((sa.destination, sa.ports[1]))

    def test_nothing_came(self):
        self.start_phone_that_does_not_answer()
        self.assertRegex(self.line(), r"new SAs: no ESP came in on them alg=.* esp=no \d+ ms")

    def test_what_came_was_plain(self):
        self.run_phones(gmlab.IPV4, "register", fail="plain", timeout_ms=900,
                        expect_failure="true")
        self.assertRegex(self.line(), r"new SAs: no ESP came in on them alg=.* esp=no "
                                      r"kernel: XfrmInTmplMismatch\+\d+; \d+ ms")

    def test_what_came_was_no_answer(self):
        self.knock(self.start_phone_that_does_not_answer())
        self.assertRegex(self.line(), r"ESP came in, but nothing in it that answers the challenge "
                                      r"alg=.* esp=yes esp-packets=[1-9]\d* esp-bytes=[1-9]\d* "
                                      r"esp-undecrypted=0 esp-replayed=0 \d+ ms")

    def test_what_came_was_under_other_keys(self):
        self.knock(self.start_phone_that_does_not_answer(), key="0x" + "07" * 20)
        self.assertRegex(self.line(), r"ESP came in that could not be decrypted: the phone's keys "
                                      r"differ alg=.* esp=yes esp-packets=0 esp-bytes=0 "
                                      r"esp-undecrypted=[1-9]\d* esp-replayed=0 "
                                      r"kernel: XfrmInStateProtoError\+\d+; \d+ ms")

    def test_what_came_had_another_spi(self):
        self.knock(self.start_phone_that_does_not_answer(), spi=99999)
        self.assertRegex(self.line(), r"no ESP came in on them alg=.* esp=no "
                                      r"kernel: XfrmInNoStates\+\d+; \d+ ms")


if __name__ == "__main__":
    gmlab.main()
