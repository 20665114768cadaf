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

# The guest's modules are not under the host's /lib/modules, and the host is left as it is: every
# module is looked up below /run/kernel, the kernel's own requests (net-pf, crypto-*) too.
modules=/run/kernel/lib/modules
mkdir -p $modules
ln -s "/usr/lib/uml/modules/$(uname -r)" "$modules/$(uname -r)"
printf '#!/bin/sh\nexec modprobe -d /run/kernel "$@"\n' >/run/kernel/modprobe
chmod +x /run/kernel/modprobe
echo /run/kernel/modprobe >/proc/sys/kernel/modprobe
/run/kernel/modprobe -a xfrm_user esp4 esp6 veth authenc cbc gcm ctr ghash-generic des_generic \
  echainiv seqiv || echo "lab: not every kernel module could be loaded"

ip link set lo up
. /run/out/command
echo $? >/run/out/status
sync
echo o >/proc/sysrq-trigger  # Off. (halt is missing where systemd is.)
sleep 10
