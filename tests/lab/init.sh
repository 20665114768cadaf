#!/bin/sh
# First process of the guest: brings up what a scenario needs, runs it, leaves its exit status and
# switches off. The root file system is the host's, read-only; only LAB_OUT is written outside.
#
# LAB_OUT comes from the kernel's command line and is the directory that lab.py made.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir -p /run/out
mount -t hostfs none /run/out -o "$LAB_OUT"

# The guest's modules are not under the host's /lib/modules, and the host is left as it is: they are
# looked up below /run/kernel. All are loaded here; the kernel asks for no more (each time it does
# costs a tenth of a second, a dozen times for the first SA of an algorithm).
modules=/run/kernel/lib/modules
mkdir -p $modules
ln -s "/usr/lib/uml/modules/$(uname -r)" "$modules/$(uname -r)"
modprobe -d /run/kernel -a xfrm_user esp4 esp6 esp4_offload esp6_offload veth authenc cbc gcm \
  ctr ghash-generic des_generic echainiv seqiv hmac sha512_generic drbg ||
  echo "lab: not every kernel module could be loaded"
echo >/proc/sys/kernel/modprobe

ip link set lo up
. /run/out/command
echo $? >/run/out/status
sync
echo o >/proc/sysrq-trigger  # Off. (halt is missing where systemd is.)
sleep 10
