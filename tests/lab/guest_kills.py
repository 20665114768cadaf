#!/usr/bin/env python3
"""gmedge with a journal is killed again and again while calls run over real ESP.

    guest_kills.py BUILD [KILLS]
"""

import signal
import sys

import gmlab
import guest_calls

KILLS = 4


class Kills(guest_calls.CallsOverOneGmedgeAfterTheOther):
    def test_running_calls_go_on_over_the_sas_they_had(self):
        journal = self.new_journal()

        def kill(edge, _):
            gmlab.stop(edge, signal.SIGKILL)
            edge = self.start_edge(journal=journal)
            self.assertEqual(self.sas_put_right()[:3], (4 * self.PHONES, 0, 0),
                             "kept, made, removed")
            return edge
        self.replace_under_calls(
            kill, KILLS, 8 + 3 * KILLS, journal=journal,
            is_ready=lambda: self.records(journal) == (self.PHONES, self.PHONES))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        KILLS = int(sys.argv.pop(2))
    gmlab.main()
