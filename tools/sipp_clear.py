"""sipp's standard calls through gmedge, in clear: one side is a phone that registers without a
security agreement (gm.sec_agree = "off"), the other the IMS core.

sipp's own scenarios uac and uas are used as they are, but for two of the four uac: over TCP each
call is a phone of its own that registers first, since a registration in clear belongs to its
connection; and one that calls the phone has the phone's Path as its Route.
"""

import re
import subprocess

from sipp_run import HOST, SCENARIOS, Run, free_ports

KINDS = (("phone calls, UDP", True, "UDP", "UDP"),
         ("phone calls, TCP", True, "TCP", "TCP"),
         ("phone is called, UDP", False, "UDP", "UDP"),
         ("phone is called, TCP from the core", False, "UDP", "TCP"))


class ClearRun(Run):
    """One gmedge, a registrar behind it, and sipp on both sides."""

    def __init__(self, options, folder, phone_transport, core_transport):
        super().__init__(options.build, folder, options.rate)
        self.calls = options.calls
        self.phone_transport, self.core_transport = phone_transport, core_transport
        self.gm, self.core, self.registrar, self.server, self.phone, *self.protected = free_ports(7)

    def begin(self):
        self.start_edge(
            f'[ipsec]\nsocket = ["ipsec:{HOST}:{self.protected[0]}", '
            f'"ipsec:{HOST}:{self.protected[1]}"]\n'
            f'[gm]\nlisten = "{HOST}:{self.gm}"\nsec_agree = "off"\n'
            f'[core]\nlisten = "{HOST}:{self.core}"\nnext_hop = "{HOST}:{self.registrar}"\n'
            f'transport = "{self.core_transport.lower()}"\n'
            f'[limits]\nconnections_per_source_max = {2 * self.rate}\n'
            f'half_open_per_source_max = {2 * self.rate}\n', self.gm)
        self.start_sipp("registrar", way(self.core_transport), self.registrar, "-sf",
                        SCENARIOS / "registrar.xml", "-key", "service_port", self.server,
                        "-trace_logs", "-log_file", self.folder / "paths.log")
        self.await_server(self.core_transport, self.registrar)

    def calls_from_phone(self):
        """uac -> gmedge -> uas at the Service-Route."""
        self.start_sipp("uas", way(self.core_transport), self.server, "-sn", "uas")
        self.await_server(self.core_transport, self.server)
        to_server = [f"{HOST}:{self.server}", "-rsa", f"{HOST}:{self.gm}"]
        if self.phone_transport == "TCP":
            scenario = self.variant("uac", prelude=body_of(SCENARIOS / "register.xml"))
            return self.call("uac", "tn", self.phone, "-sf", scenario, *to_server,
                             "-max_socket", 4 * self.rate, calls=self.calls)
        self.register()
        return self.call("uac", "u1", self.phone, "-sn", "uac", *to_server, calls=self.calls)

    def calls_to_phone(self):
        """uac at the core -> gmedge -> uas, the phone."""
        self.register()
        path = (self.folder / "paths.log").read_text().split("\n")[0]  # sip:TOKEN@...
        self.start_sipp("uas", way(self.phone_transport), self.phone, "-sn", "uas")
        self.await_server(self.phone_transport, self.phone)
        scenario = self.variant("uac", route=f"<{path};lr>")
        return self.call("uac", way(self.core_transport), self.server, "-sf", scenario,
                         f"{HOST}:{self.phone}", "-rsa", f"{HOST}:{self.core}", calls=self.calls)

    def register(self):
        self.call("register", way(self.phone_transport), self.phone, "-sf",
                  SCENARIOS / "register.xml", f"{HOST}:{self.gm}", calls=1)

    def variant(self, name, prelude="", route=""):
        """sipp's own scenario of that name, with something before it or a Route in each request."""
        shown = subprocess.run(["sipp", "-sd", name], capture_output=True, text=True, check=False)
        text = re.sub(r"<scenario [^>]*>", lambda found: found[0] + prelude, shown.stdout, count=1)
        if route:
            text = re.sub(r"( *)Max-Forwards: 70\n",
                          lambda found: f"{found[0]}{found[1]}Route: {route}\n", text)
        path = self.folder / f"{name}.xml"
        path.write_text(text)
        return path

    def await_server(self, transport, port):
        self.await_listener(port, udp=transport == "UDP")


def way(transport):
    return "t1" if transport == "TCP" else "u1"


def body_of(scenario):
    return re.search(r"<scenario [^>]*>(.*)</scenario>", scenario.read_text(), re.DOTALL)[1]
