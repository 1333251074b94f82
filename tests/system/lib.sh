# Sourced by the system tests: POSIX shell, run as root, leaving nothing behind.
# ORCH_BUILD: the build folder. A test ends with 0 (passed), 77 (skipped, with the reason printed) or anything else (failed).
set -eu
: "${ORCH_BUILD:?run me through meson test, or set ORCH_BUILD to the build folder}"
SRC=$(cd "$(dirname "$0")/../.." && pwd)

skip() { echo "SKIP: $*"; exit 77; }
fail() { echo "FAIL: $*" >&2; exit 1; }
need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }
need() { for tool in "$@"; do command -v "$tool" >/dev/null 2>&1 || skip "needs $tool"; done; }
check() { # check "sentence" command...
  sentence=$1; shift
  "$@" || fail "$sentence"
  echo "ok - $sentence"
}
# Waits for a condition instead of sleeping: until_true SECONDS command...
until_true() {
  deadline=$(($(date +%s) + $1)); shift
  while ! "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$deadline" ] || return 1
    sleep 0.02
  done
}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/orch-test-XXXXXX")
chmod 755 "$WORK" # the server has a user of its own
CLEANUP=:
trap 'r=$?; eval "$CLEANUP" || true; rm -rf "$WORK"; exit $r' EXIT
trap 'exit 130' INT TERM
