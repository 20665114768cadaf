#!/usr/bin/env python3
"""One gmedge takes over from the other while calls run over real ESP.

    guest_takeover.py BUILD [TAKEOVERS]
"""

import sys

import gmlab
import guest_calls

TAKEOVERS = 2


class Takeovers(guest_calls.CallsOverOneGmedgeAfterTheOther):
    def test_calls_over_udp_go_on_over_the_sas_they_had(self):
        self.take_over_under_calls("udp")

    def test_calls_over_tcp_go_on_over_the_sas_they_had(self):
        self.take_over_under_calls("tcp", journal=self.new_journal())

    def take_over_under_calls(self, transport, **settings):
        settings["process"] = {"takeover_socket": str(gmlab.SCRATCH / "takeover")}
        settings["ipsec"] = {"udp_enc_tun": True}  # Its sockets are handed over, too.

        def take_over(edge, number):
            following = self.start_edge(takes_over=number, **settings)
            self.assertEqual(edge.wait(10), 0, "the one before ends by itself")
            return following
        edge = self.replace_under_calls(take_over, TAKEOVERS, 3 + 3 * TAKEOVERS,
                                        pause=(0.5, 1.5), transport=transport, **settings)
        counters = self.counters_of(edge, f"gmedge{TAKEOVERS}.log")
        self.assertEqual(counters["inherited_sets"], self.PHONES)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        TAKEOVERS = int(sys.argv.pop(2))
    gmlab.main()
