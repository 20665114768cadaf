#!/usr/bin/env python3
"""One gmedge takes over from the other while calls run over real ESP.

    guest_takeover.py BUILD [TAKEOVERS]
"""

import random
import sys
import threading
import time

import gmlab
import guest_calls

TAKEOVERS = 2
PHONES = 20
# Above T1 of RFC 3261 several times over: who asks while nobody reads asks again.
CALL_MS = 1500


class Takeovers(gmlab.LabCase):
    def test_calls_over_udp_go_on_over_the_sas_they_had(self):
        self.take_over_under_calls("udp", with_journal=False)

    def test_calls_over_tcp_go_on_over_the_sas_they_had(self):
        self.take_over_under_calls("tcp", with_journal=True)

    def take_over_under_calls(self, transport, with_journal):
        settings = {"process": {"takeover_socket": str(gmlab.SCRATCH / "takeover")},
                    # So that the sockets of UDP encapsulation are handed over, too.
                    "ipsec": {"udp_enc_tun": True}}
        if with_journal:
            settings["journal"] = self.new_journal()
        self.start_core(control=gmlab.endpoint(gmlab.IPV4.core, gmlab.CONTROL_PORT),
                        mt_call_ms=CALL_MS, mt_transport=transport)
        edge = self.start_edge(**settings)
        phones = self.start_phones(gmlab.IPV4, "register,hold,invite", phones=PHONES,
                                   transport=transport, hold_seconds=3 + 3 * TAKEOVERS)
        self.wait_until("all register", lambda: self.core_counts(
            gmlab.IPV4)["registered"] == PHONES, 20)
        calls = guest_calls.Calls(self.network.core, gmlab.IPV4, PHONES)
        caller = threading.Thread(target=calls.run, args=[phones])
        caller.start()
        before = self.packets()
        chance = random.Random(1)
        longest = 0.0
        for number in range(TAKEOVERS):
            time.sleep(chance.uniform(0.5, 1.5))
            begin = time.monotonic()
            following = self.start_edge(takes_over=number + 1, **settings)
            self.assertEqual(edge.wait(10), 0, "the one before ends by itself")
            longest = max(longest, time.monotonic() - begin)
            edge = following
        now = self.packets()
        self.assertEqual(set(now), set(before), "the very SAs, and no other")
        for name, packets in before.items():
            self.assertGreaterEqual(now[name], packets, "SAs are not made again")
        report = self.finish_phones(phones, 60 + 3 * TAKEOVERS)
        self.assertTrue(report["ok"], report)
        caller.join()
        counters = self.counters_of(edge, f"gmedge{TAKEOVERS}.log")
        print(f"{transport}: {TAKEOVERS} takeovers, the longest {longest:.2f} s; "
              f"{calls.answered} calls, {len(calls.failed)} kinds of failure; "
              f"{sum(now.values()) - sum(before.values())} packets over the same {len(now)} SAs; "
              f"{counters}")
        self.assertEqual(calls.failed, {})
        self.assertGreater(calls.answered, PHONES)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        TAKEOVERS = int(sys.argv.pop(2))
    gmlab.main()
