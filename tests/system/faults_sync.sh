#!/bin/sh
# The disk fails under the database: the author is told that nobody knows, the server ends, is started again, and what was promised
# before is there; containers don't notice.
. "$(dirname "$0")/cluster.sh"
need jq
rm "$LIBEXEC/orchd-server"
cat >"$LIBEXEC/orchd-server" <<X
#!/bin/sh
FAIL_SYNC="$WORK/fail" LD_PRELOAD="$ORCH_BUILD/tests/system/fail-sync.so" exec "$ORCH_BUILD/daemon/orchd-server" "\$@"
X
chmod 755 "$LIBEXEC/orchd-server"
start_cluster
load_image
steady 3 >"$WORK/pods.yaml"
orch apply -f "$WORK/pods.yaml" >/dev/null || fail "apply"
check "pods run" until_true 30 n_ready_is steady 3
mains() { pgrep -f '^httpd -f -p 8080' | sort -n | tr '\n' ' '; }
before=$(mains)
server=$(pgrep -x orchd-server)

touch "$WORK/fail"
check "a write onto a failing disk is refused" sh -c '! "$0" --socket "$1" label deployment steady disk=bad >"$2/said" 2>&1' "$ORCH_BUILD/cli/orch" "$SOCKET" "$WORK"
check "and says what to do" grep -q "the disk fails under .*check the disk (dmesg)" "$WORK/said"
replaced() { now=$(pgrep -x orchd-server) && [ "$now" != "$server" ]; }
check "the server ends and is started again" until_true 20 replaced
check "which is said" until_true 10 told "the server ends and is started again"
check "the containers run on" [ "$(mains)" = "$before" ]

rm "$WORK/fail"
works() { orch label deployment steady disk=good --overwrite >/dev/null; }
check "when the disk works again so do writes" until_true 40 works
check "what was promised is there" until_true 30 n_ready_is steady 3
check "the same containers run" [ "$(mains)" = "$before" ]
stop_cluster
