#!/bin/sh
# pods/P/resize: more and less for containers that run, in their control groups; what can't be had; node and server killed meanwhile.
. "$(dirname "$0")/cluster.sh"
. "$(dirname "$0")/pods.sh"
need jq curl
start_cluster
import_box box:1
P=/api/v1/namespaces/default/pods
apply <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: box:1
    command: [sh, -c, "exec sleep 11111"]
    resources: {requests: {cpu: 100m, memory: 32Mi}, limits: {cpu: 200m, memory: 64Mi}}
  - name: side
    image: box:1
    command: [sh, -c, "sleep 22222 & exec sleep 22222"]
    resources: {requests: {memory: 16Mi}}
---
apiVersion: v1
kind: Pod
metadata: {name: anew}
spec:
  terminationGracePeriodSeconds: 0
  restartPolicy: OnFailure
  containers:
  - name: main
    image: box:1
    command: [sh, -c, "trap 'exit 0' TERM; sleep 33333 & wait"]
    resources: {requests: {cpu: 50m, memory: 32Mi}, limits: {cpu: 50m, memory: 32Mi}}
    resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]
Y
check "a pod runs" until_true 20 pod_ready web
check "and another" until_true 20 pod_ready anew

# ---- what is in force, by the process ----
group_file() { # group_file COMMAND CONTROLLER FILE-v1 FILE-v2 [UP]
  main=$(pgrep -f "$1" | head -1)
  path=$(awk -F: -v c="$2" '{n = split($2, l, ","); for (i = 1; i <= n; i++) if (l[i] == c) print $3}' "/proc/$main/cgroup")
  if [ -n "$path" ]; then cat "/sys/fs/cgroup/$2$path/${5:-.}/$3"; else cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$main/cgroup")/${5:-.}/$4"; fi
}
cpu_is() { # cpu_is COMMAND MICROSECONDS [UP]
  case "$(group_file "$1" cpu cpu.cfs_quota_us cpu.max "${3:-.}")" in "$2" | "$2 100000") ;; *) false ;; esac
}
memory_is() { [ "$(group_file "$1" memory memory.limit_in_bytes memory.max "${3:-.}")" = "$2" ]; }
shares_are() { case "$(group_file "$1" cpu cpu.shares cpu.weight)" in "$2" | "$3") ;; *) false ;; esac; }
resize() { # resize POD CONTAINER RESOURCES: status code; the answer is in $WORK/answer
  curl -s -o "$WORK/answer" -w '%{http_code}' --unix-socket "$SOCKET" -X PATCH -H 'Content-Type: application/strategic-merge-patch+json' \
    -d "{\"spec\":{\"containers\":[{\"name\":\"$2\",\"resources\":$3}]}}" "http://x$P/$1/resize"
}
told_status() { # told_status POD CONTAINER JQ VALUE
  [ "$(field pod "$1" ".status.containerStatuses[] | select(.name == \"$2\") | $3")" = "$4" ]
}
condition_is() { [ "$(field pod "$1" "[.status.conditions[] | select(.type == \"$2\")] | first | .reason // empty")" = "$3" ]; }
no_condition() { [ "$(field pod "$1" '[.status.conditions[] | select(.type | startswith("PodResize"))] | length')" = 0 ]; }
lives() { field pod "$1" "[.status.containerStatuses[].restartCount] | add"; }

check "the status says what is in force" told_status web main '.resources.limits.cpu + " " + .allocatedResources.memory' "200m 32Mi"
check "more is asked for" [ "$(resize web main '{"requests":{"cpu":"200m"},"limits":{"cpu":"400m","memory":"128Mi"}}')" = 200 ]
check "the processor's bound follows" until_true 10 cpu_is "sleep 11111" 40000
check "its share too" until_true 10 shares_are "sleep 11111" 204 8
check "and the memory's" until_true 10 memory_is "sleep 11111" 134217728
check "the status follows" until_true 10 told_status web main '.resources.limits.memory + " " + .allocatedResources.cpu' "128Mi 200m"
check "it was not started anew" [ "$(lives web)" = 0 ]
check "no condition stays" until_true 10 no_condition web
check "events tell of it" until_true 10 event_has web "ResizeCompleted Pod resize completed: "
check "less, too" [ "$(resize web main '{"requests":{"cpu":"50m"},"limits":{"cpu":"100m","memory":"48Mi"}}')" = 200 ]
check "the processor's" until_true 10 cpu_is "sleep 11111" 10000
check "the memory's" until_true 10 memory_is "sleep 11111" 50331648
check "a container that had no bound gets one" [ "$(resize web side '{"requests":{"cpu":"30m"},"limits":{"cpu":"60m","memory":"32Mi"}}')" = 200 ]
check "in a group that it hadn't" until_true 10 cpu_is "sleep 22222" 6000
group_of() { awk -F: '$2 ~ /(^|,)cpu(,|$)/ {v1 = $3} $1 == 0 {v2 = $3} END {print v1 ? v1 : v2}' "/proc/$1/cgroup"; }
both_are_in() { [ "$(for pid in $(pgrep -f "sleep 22222"); do group_of "$pid"; done | grep -c '/side$')" = 2 ]; }
check "with all its processes" both_are_in
check "the pod as a whole has the sum" until_true 10 cpu_is "sleep 22222" 16000 ..
check "and of the memory" memory_is "sleep 22222" 83886080 ..
check "a bound can't be taken away" [ "$(resize web side '{"limits":{"cpu":null}}')" = 422 ]

# ---- a new life ----
check "cpu alone restarts nothing" [ "$(resize anew main '{"requests":{"cpu":"60m"},"limits":{"cpu":"60m"}}')" = 200 ]
check "and comes" until_true 10 cpu_is "sleep 33333" 6000
check "still the first life" [ "$(lives anew)" = 0 ]
check "memory, by its policy" [ "$(resize anew main '{"requests":{"memory":"64Mi"},"limits":{"memory":"64Mi"}}')" = 200 ]
lived() { [ "$(lives "$1")" = "$2" ] && pod_ready "$1"; }
check "means a new life, though it ends with 0" until_true 20 lived anew 1
check "which has it" until_true 10 memory_is "sleep 33333" 67108864
check "as has the pod" until_true 10 memory_is "sleep 33333" 67108864 ..
check "again" [ "$(resize anew main '{"requests":{"memory":"96Mi"},"limits":{"memory":"96Mi"}}')" = 200 ]
check "and again a new life" until_true 20 lived anew 2
check "without a back-off" sh -c '! "$0" --socket "$1" get events -o json | jq -r ".items[].reason" | grep -qx BackOff' "$ORCH_BUILD/cli/orch" "$SOCKET"

# ---- what can't be had ----
check "more than the machine has" [ "$(resize web main '{"requests":{"cpu":"9000"},"limits":{"cpu":"9000"}}')" = 200 ]
check "is infeasible" until_true 10 condition_is web PodResizePending Infeasible
check "what was granted counts on" told_status web main .allocatedResources.cpu 50m
check "and is in force" cpu_is "sleep 11111" 10000
check "taken back" [ "$(resize web main '{"requests":{"cpu":"50m"},"limits":{"cpu":"100m"}}')" = 200 ]
check "all is well" until_true 10 no_condition web
cpus=$(field node node-1 '.status.allocatable.cpu | if endswith("m") then rtrimstr("m") | tonumber else tonumber * 1000 end')
apply <<Y
apiVersion: v1
kind: Pod
metadata: {name: big}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "box:1", command: [sleep, "44444"], resources: {requests: {cpu: $((cpus - 400))m}}}]
Y
check "a pod takes nearly all" until_true 20 pod_ready big
check "more than is left" [ "$(resize web main '{"requests":{"cpu":"600m"},"limits":{"cpu":"600m"}}')" = 200 ]
check "is deferred" until_true 10 condition_is web PodResizePending Deferred
apply <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: late}
spec: {terminationGracePeriodSeconds: 0, containers: [{name: main, image: "box:1", command: [sleep, "5"], resources: {requests: {cpu: 100m}}}]}
Y
unschedulable() { [ "$(field pod "$1" '[.status.conditions[]? | select(.type == "PodScheduled").reason] | first')" = Unschedulable ]; }
check "but counts for the scheduler" until_true 10 unschedulable late
orch delete pod late >/dev/null
orch delete pod big >/dev/null
check "until there is room" until_true 15 cpu_is "sleep 11111" 60000
check "and no condition" until_true 10 no_condition web
orch exec web -c main -- dd if=/dev/zero of=/dev/shm/full bs=1M count=40 >/dev/null 2>&1
check "less memory than is in use" [ "$(resize web main '{"limits":{"memory":"33Mi"}}')" = 200 ]
check "is not forced" until_true 10 condition_is web PodResizeInProgress Error
says_why() { field pod web '.status.conditions[] | select(.type == "PodResizeInProgress").message' | grep -q 'attempting to set container "main" memory limit (34603008) below current usage (4[0-9]*)'; }
check "in the kubelet's words" says_why
check "the old bound holds" memory_is "sleep 11111" 50331648
orch exec web -c main -- rm /dev/shm/full
check "until it is free" until_true 20 memory_is "sleep 11111" 34603008
check "then all is well" until_true 10 no_condition web
check "nothing was started anew by all that" [ "$(lives web)" = 0 ]

# ---- killed at any step ----
node() { pgrep -x orchd-node; }
kill_node() { old=$(node); kill -9 "$old"; until_true 20 another_node "$old" || fail "the node does not come back"; }
another_node() { new=$(node) && [ "$new" != "$1" ]; }
kill -STOP "$(node)"
check "asked for while the node doesn't look" [ "$(resize web main '{"requests":{"cpu":"150m"},"limits":{"cpu":"300m"}}')" = 200 ]
kill_node
check "the next one sees it" until_true 20 cpu_is "sleep 11111" 30000
for i in 1 2 3 4 5 6; do
  [ "$(resize web main "{\"requests\":{\"cpu\":\"${i}1m\"},\"limits\":{\"cpu\":\"${i}50m\"}}")" = 200 ] || fail "resize $i"
  case $i in 2) sleep 0.003 ;; 3) sleep 0.006 ;; 4) sleep 0.015 ;; 5) sleep 0.04 ;; 6) sleep 0.2 ;; esac
  kill_node
  until_true 20 cpu_is "sleep 11111" "${i}5000" || fail "resize $i is not in force"
  until_true 20 no_condition web || fail "resize $i has left a condition"
