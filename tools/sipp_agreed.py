"""Phones of sipp's that agree on security associations with gmedge, against gmcore.

sipp does AKA, but no ESP and no second socket, so:
- gmedge runs on the simulated kernel: SAs are agreed, made and deleted, packets stay as they are.
- A phone is an address of its own (127.a.b.c). What it sends leaves one port, port_uc, in clear and
  over its SAs; the quirk answer_to_port_uc has the answers come back there.
- Who is called is a second sipp at the port_us of all phones. It answers from there, to port_pc:
  SA4, which TS 33.203 has for TCP, and which gmedge takes for UDP too.
"""

import socket
import time

from sipp_run import HOST, SCENARIOS, Failed, Run, allow_sockets, free_ports, stop

REALM = "ims.mnc001.mcc001.3gppnetwork.org"
FIRST_IMSI = 1010000000001
# K and OP as sipp wants them, text; OPc is made of them (TS 35.206).
K, OP = "gmedge-sipp-key1", "gmedge-sipp-op-1"
OPC = "a68647b38f513bdc78ce352eee7b906c"
# Calls to phones under way at once.
CALLED_AT_ONCE = 20


class AgreedRun(Run):
    """As many phones as calls: each of them does everything once."""

    def __init__(self, options, folder):
        super().__init__(options.build, folder, options.rate)
        self.count = options.calls
        (self.gm, self.core, self.gmcore, self.control, self.port_ps, self.port_pc, self.port_uc,
         self.port_us) = free_ports(8)

    def begin(self):
        allow_sockets(self.count)
        self.core_process = self.start(
            "gmcore", [self.build / "gmcore", f"--listen={HOST}:{self.gmcore}",
                       f"--control={HOST}:{self.control}", f"--imsi={FIRST_IMSI:015d}",
                       f"--subscribers={self.count}", f"--realm={REALM}", f"--k={K.encode().hex()}",
                       f"--opc={OPC}"])
        self.await_listener(self.gmcore)
        self.start_edge(
            f'[ipsec]\nsocket = ["ipsec:{HOST}:{self.port_ps}", "ipsec:{HOST}:{self.port_pc}"]\n'
            f'default_server_port = {self.port_ps}\n'
            f'[gm]\nlisten = "{HOST}:{self.gm}"\n'
            f'[core]\nlisten = "{HOST}:{self.core}"\nnext_hop = "{HOST}:{self.gmcore}"\n'
            f'[process]\ndrain = 0\n[[rule]]\nquirks = "answer_to_port_uc"\n', self.gm)
        phones = "\n".join(f"{address(i)};{imsi(i)};{credentials(i)}" for i in range(self.count))
        (self.folder / "phones.csv").write_text(f"SEQUENTIAL\n{phones}\n")

    def steps(self):
        """What is done, and how: each yields how many went well and how many failed."""
        return (("register, answering a challenge", lambda: self.phones("register", self.gm)),
                ("call", lambda: self.phones("call", self.port_ps)),
                ("are called", self.are_called),
                ("register again", lambda: self.phones("reregister", self.port_ps)),
                ("de-register", lambda: self.phones("deregister", self.port_ps)))

    def phones(self, name, port):
        # The REGISTERs of a phone have one Call-ID.
        call_id = "call-%u" if name == "call" else "register-%u"
        return self.call(name, "ui", self.port_uc, "-sf", SCENARIOS / f"agreed_{name}.xml",
                         *self.values(), "-cid_str", f"{call_id}@{HOST}", f"{HOST}:{port}",
                         calls=self.count)

    def are_called(self):
        process = self.start_calls("called", "ui", self.port_us, "-sf",
                                   SCENARIOS / "agreed_called.xml", *self.values(),
                                   calls=self.count)
        for i in range(self.count):
            self.await_listener(self.port_us, udp=True, host=address(i))
        failed = self.core_calls_all()
        ok, failed_there = self.finish_calls("called", process)
        return ok, max(failed, failed_there)

    def core_calls_all(self):
        """gmcore calls each phone; how many of the calls failed."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            control.settimeout(60)
            begun = ended = failed = 0
            while ended < self.count:
                if begun < self.count and begun - ended < CALLED_AT_ONCE:
                    control.sendto(f"mt INVITE {imsi(begun)}".encode(), (HOST, self.control))
                    begun += 1
                    continue
                failed += control.recv(2048) != b"ok 200\n"
                ended += 1
        return failed

    def values(self):
        def offer(of, client_port):
            return (f"ipsec-3gpp;alg=hmac-sha-1-96;ealg=aes-cbc;prot=esp;mod=trans;spi-c={of};"
                    f"spi-s={of + 1};port-c={client_port};port-s={self.port_us}")
        keys = {"realm": REALM, "gm": self.gm, "port_uc": self.port_uc, "port_us": self.port_us,
                "offer": offer(300_001, self.port_uc),
                "next_offer": offer(400_001, self.port_uc + 1)}
        return ["-max_socket", self.count + 100, "-inf", self.folder / "phones.csv",
                "-ip_field", 0, "-auth_uri", REALM,
                *(word for key, value in keys.items() for word in ("-key", key, value))]

    def check_core(self):
        """gmcore saw what sipp did, and no rule broken on the way."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            control.settimeout(10)
            control.sendto(b"stats", (HOST, self.control))
            words = control.recv(4096).decode().split()
        counts = dict(word.split("=") for word in words)
        # To gmcore a phone that leaves refreshes, too: it is not challenged.
        wanted = {"registrations": 1, "refreshes": 2, "deregistrations": 1, "mo_answered": 1,
                  "mt_answered": 1, "violations": 0}
        for name, times in wanted.items():
            if counts[name] != str(times * self.count):
                raise Failed(f"the core has counted {name}={counts[name]}")
        if stop(self.core_process) != 0:
            raise Failed("gmedge broke rules towards the core")


def address(index):
    return f"127.{100 + index // 62_500}.{index // 250 % 250}.{1 + index % 250}"


def imsi(index):
    return f"{FIRST_IMSI + index:015d}"


def credentials(index):
    """sipp's keyword: within one no field can stand, in a field it can."""
    return (f"[authentication username={imsi(index)}@{REALM} aka_K={K} aka_OP={OP} "
            "aka_AMF=0x8000]")
