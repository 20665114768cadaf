#!/bin/sh
# Runs each program named, whatever became of those before; fails if one fails or none is named.
bad=1
[ $# -gt 0 ] && bad=0
for program; do
  "$program" || bad=1
done
exit $bad
