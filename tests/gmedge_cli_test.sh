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
expect 0 "ok$" -- --config "$2/docs/gmedge.toml" --check-config
expect 2 "no_such_file" -- --config "$data/no_such_file.toml" --check-config
expect 2 "--config FILE is needed" --
expect 2 "kernel or sim" -- --config "$five" --xfrm=maybe
expect 2 "--help" -- --no-such-option
expect 0 "usage: gmedge --config FILE" -- --help
expect 0 "^gmedge [0-9]+\.[0-9]+\.[0-9]+$" -- --version

[ "$failures" -eq 0 ] && echo "all as expected"
exit "$failures"
