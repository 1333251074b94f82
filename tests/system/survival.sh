#!/bin/sh
# kill -9 of any of orch's programs, at any instant, leaves every container running; no exit is missed, no log line lost; after a reboot
# the node alone brings back what it last knew.
. "$(dirname "$0")/cluster.sh"
need jq
start_cluster
load_image

steady 3 >"$WORK/pods.yaml"
cat >>"$WORK/pods.yaml" <<'Y'
---
apiVersion: v1
kind: Pod
metadata: {name: counter, labels: {app: counter}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: counter
    image: user-service:1.0
    command: ["/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; sleep 1000"]
---
apiVersion: v1
kind: Pod
metadata: {name: leaver, labels: {app: leaver}}
spec:
  restartPolicy: Never
  containers:
  - name: leaver
    image: user-service:1.0
    command: ["/bin/sh", "-c", "while [ ! -e /tmp/leave ]; do sleep 0.1; done; exit 42"]
Y
check "apply" orch apply -f "$WORK/pods.yaml"
check "three replicas become ready" until_true 30 n_ready_is steady 3
check "the others run" until_true 30 phase_is leaver Running

mains() { pgrep -f '^httpd -f -p 8080' | sort -n | tr '\n' ' '; first_processes '^/bin/sh /bin/user-service'; }
mains_are() { [ "$(mains)" = "$1" ]; }
answers() { orch get nodes >/dev/null; }
before=$(mains)
[ -n "$before" ] || fail "no container process found"

for program in orchd-node orchd-server orch-dns orchd-node orchd-server; do
  victim=$(pgrep -x "$program")
  kill -9 "$victim"
  replaced() { pgrep -x "$program" | grep -qvx "$victim"; }
  check "$program, killed, is started again" until_true 20 replaced
  check "the API answers" until_true 20 answers
  check "the same containers run" mains_are "$before"
done
check "the node reports ready" until_true 30 node_ready

# An exit that happens while the node is dead is found and told; one file in the container's /tmp makes it happen.
leaver=$(pgrep -f 'while \[ ! -e /tmp/leave' | head -1)
kill -STOP "$ORCHD"
kill -9 "$(pgrep -x orchd-node)"
touch "/proc/$leaver/root/tmp/leave"
gone() { [ ! -d "/proc/$leaver" ]; }
check "a container exits while the node is dead" until_true 10 gone
kill -CONT "$ORCHD"
check "its exit code is found by the next node" until_true 30 field_is pod leaver '.status.containerStatuses[0].state.terminated.exitCode' 42

# orchd itself, with everything it started.
kill -9 "$ORCHD"
wait "$ORCHD" 2>/dev/null || true
nobody() { ! pgrep -x orchd-node && ! pgrep -x orchd-server; }
check "without orchd, server and node end too" until_true 20 nobody
check "the containers run on" mains_are "$before"
start_cluster
check "after a new start they still run" mains_are "$before"
check "the replicas are ready" until_true 30 n_ready_is steady 3
check "nothing was restarted" [ "$(restarts)" = 0 ]

counted() { orch logs counter | tail -1 | grep -qx 'line 19999'; }
check "a container has counted to the end" until_true 30 counted
orch logs counter >"$WORK/log"
seq 0 19999 | sed 's/^/line /' >"$WORK/expected"
check "not one of 20,000 log lines is lost" cmp "$WORK/log" "$WORK/expected"

# A reboot: every process gone, RUN emptied; then the node alone, without a server.
stop_cluster
for pid in $(pgrep -x orch-pod); do kill -9 "$pid"; done
no_containers() { [ -z "$(mains)" ]; }
check "with their supervisors dead the containers are gone" until_true 20 no_containers
for mount in $(awk -v run="$RUN/" 'index($2, run) == 1 {print $2}' /proc/mounts | sort -r); do umount -l "$mount"; done
rm -rf "$RUN"
mkdir -p "$RUN"
"$LIBEXEC/orchd-node" --state-dir="$STATE" --run-dir="$RUN" --socket="$SOCKET" --libexec-dir="$LIBEXEC" --node-name=node-1 \
  --pod-cidr=10.244.0.0/24 --service-cidr=10.96.0.0/16 --dns-address=10.244.0.1 --cluster-domain=cluster.local >>"$WORK/orchd.log" 2>&1 &
NODE=$!
n_mains_is() { [ "$(pgrep -f '^httpd -f -p 8080' | wc -l)" = "$1" ]; }
check "after a reboot the node alone starts its last known pods" until_true 30 n_mains_is 3
kill "$NODE"
wait "$NODE" 2>/dev/null || true
start_cluster
check "with the server back they become ready" until_true 30 n_ready_is steady 3
check "a pod that had ended did not run again, and keeps its exit code" field_is pod leaver '[.status.phase, .status.containerStatuses[0].state.terminated.exitCode, .status.containerStatuses[0].restartCount] | @csv' '"Failed",42,0'
check "and are still three" [ "$(orch get pods -l app=steady -o name | wc -l)" = 3 ]
orch delete -f "$WORK/pods.yaml" --timeout=180s || fail "delete"
stop_cluster
