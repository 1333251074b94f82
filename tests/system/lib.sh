# Sourced by the system tests: POSIX shell, run as root, leaving nothing behind.
# ORCH_BUILD: the build folder. A test ends with 0 (passed), 77 (skipped, with the reason printed) or anything else (failed).
set -eu
: "${ORCH_BUILD:?run me through meson test, or set ORCH_BUILD to the build folder}"
SRC=$(cd "$(dirname "$0")/../.." && pwd)

skip() { echo "SKIP: $*"; exit 77; }
fail() {
  echo "FAIL: $*" >&2
  for log in "$WORK"/log "$WORK"/*.log; do
    [ ! -f "$log" ] || { echo "--- $log"; tail -40 "$log"; } >&2
  done
  exit 1
}
need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }
need() { for tool in "$@"; do command -v "$tool" >/dev/null 2>&1 || skip "needs $tool"; done; }
check() { # check "sentence" command...
  sentence=$1; shift
  "$@" || fail "$sentence"
  echo "ok - $sentence"
}
# Waits for a condition instead of sleeping: until_true SECONDS command... The seconds are for a quiet machine; a loaded one may take
# much longer, and a wait that is over early costs nothing.
until_true() {
  patience=$(($1 * 4)); shift
  [ $patience -gt 90 ] || patience=90
  deadline=$(($(date +%s) + patience))
  while ! "$@" >"$WORK/.waited" 2>&1; do
    [ "$(date +%s)" -lt "$deadline" ] || { echo "not within $patience s: $*" >&2; tail -20 "$WORK/.waited" >&2; return 1; }
    sleep 0.02
  done
}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/orch-test-XXXXXX")
chmod 755 "$WORK" # the server has a user of its own
CLEANUP=:
trap 'r=$?; eval "$CLEANUP" || true; rm -rf "$WORK"; exit $r' EXIT
trap 'exit 130' INT TERM
