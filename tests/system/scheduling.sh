#!/bin/sh
# What the scheduler and the node's life do to pods: what doesn't fit waits and says why, goes on when there is room; selectors, taints,
# cordons; a silent node becomes NotReady and comes back without a restart.
. "$(dirname "$0")/cluster.sh"
need jq curl
start_cluster
load_image

patch_node() { # patch_node JSON: a merge patch
  curl -sf -X PATCH --unix-socket "$SOCKET" -H 'Content-Type: application/merge-patch+json' -d "$1" http://orch/api/v1/nodes/node-1 >/dev/null
}
pod() { # pod NAME EXTRA-SPEC MEMORY
  cat <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: $1}}
spec:
  terminationGracePeriodSeconds: 0
  ${2:-nodeSelector: {\}}
  containers:
  - {name: c, image: "user-service:1.0", command: [sleep, "100000"], resources: {requests: {memory: "${3:-1Mi}"}}}
Y
}
why() { field pod "$1" '.status.conditions[] | select(.type == "PodScheduled") | .message'; }
why_is() { [ "$(why "$1")" = "$2" ]; }
event_is() { orch get events --field-selector "involvedObject.name=$1,reason=$2" -o json | jq -r '.items[].message' | grep -qxF "$3"; }

most=$(orch get node node-1 -o json | jq -r '.status.allocatable.memory | rtrimstr("Ki") | tonumber / 1024 | floor')
half=$((most * 6 / 10))
pod big "" ${half}Mi >"$WORK/big.yaml"
pod bigger "" ${half}Mi >"$WORK/bigger.yaml"
check "a pod that takes most of the memory" orch apply -f "$WORK/big.yaml" --wait --timeout=180s
check "a second" orch apply -f "$WORK/bigger.yaml"
check "does not fit, in Kubernetes' words" until_true 10 why_is bigger "0/1 nodes are available: 1 Insufficient memory."
check "is told as an event" until_true 10 event_is bigger FailedScheduling "$(why bigger)"
check "is Pending" phase_is bigger Pending
check "with reason Unschedulable" [ "$(field pod bigger '.status.conditions[] | select(.type == "PodScheduled") | .reason')" = Unschedulable ]
check "when there is room" orch delete pod big
check "it runs" until_true 20 phase_is bigger Running
check "apply of one that never fits, --wait" sh -c '! "$0" --socket "$1" apply -f - --wait --timeout=1s' "$ORCH_BUILD/cli/orch" "$SOCKET" <"$WORK/big.yaml"
orch delete pod big bigger >/dev/null

# ---- node selectors, taints, cordons ----
pod picky "nodeSelector: {disk: ssd}" >"$WORK/picky.yaml"
orch apply -f "$WORK/picky.yaml" >/dev/null
check "a selector that no node has" until_true 10 why_is picky "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
check "a label on the node" orch label node node-1 disk=ssd
check "lets it run" until_true 20 phase_is picky Running

check "a taint" patch_node '{"spec":{"taints":[{"key":"only","value":"them","effect":"NoSchedule"}]}}'
pod stranger "" >"$WORK/stranger.yaml"
pod friend 'tolerations: [{key: only, operator: Equal, value: them, effect: NoSchedule}]' >"$WORK/friend.yaml"
orch apply -f "$WORK/stranger.yaml" -f "$WORK/friend.yaml" >/dev/null
check "keeps strangers out" until_true 10 why_is stranger "0/1 nodes are available: 1 node(s) had untolerated taint {only: them}."
check "not those who tolerate it" until_true 20 phase_is friend Running
check "nor those who are there" phase_is picky Running
check "NoExecute" patch_node '{"spec":{"taints":[{"key":"only","value":"them","effect":"NoExecute"}]}}'
gone() { ! orch get pod "$1" >/dev/null 2>&1; }
check "evicts who doesn't tolerate it" until_true 20 gone picky
check "also who tolerated the other effect" until_true 20 gone friend
check "is told as an event" until_true 10 event_is picky TaintManagerEviction "Marking for deletion Pod default/picky"
check "without taints" patch_node '{"spec":{"taints":null}}'
check "the stranger runs" until_true 20 phase_is stranger Running

check "a cordon" patch_node '{"spec":{"unschedulable":true}}'
shows_cordon() { orch get nodes | grep -q "Ready,SchedulingDisabled"; }
check "shows in get nodes" until_true 10 shows_cordon
pod late "" >"$WORK/late.yaml"
orch apply -f "$WORK/late.yaml" >/dev/null
check "keeps new pods waiting" until_true 10 why_is late "0/1 nodes are available: 1 node(s) were unschedulable."
check "and leaves the others" phase_is stranger Running
check "lifted" patch_node '{"spec":{"unschedulable":null}}'
check "lets them run" until_true 20 phase_is late Running

# ---- a silent node ----
ready() { orch get node node-1 -o json | jq -r '.status.conditions[] | select(.type == "Ready").status'; }
ready_is() { [ "$(ready)" = "$1" ]; }
id() { field pod "$1" '.status.containerStatuses[0].containerID'; }
before="$(id stranger) $(id late)"
node=$(pgrep -x orchd-node)
kill -STOP "$node"
check "a node that says nothing becomes NotReady" until_true 90 ready_is Unknown
shows_not_ready() { orch get nodes | grep -q "NotReady"; }
check "get nodes shows it" until_true 10 shows_not_ready
check "its pods are kept" sh -c '"$0" --socket "$1" get pods stranger late >/dev/null' "$ORCH_BUILD/cli/orch" "$SOCKET"
kill -CONT "$node"
check "it comes back" until_true 60 ready_is True
no_taints() { [ "$(field node node-1 '.spec.taints // [] | length')" = 0 ]; }
check "without taints" until_true 30 no_taints
pod_ready() { [ "$(field pod "$1" '.status.conditions[] | select(.type == "Ready") | .status')" = True ]; }
check "its pods are ready again" until_true 30 pod_ready stranger
check "with the same containers" [ "$(id stranger) $(id late)" = "$before" ]
check "never restarted" [ "$(orch get pods -o json | jq '[.items[].status.containerStatuses[].restartCount] | add')" = 0 ]
orch delete pods --all >/dev/null || fail "delete"
stop_cluster
