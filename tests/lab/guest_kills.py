#!/usr/bin/env python3
"""gmedge with a journal is killed again and again while calls run over real ESP.

    guest_kills.py BUILD [KILLS]
"""

import random
import signal
import sys
import threading
import time

import gmlab
import guest_calls

KILLS = 4
PHONES = 20
# Above T1 of RFC 3261 several times over: who asks while nobody is there asks again.
CALL_MS = 1500


class Kills(gmlab.LabCase):
    def test_running_calls_go_on_over_the_sas_they_had(self):
        journal = self.new_journal()
        self.start_core(control=gmlab.endpoint(gmlab.IPV4.core, gmlab.CONTROL_PORT),
                        mt_call_ms=CALL_MS)
        edge = self.start_edge(journal=journal)
        phones = self.start_phones(gmlab.IPV4, "register,hold", phones=PHONES,
                                   hold_seconds=8 + 3 * KILLS)
        self.wait_until("all are registered and kept",
                        lambda: self.records(journal) == (PHONES, PHONES), 20)
        calls = guest_calls.Calls(self.network.core, gmlab.IPV4, PHONES)
        caller = threading.Thread(target=calls.run, args=[phones])
        caller.start()
        before = self.packets()
        slowest = 0.0
        chance = random.Random(1)
        for _ in range(KILLS):
            time.sleep(chance.uniform(0, 1))
            gmlab.stop(edge, signal.SIGKILL)
            begin = time.monotonic()
            edge = self.start_edge(journal=journal)
            slowest = max(slowest, time.monotonic() - begin)
            self.assertEqual(self.sas_put_right()[:3], (4 * PHONES, 0, 0), "kept, made, removed")
        now = self.packets()
        self.assertEqual(set(now), set(before), "the very SAs, and no other")
        for name, packets in before.items():
            self.assertGreaterEqual(now[name], packets, "live SAs were kept, not made again")
        report = self.finish_phones(phones, 60 + 3 * KILLS)
        self.assertTrue(report["ok"], "they end over what they had")
        caller.join()
        print(f"{KILLS} kills, slowest start {slowest:.2f} s; {calls.answered} calls, "
              f"{len(calls.failed)} kinds of failure; "
              f"{sum(now.values()) - sum(before.values())} packets over the same "
              f"{len(now)} SAs")
        self.assertEqual(calls.failed, {})
        self.assertGreater(calls.answered, PHONES)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        KILLS = int(sys.argv.pop())
    gmlab.main()
