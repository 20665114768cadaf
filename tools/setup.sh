# Sourced by tools/quickstart and tools/test: progress lines, packages, builds.
# shellcheck shell=bash
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc)

step() { printf '==> %s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# install_packages KIND...: installs what tools/packages lists for these kinds and is not there.
install_packages() {
  command -v dpkg-query >/dev/null ||
    { step "packages: not a Debian system; tools/packages lists what must be there"; return; }
  local kinds wanted missing
  kinds=$(IFS='|'; echo "$*")
  wanted=$(sed -nE "s/^($kinds) //p" "$root/tools/packages")
  # shellcheck disable=SC2086
  missing=$(comm -23 <(sort <<<"$wanted") <(installed_of $wanted | sort) | tr '\n' ' ')
  [ -n "$missing" ] || { step "packages: all there"; return; }
  step "packages: installing $missing"
  local sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  [ "${#sudo[@]}" -eq 0 ] || command -v sudo >/dev/null ||
    die "run as root: apt-get install --no-install-recommends $missing"
  local apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600)
  # shellcheck disable=SC2086
  { logged packages "${apt[@]}" update &&
    logged packages "${apt[@]}" install -y --no-install-recommends $missing; } ||
    die "apt-get could not install the packages (its words are above)"
}
installed_of() {
  dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p'
}

# build PRESET [TARGET...]: configures and builds. build_dir is where.
build() {
  local preset=$1
  shift
  build_dir=$root/build/$preset
  local started=$SECONDS
  step "$preset: configuring"
  logged "configure-$preset" cmake -S "$root" --preset "$preset" || die "cmake refused (see above)"
  step "$preset: building ${*:-everything}"
  if [ -t 1 ]; then
    NINJA_STATUS='    [%f/%t] ' ninja -C "$build_dir" -j "$jobs" "$@" || die "build failed"
  else
    logged "build-$preset" ninja -C "$build_dir" -j "$jobs" "$@" || die "build failed (see above)"
  fi
  step "$preset: built in $((SECONDS - started)) s"
}

# logged NAME COMMAND...: output goes to build/log/NAME.log, and here if the command fails.
logged() {
  local log=$root/build/log/$1.log
  shift
  mkdir -p "$root/build/log"
  "$@" >"$log" 2>&1 </dev/null || { cat "$log" >&2; return 1; }
}
