#!/bin/bash
# Inside the virtual machine, as root, under systemd with cgroup v2 alone: limits are real, the unit works, pods outlive the daemon.
set -u
fail() { echo "FAIL: $*"; orch get pods -o wide; orch get events; journalctl -u orchd --no-pager | tail -40; exit 1; }
check() { local what=$1; shift; "$@" || fail "$what"; echo "ok - $what"; }
until_true() { local end=$((SECONDS + $1)); shift; until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; sleep 0.2; done; }
export PATH=/usr/local/bin:/usr/local/sbin:$PATH

check "cgroup v2 alone is mounted" test "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs
systemctl daemon-reload
check "the unit starts and says ready" systemctl start orchd
check "an image loads" orch image load /user-service.tar
check "apply --wait ends with ready pods" orch apply -f /user-service.yaml --wait --timeout=300s

group=$(find /sys/fs/cgroup -type d -path '*/orch*/*' -name user-service | head -1)
check "a container has a group of its own" test -n "$group"
check "its memory limit is 256Mi" test "$(cat "$group/memory.max")" = 268435456
check "its CPU limit is half a core" test "$(cat "$group/cpu.max")" = "50000 100000"
check "swap is off for it" test "$(cat "$group/memory.swap.max" 2>/dev/null || echo 0)" = 0

cat >/hog.yaml <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: hog}
spec:
  restartPolicy: Never
  containers:
  - name: hog
    image: user-service:1.0
    command: ["/bin/sh", "-c", "x=a; while true; do x=$x$x; done"]
    resources: {limits: {memory: 16Mi}}
Y
check "a pod with a small limit starts" orch apply -f /hog.yaml
hog_says() { orch get pod hog -o json | grep -q "$1"; }
check "it is killed for memory, and says so" until_true 300 hog_says OOMKilled

pid_of() { pgrep -f 'httpd -f -p 8080' | sort | tr '\n' ' '; }
before=$(pid_of)
check "containers run" test -n "$before"
check "pods have a unit of their own" systemctl is-active --quiet orch-pods.scope
systemctl kill --kill-whom=main --signal=KILL orchd
check "after kill -9 of the daemon systemd starts it again" until_true 200 orch get nodes
check "the same containers run on" test "$(pid_of)" = "$before"
node_is_back() { orch get node -o json | grep -q '"reason": *"KubeletReady"' && systemctl is-active --quiet orchd; }
check "the node reports" until_true 200 node_is_back
check "nothing was restarted" sh -c '! orch get pods -l app=user-service -o json | grep -q "\"restartCount\": *[1-9]"'
check "restarting the unit leaves them too" systemctl restart orchd
check "the API answers again" until_true 200 orch get nodes
check "still the same containers" test "$(pid_of)" = "$before"
first=$(orch get pods -l app=user-service -o name | head -1 | cut -d/ -f2)
check "exec works" until_true 200 sh -c "orch exec $first -- hostname | grep -q $first"
check "the service answers by name" until_true 200 sh -c "orch exec $first -- wget -q -O - http://user-service/ | grep -q hello"
check "everything is deleted" orch delete -f /user-service.yaml --timeout=300s
echo "ok - all"
