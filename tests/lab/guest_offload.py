#!/usr/bin/env python3
"""ipsec.offload with devices that do not take part: phones register all the same."""

import subprocess

import gmlab


class OffloadFallback(gmlab.LabCase):
    def register_with(self, kind, device):
        self.start_core()
        edge = self.start_edge(ipsec={"offload": kind, "offload_device": device})
        report = self.run_phones(gmlab.IPV4, "register,message,deregister")
        self.assertTrue(report["ok"], report)
        log = self.log_of_edge()
        return log, self.counters_of(edge)["offload_fallbacks"]

    def test_a_device_that_is_not_there(self):
        log, count = self.register_with("crypto", "nowhere0")
        self.assertIn("ESP stays in the kernel, not on the device nowhere0: there is no such "
                      "device", log)
        self.assertEqual(count, 1)

    def test_a_device_without_esp(self):
        log, count = self.register_with("crypto", "lo")
        self.assertIn("ESP with null=aes-gcm stays in the kernel, not on the device lo: the device "
                      "takes no part in ESP", log)
        self.assertEqual(count, 8, "each pair is tried")

    def test_a_kernel_or_device_without_packet_offload(self):
        log, count = self.register_with("packet", "lo")
        self.assertIn("all ESP stays in the kernel, not on the device lo: packet offload is of all "
                      "algorithms or none", log)
        self.assertEqual(count, 9)

    def test_a_driver_that_refuses(self):
        """A bond without a device below it says so to every SA: NEWSA itself fails."""
        subprocess.run(["modprobe", "-d", "/run/kernel", "bonding"], check=True)
        self.network.edge.run("ip", "link", "add", "bond7", "type", "bond", "mode",
                              "active-backup")
        self.network.edge.run("ip", "link", "set", "bond7", "up")
        log, count = self.register_with("crypto", "bond7")
        self.assertRegex(log, r"ESP with null=aes-gcm stays in the kernel, not on the device "
                              r"bond7: (ENODEV|EINVAL): ")
        self.assertEqual(count, 8)


if __name__ == "__main__":
    gmlab.main()
