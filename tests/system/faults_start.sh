#!/bin/sh
# What is in the way when orch starts: each gives one clear sentence that names the remedy, and harms nobody who runs already.
. "$(dirname "$0")/cluster.sh"
need jq

# Starts orchd for as long as it wants to run, and looks for a sentence in what it says. says SECONDS SENTENCE [OPTION...]
says() {
  seconds=$1 sentence=$2
  shift 2
  : >"$WORK/said"
  "$ORCH_BUILD/daemon/orchd" --libexec-dir="$LIBEXEC" --node-name=node-2 --listen=127.0.0.1:8002 "$@" >"$WORK/said" 2>&1 &
  starting=$!
  told() { grep -q -- "$sentence" "$WORK/said"; }
  until_true "$seconds" told || { cat "$WORK/said" >&2; kill "$starting"; fail "it doesn't say: $sentence"; }
}
# ... and ends by itself, not with success.
gives_up() {
  over() { ! kill -0 "$starting" 2>/dev/null; }
  until_true 20 over || fail "it goes on"
  ! wait "$starting" || fail "it ends with success"
}
says_and_ends() { says "$@" && gives_up; }
ends() { kill "$1"; wait "$1" || true; }

start_cluster
load_image
steady 3 >"$WORK/pods.yaml"
orch apply -f "$WORK/pods.yaml" >/dev/null
check "a cluster runs" until_true 30 n_ready_is steady 3
mains() { pgrep -f '^httpd -f -p 8080' | sort -n | tr '\n' ' '; }
before=$(mains)
is_unharmed() { [ "$(mains)" = "$before" ] && until_true 10 n_ready_is steady 3 && [ "$(restarts)" = 0 ]; }

check "a second orchd on the same state directory says so and ends" \
  says_and_ends 10 "another orchd uses $STATE; stop it or choose another directory with --state-dir" --state-dir="$STATE" --run-dir="$WORK/run2"
check "the first is unharmed" is_unharmed
check "so does one on the same run directory" \
  says_and_ends 10 "another orchd uses $RUN; stop it or choose another directory with --run-dir" --state-dir="$WORK/state2" --run-dir="$RUN"
check "the first is unharmed" is_unharmed
check "a second node on the same state directory says so" sh -c \
  '! "$0/orchd-node" --state-dir="$1" --run-dir="$2" --node-name=node-1 --libexec-dir="$0" >"$3" 2>&1 && grep -q "another orchd-node uses $1/node; stop it or choose another directory with --state-dir" "$3"' \
  "$LIBEXEC" "$STATE" "$WORK/run2" "$WORK/said"
check "a second server too" sh -c \
  '! "$0/orchd-server" --state-dir="$1" --run-dir="$2" --listen=none >"$3" 2>&1 && grep -q "another server.* uses $1/server; stop it" "$3"' "$LIBEXEC" "$STATE" "$WORK/run2" "$WORK/said"
check "the first is unharmed" is_unharmed
orch delete -f "$WORK/pods.yaml" --timeout=180s >/dev/null
stop_cluster

python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 8002)); s.listen(); time.sleep(600)' &
busy=$!
occupied() { ss -Hltn 'sport = 8002' | grep -q 8002; }
until_true 10 occupied || fail "the port can't be occupied"
check "a port in use names --listen" \
  says_and_ends 20 "port of 127.0.0.1:8002 is in use by another program; stop it or choose another with --listen" --state-dir="$STATE" --run-dir="$RUN"
ends "$busy"

python3 -c 'import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.53", 53)); time.sleep(600)' &
busy=$!
occupied() { ss -Hlun 'sport = 53' | grep -q 127.0.0.53; }
until_true 10 occupied || fail "the port can't be occupied"
check "a name server's port in use names --dns-address" \
  says_and_ends 20 "127.0.0.53:53 (UDP) is in use by another program; stop it or choose another address with --dns-address" --state-dir="$STATE" --run-dir="$RUN" --dns-address=127.0.0.53
ends "$busy"

check "without root it says so" sh -c \
  '! setpriv --reuid 61000 --clear-groups "$0" --state-dir="$1/s3" --run-dir="$1/r3" >"$1/said" 2>&1 && grep -q "run it as root" "$1/said"' "$ORCH_BUILD/daemon/orchd" "$WORK"
check "in one line" [ "$(wc -l <"$WORK/said")" = 1 ]

mkdir "$WORK/libexec2"
for program in orchd-server orchd-node orch-dns orch-image; do cp -P "$LIBEXEC/$program" "$WORK/libexec2/"; done
check "without orch-pod it names the folder's option" \
  says_and_ends 20 "orch-pod.*--libexec-dir" --state-dir="$STATE" --run-dir="$RUN" --libexec-dir="$WORK/libexec2"
check "an empty folder of programs too" \
  says_and_ends 20 "name the folder of orch's programs with --libexec-dir" --state-dir="$STATE" --run-dir="$RUN" --libexec-dir="$WORK"

mkdir "$WORK/ro"
mount -t tmpfs -o ro tmpfs "$WORK/ro"
check "a read-only state directory is told with the remedy" \
  says_and_ends 20 "read-only.*choose a writable place with --state-dir" --state-dir="$WORK/ro/state" --run-dir="$RUN"
umount "$WORK/ro"
mount --bind "$STATE" "$WORK/ro"
mount -o remount,bind,ro "$WORK/ro"
check "so is one that became read-only" \
  says_and_ends 20 "read-only.*choose a writable place with --state-dir" --state-dir="$WORK/ro" --run-dir="$RUN"
umount "$WORK/ro"

cp -a "$STATE" "$WORK/state3"
find "$WORK/state3/server" -name '*-wal' -delete
dd if=/dev/urandom of="$(ls "$WORK"/state3/server/*.db)" bs=1k count=64 conv=notrunc 2>/dev/null
check "a damaged database names the remedy, and the node goes on" \
  says 20 "is damaged.*\.recover" --state-dir="$WORK/state3" --run-dir="$RUN"
still() { kill -0 "$starting" && pgrep -x orchd-node >/dev/null; }
check "orchd keeps trying" until_true 10 still
ends "$starting"

check "the same state starts well afterwards" start_cluster
stop_cluster
check "orch without a server says how to start one" sh -c \
  '! "$0" --socket "$1/nobody.sock" get pods >"$1/said" 2>&1 && grep -q "orchd" "$1/said" && [ "$(wc -l <"$1/said")" -le 3 ]' "$ORCH_BUILD/cli/orch" "$WORK"
