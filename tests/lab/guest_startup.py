#!/usr/bin/env python3
"""The start-up check against a kernel that has everything, and against one that lost a module."""

import contextlib
import subprocess

import gmlab

MODULES = "/run/kernel"  # init.sh puts them there.
REFUSE = {"missing_algorithms": "refuse"}


class Startup(gmlab.LabCase):
    def check(self, *wrapper, **settings):
        """gmedge --check-config: its exit status and its words."""
        file = gmlab.write_settings({"ipsec": {**REFUSE, **settings}})
        checker = self.network.edge.start(
            *wrapper, gmlab.BUILD / "gmedge", f"--config={file}", "--check-config",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        words, _ = checker.communicate(timeout=30)
        return checker.returncode, words

    @contextlib.contextmanager
    def without(self, *modules):
        """The kernel has no way to load a module again (init.sh)."""
        subprocess.run(["rmmod", *modules], check=True)
        try:
            yield
        finally:
            for module in reversed(modules):
                subprocess.run(["modprobe", "-d", MODULES, module], check=True)

    def test_everything_is_there(self):
        status, words = self.check()
        self.assertEqual(status, 0, words)
        self.assertIn("kernel: checked: CAP_NET_ADMIN, XFRM, ESP for IPv4, ESP for IPv6, "
                      "null=aes-gcm, aes-gmac=null, hmac-sha-1-96=aes-cbc, hmac-sha-1-96=null, "
                      "hmac-sha-1-96=des-ede3-cbc, hmac-md5-96=aes-cbc, hmac-md5-96=null, "
                      "hmac-md5-96=des-ede3-cbc\n", words)
        self.assertEqual(self.network.edge.states(), [], "the check leaves nothing behind")

    def test_the_right_to_change_the_network_is_enough(self):
        """No namespace can be made then; the kernel is asked in a way that changes nothing."""
        rights = ("setpriv", "--bounding-set=-all,+net_admin", "--inh-caps=-all,+net_admin")
        for missing in ((), ("des_generic",)):
            with self.without(*missing) if missing else contextlib.nullcontext():
                self.assertEqual(self.check(*rights), self.check())
                self.assertEqual(self.check()[0], 2 if missing else 0)
        self.assertEqual(self.network.edge.states(), [])

    def test_a_missing_cipher_is_named_and_refused(self):
        with self.without("des_generic"):
            status, words = self.check()
            self.assertEqual(status, 2, words)
            self.assertRegex(
                words, r"gmedge.toml:\d+: error: ipsec.allowed_algorithms: this kernel cannot do "
                r"hmac-sha-1-96=des-ede3-cbc, hmac-md5-96=des-ede3-cbc: it lacks 3DES in CBC mode "
                r"\(CONFIG_CRYPTO_CBC, CONFIG_CRYPTO_DES; modprobe -a cbc des_generic\)")
            status, words = self.check(allowed_algorithms="aes-gcm")
            self.assertEqual(status, 0, words)
        self.assertEqual(self.check()[0], 0, "what was said to be loaded was loaded")

    def test_what_is_dropped_is_not_offered(self):
        with self.without("des_generic"):
            self.start_core()
            edge = self.start_edge(ipsec={"missing_algorithms": "drop"})
            self.assertRegex(self.log_of_edge(), r"warning: .*des-ede3-cbc not offered")
            report = self.run_phones(gmlab.IPV4, "register", expect_failure="true",
                                     algorithms="hmac-sha-1-96=des-ede3-cbc")
            self.assertEqual(report["failures"], {"register: refused 494": 1}, report)
            report = self.run_phones(gmlab.IPV4, "register", algorithms="hmac-sha-1-96=null")
            self.assertTrue(report["ok"], report)
            self.assertEqual(self.counters_of(edge)["registrations"], 1)
            status, words = self.check(allowed_algorithms="des-ede3-cbc", missing_algorithms="drop")
            self.assertEqual(status, 2, words)
            self.assertIn("leaves nothing of ipsec.allowed_algorithms", words)

    def test_esp_is_missing_for_one_family(self):
        with self.without("esp6_offload", "esp6"):
            status, words = self.check()
            self.assertEqual(status, 1, words)
            self.assertIn("gmedge: the kernel lacks ESP for IPv6 (CONFIG_INET6_ESP; modprobe esp6)",
                          words)
            self.assertNotIn("ESP for IPv4 (", words)
            file = gmlab.write_settings({})
            words = self.network.edge.run(gmlab.BUILD / "gmedge", f"--config={file}", check=False)
            self.assertIn("modprobe esp6", words)
            self.assertNotIn(" ready: ", words)

    def test_no_xfrm_and_no_right_are_different_things(self):
        status, words = self.check("setpriv", "--bounding-set=-all", "--inh-caps=-all")
        self.assertEqual(status, 0, words)
        self.assertRegex(words, r"kernel: not checked: .*EPERM.*CAP_NET_ADMIN")
        with self.without("xfrm_user"):
            status, words = self.check()
            self.assertEqual(status, 1, words)
            self.assertIn("gmedge: the kernel has no IPsec at all: it lacks XFRM netlink "
                          "(CONFIG_XFRM_USER; modprobe xfrm_user)", words)


if __name__ == "__main__":
    gmlab.main()