done
echo "ok - whenever the node is killed, it is in force in the end"
check "without a new life" [ "$(lives web)" = 0 ]
first=$(lives anew)
for i in 1 2 3 4 5; do
  [ "$(resize anew main "{\"requests\":{\"memory\":\"10${i}Mi\"},\"limits\":{\"memory\":\"10${i}Mi\"}}")" = 200 ] || fail "resize $i"
  case $i in 2) sleep 0.005 ;; 3) sleep 0.012 ;; 4) sleep 0.03 ;; 5) sleep 0.06 ;; esac
  kill_node
  until_true 20 lived anew $((first + i)) || fail "resize $i: $(lives anew) lives, not $((first + i))"
  until_true 20 memory_is "sleep 33333" $((1048576 * (100 + i))) || fail "resize $i is not in force"
done
echo "ok - a new life is begun once for each, whenever the node is killed"
check "a wish that can't be granted" [ "$(resize web main '{"requests":{"cpu":"9000"},"limits":{"cpu":"9000"}}')" = 200 ]
check "is known" until_true 10 condition_is web PodResizePending Infeasible
stop_cluster
start_cluster
check "when all was stopped and started, it is infeasible still" until_true 20 condition_is web PodResizePending Infeasible
check "and what was granted is in force" cpu_is "sleep 11111" 65000
check "and told" until_true 10 told_status web main '.allocatedResources.cpu' 61m
stop_cluster
for pid in $(pgrep -x orch-pod); do kill -9 "$pid"; done
all_dead() { ! pgrep -f "sleep 11111"; }
until_true 20 all_dead || fail "containers outlive their supervisor"
rm -rf "${RUN:?}"/*
start_cluster
check "as after a reboot, of which only the disk is left, the pod begins anew" until_true 30 lived web 2
check "with what was granted" until_true 10 cpu_is "sleep 11111" 65000
check "not with what can't be had" condition_is web PodResizePending Infeasible
[ "$(resize web main '{"requests":{"cpu":"70m"},"limits":{"cpu":"700m"}}')" = 200 ] || fail "resize"
kill -9 "$(pgrep -x orchd-server)"
check "the server is killed as soon as it has answered: nothing is lost" until_true 20 cpu_is "sleep 11111" 70000
check "nor forgotten" until_true 20 no_condition web
check "and it is the life since the reboot" [ "$(lives web)" = 2 ]
orch delete pod web anew --timeout=60s >/dev/null 2>&1 || orch delete pods -l '!nothing' >/dev/null 2>&1 || true
stop_cluster
