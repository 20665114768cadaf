#!/usr/bin/env python3
"""Calls while the security associations below them change, over real ESP."""

import random
import selectors
import socket
import threading
import time

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


class CallsOverOneGmedgeAfterTheOther(gmlab.LabCase):
    """Calls to phones that hold on, while gmedge is replaced again and again; SAs stay."""
    PHONES = 20
    # Above T1 of RFC 3261 several times over: who asks while nobody reads asks again.
    CALL_MS = 1500

    def replace_under_calls(self, replace, times, hold_seconds, *, pause=(0, 1), transport="udp",
                            is_ready=lambda: True, **settings):
        """replace(edge, n) yields the gmedge that serves after the nth change; the last one."""
        self.start_core(control=gmlab.endpoint(gmlab.IPV4.core, gmlab.CONTROL_PORT),
                        mt_call_ms=self.CALL_MS, mt_transport=transport)
        edge = self.start_edge(**settings)
        phones = self.start_phones(gmlab.IPV4, "register,hold,invite", phones=self.PHONES,
                                   transport=transport, hold_seconds=hold_seconds)
        self.wait_until("all register", lambda: self.core_counts(
            gmlab.IPV4)["registered"] == self.PHONES and is_ready(), 20)
        calls = Calls(self.network.core, gmlab.IPV4, self.PHONES)
        caller = threading.Thread(target=calls.run, args=[phones])
        caller.start()
        before = self.packets()
        slowest = 0.0
        chance = random.Random(1)
        for number in range(times):
            time.sleep(chance.uniform(*pause))
            begin = time.monotonic()
            edge = replace(edge, number + 1)
            slowest = max(slowest, time.monotonic() - begin)
        now = self.packets()
        self.assertEqual(set(now), set(before), "the very SAs, and no other")
        for name, packets in before.items():
            self.assertGreaterEqual(now[name], packets, "live SAs were kept, not made again")
        report = self.finish_phones(phones, 60 + hold_seconds)
        self.assertTrue(report["ok"], "they end over what they had")
        caller.join()
        print(f"{transport}: {times} times, the slowest {slowest:.2f} s; {calls.answered} calls, "
              f"{len(calls.failed)} kinds of failure; "
              f"{sum(now.values()) - sum(before.values())} packets over the same {len(now)} SAs")
        self.assertEqual(calls.failed, {})
        self.assertGreater(calls.answered, self.PHONES)
        return edge


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
