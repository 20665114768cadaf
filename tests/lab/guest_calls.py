#!/usr/bin/env python3
"""Calls while the security associations below them change, over real ESP."""

import selectors
import socket

import gmlab


class CallsBeside(gmlab.LabCase):
    def test_calls_go_on_while_sets_change(self, count=200):
        """A call of the core to each phone is under way at any time, while each phone calls,
        refreshes its registration and authenticates anew."""
        def check(version, transport, edge):
            phones = self.start_phones(
                version, "register,hold,invite,reauth,invite,reregister,invite,hold",
                phones=count, phones_per_address=4, transport=transport, hold_seconds=5)
            self.wait_until("all register", lambda: self.core_counts(
                version)["registered"] == count, seconds=30)
            calls = Calls(self.network.core, version, count)
            calls.run(phones)
            report = self.finish_phones(phones, seconds=60)
            self.assertTrue(report["ok"], report)
            self.assertEqual(calls.failed, {})
            self.assertGreater(calls.answered, 2 * count)
            # One set of each phone drains, one is in use.
            self.assertEqual(len(self.states_of(gmlab.phone(version, 0))), 4 * 8)
            counters = self.counters_of(edge)
            self.assertEqual(counters["registrations"], 2 * count, "each phone has agreed twice")
            self.assertEqual({name for name in counters if name.startswith("drop_")}, set())
        self.in_every_way(check, core={"mt_call_ms": 1500})


class Calls:
    """An INVITE of the core to each phone, one after the other, for as long as the phones are."""

    def __init__(self, space, version, phones):
        self.to = (version.core, gmlab.CONTROL_PORT)
        self.answered = 0
        self.failed = {}
        self.answers = selectors.DefaultSelector()
        for index in range(phones):
            with space.entered():
                asking = socket.socket(gmlab.family(version.core), socket.SOCK_DGRAM)
            self.answers.register(asking, selectors.EVENT_READ, gmlab.imsi(index))

    def run(self, phones):
        for key in list(self.answers.get_map().values()):
            self.call(key)
        while phones.poll() is None:
            for key, _ in self.answers.select(0.1):
                self.take(key.fileobj.recv(256))
                self.call(key)
        for key in list(self.answers.get_map().values()):
            self.answers.unregister(key.fileobj)
            key.fileobj.close()

    def call(self, key):
        key.fileobj.sendto(f"mt INVITE {key.data}".encode(), self.to)

    def take(self, answer):
        if answer == b"ok 200\n":
            self.answered += 1
        else:
            self.failed[answer] = self.failed.get(answer, 0) + 1


if __name__ == "__main__":
    gmlab.main()
