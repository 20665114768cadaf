#!/usr/bin/env bash
# What gmedge says and returns before it serves: gmedge_cli_test.sh GMEDGE SOURCE-FOLDER
set -u
gmedge=$1
data=$2/tests/data/settings
failures=0

# expect STATUS PATTERN... -- ARGUMENT...: gmedge with these arguments exits with STATUS and prints
# a line for each pattern.
expect() {
  local status=$1 patterns=() output
  shift
  while [ "$1" != -- ]; do patterns+=("$1"); shift; done
  shift
  output=$("$gmedge" "$@" 2>&1)
  local got=$?
  if [ "$got" -ne "$status" ]; then
    echo "FAILED: gmedge $*: exit status $got, not $status"
    failures=$((failures + 1))
  fi
  for pattern in "${patterns[@]}"; do
    if ! grep -qE -- "$pattern" <<<"$output"; then
      printf 'FAILED: gmedge %s: no line like "%s" in\n%s\n' "$*" "$pattern" "$output"
      failures=$((failures + 1))
    fi
  done
}

five=$data/five_mistakes.toml
expect 2 ":5: error: .*udp:192.0.2.10:6100" ":7: error: .*port.*70000" ":8: error: .*min_spi" \
  ":9: error: .*rot13" ":13: error: .*sec_agre" -- --config "$five" --check-config
expect 2 ":5: error:" ":13: error:" -- --config "$five"  # Nor does it start with them.
documented=$2/docs/gmedge.toml
expect 0 "checked: settings$" "^kernel: checked: io_uring$" "^kernel: not checked: --xfrm=sim" \
  "ok$" -- \
  --config "$documented" --check-config --xfrm=sim
expect 2 "no_such_file" -- --config "$data/no_such_file.toml" --check-config
expect 2 "--config FILE is needed" --
expect 2 "kernel or sim" -- --config "$five" --xfrm=maybe
expect 2 "--help" -- --no-such-option
expect 0 "usage: gmedge --config FILE" -- --help
convert=$2/tests/data/convert
expect 0 "^socket = \[$" '^next_hop = ' -- --convert "$convert/manual.cfg"
expect 1 "^# line 4: socket=tls:" -- --convert "$convert/remarks.cfg"
expect 2 "manual.toml: no socket=ipsec" -- --convert "$convert/manual.toml"
expect 2 "none.cfg: No such file" -- --convert "$convert/none.cfg"
# Nothing to seal anew, nothing set to; then a journal that is there.
expect 2 "^gmedge: --takeover: process.takeover_socket is not set$" -- \
  --config "$documented" --xfrm=sim --takeover
expect 2 "^gmedge: --rekey-journal: journal.file is not set$" -- \
  --config "$documented" --rekey-journal
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
{ cat "$documented"; printf '[journal]\nfile = "%s/journal"\n' "$scratch"; } |
  awk '/^\[journal\]$/ && ++seen == 1 { next } { print }' > "$scratch/gmedge.toml"
expect 1 "^gmedge: journal $scratch/journal: there is none$" -- \
  --config "$scratch/gmedge.toml" --rekey-journal
expect 0 "^gmedge [0-9]+\.[0-9]+\.[0-9]+$" -- --version

# What this kernel has is known to it alone; what is missing is named with the way to get it.
checked=$("$gmedge" --config "$documented" --check-config 2>&1)
status=$?
case "$status" in
  0) lines="ok$" ;;
  1) lines="^gmedge: the kernel (lacks|has no IPsec at all: it lacks) .* \(CONFIG_.*; modprobe " ;;
  2) lines=":[0-9]+: error: ipsec.allowed_algorithms: this kernel cannot do .*CONFIG_" ;;
  *) lines="a status of 0, 1 or 2, not $status" ;;
esac
for pattern in "^kernel: (not )?checked: " "$lines"; do
  if ! grep -qE -- "$pattern" <<<"$checked"; then
    printf 'FAILED: no line like "%s" in\n%s\n' "$pattern" "$checked"
    failures=$((failures + 1))
  fi
done

# Who may not ask the kernel can still have the settings checked, but cannot start.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
  without_rights() {
    setpriv --bounding-set=-all --inh-caps=-all "$@"
  }
  gmedge_itself=$gmedge
  gmedge=without_rights
  expect 0 "^kernel: not checked: .*EPERM: .*CAP_NET_ADMIN" "ok$" -- \
    "$gmedge_itself" --config "$documented" --check-config
  expect 1 "^gmedge: the kernel could not be asked: EPERM: .*CAP_NET_ADMIN" -- \
    "$gmedge_itself" --config "$documented"
fi

# Under a seccomp filter that refuses io_uring_setup (425 everywhere) with EPERM, as in a container.
without_io_uring() {
  python3 - "$@" <<'PYTHON'
import ctypes, os, struct, sys
code = b"".join(struct.pack("HBBI", *step) for step in (
    (0x20, 0, 0, 0), (0x15, 0, 1, 425), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)))
held = ctypes.create_string_buffer(code)
program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(held))
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)
if libc.prctl(22, 2, ctypes.create_string_buffer(program), 0, 0) != 0:
    os.execlp("echo", "echo", "no seccomp filters here")
os.execv(sys.argv[1], sys.argv[1:])
PYTHON
}
gmedge_itself=${gmedge_itself:-$gmedge}
gmedge=without_io_uring
forbidden="^gmedge: io_uring: io_uring_setup: Operation not permitted: .*seccomp"
if command -v python3 >/dev/null && [ "$(without_io_uring "$gmedge_itself" --version)" != \
    "no seccomp filters here" ]; then
  expect 1 "$forbidden" -- "$gmedge_itself" --config "$documented" --check-config --xfrm=sim
  expect 1 "$forbidden" -- "$gmedge_itself" --config "$documented" --xfrm=sim
fi

[ "$failures" -eq 0 ] && echo "all as expected"
exit "$failures"
