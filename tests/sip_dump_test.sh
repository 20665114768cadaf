#!/usr/bin/env bash
# What sip_dump says and returns: sip_dump_test.sh SIP_DUMP SOURCE-FOLDER
set -u
sip_dump=$1
data=$2/tests/data
failures=0

# expect STATUS PATTERN... -- ARGUMENT...: sip_dump with these arguments exits with STATUS and
# prints a line for each pattern; it reads the standard input of expect.
expect() {
  local status=$1 patterns=() output
  shift
  while [ "$1" != -- ]; do patterns+=("$1"); shift; done
  shift
  output=$("$sip_dump" "$@" 2>&1)
  local got=$?
  if [ "$got" -ne "$status" ]; then
    echo "FAILED: sip_dump $*: exit status $got, not $status"
    failures=$((failures + 1))
  fi
  for pattern in "${patterns[@]}"; do
    if ! grep -qE -- "$pattern" <<<"$output"; then
      printf 'FAILED: sip_dump %s: no line like "%s" in\n%s\n' "$*" "$pattern" "$output"
      failures=$((failures + 1))
    fi
  done
}

register=$data/messages/a-register.sip
broken=$data/torture/rfc4475/badinv01.dat
expect 0 "^valid$" "ipsec-3gpp .* BadAlgorithms$" -- "$register"
expect 1 "^valid$" "^invalid: BadVia at line 7, column 6:" -- "$register" "$broken"
expect 1 '"rule":"BadVia","reason":".*","line":7,"column":6' -- --json "$broken"
expect 2 "no_such_file: No such file" "^valid$" -- "$data/no_such_file" "$register"
expect 2 ": Is a directory" -- "$data"
expect 2 "bogus" -- --bogus
expect 0 "Exit status: 0 all messages are valid" "reveal_keys" -- --help
expect 0 "^sip_dump|^gmedge [0-9]" -- --version
expect 0 "standard input  1922 bytes" <"$register" --
expect 0 "standard input  1922 bytes" <"$register" -- -
expect 0 "standard input, line 20  " < <(cat "$register" "$data/messages/b-401.sip") -- --stream
expect 0 "ik +\(hidden\)" -- "$data/messages/b-401.sip"
expect 0 "ik +0011223344" -- --reveal-keys "$data/messages/b-401.sip"
# A capture that comes through a pipe; one that ends in the middle.
capture=$2/fuzz/corpus/tools_capture_fuzz/udp_tcp.pcap
expect 0 "messages: .* 0 invalid" < <(cat "$capture") --
expect 2 "after packet" < <(head -c -1 "$capture") --

[ "$failures" -eq 0 ] && echo "all as expected"
exit "$failures"
