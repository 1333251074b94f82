#!/bin/sh
# What is done to a pod that runs: measuring, debugging, evicting, resizing; with orch and with real kubectls.
# kubectl: of ${ORCH_CLIENTS:-.cache/clients} (scripts/fetch-clients); without it those parts are skipped, loudly.
. "$(dirname "$0")/cluster.sh"
. "$(dirname "$0")/pods.sh"
need jq curl
CLIENTS=${ORCH_CLIENTS:-$SRC/.cache/clients}
start_cluster
import_box box:1
apply <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: busy, labels: {app: busy}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: main, image: "box:1", command: [sh, -c, "while :; do :; done"], resources: {limits: {cpu: 200m, memory: 64Mi}}}
  - {name: side, image: "box:1", command: [sleep, "1000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: lazy, labels: {app: lazy}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "box:1", command: [sleep, "1000"]}]
Y
check "the pods run" until_true 20 pod_ready busy
check "both" until_true 20 pod_ready lazy
raw() { curl -s --unix-socket "$SOCKET" "http://x$1"; }
kubectls() { # kubectls FUNCTION: with each real kubectl there is
  for version in 1.20 1.28 1.32 1.35; do
    [ -x "$CLIENTS/$version/kubectl" ] || { echo "SKIP: no kubectl $version in $CLIENTS: run scripts/fetch-clients"; continue; }
    "$1"
  done
}
kubectl() { HOME="$WORK/home" timeout 240 "$CLIENTS/$version/kubectl" --cache-dir "$WORK/cache-$version" --kubeconfig "$STATE/admin.kubeconfig" "$@"; }
said() { words=$1; shift; "$@" >"$WORK/out" 2>&1; grep -q -- "$words" "$WORK/out" || { cat "$WORK/out"; false; }; }

# ---- metrics.k8s.io ----
M=/apis/metrics.k8s.io/v1beta1
used() { raw $M/namespaces/default/pods/busy >"$WORK/busy"; jq -e "$1" "$WORK/busy" >/dev/null || { cat "$WORK/busy"; false; }; }
check "a pod's metrics have its containers" until_true 20 used '.kind == "PodMetrics" and ([.containers[].name] | sort) == ["main", "side"] and .metadata.labels.app == "busy"'
cpu='[.containers[] | select(.name == "main") | .usage.cpu | rtrimstr("n") | tonumber][0]'
# On a machine with much else to do it may get less than its fifth.
check "a loop that may have a fifth of a processor uses some of it" until_true 20 used "$cpu > 10000000 and $cpu < 300000000"
check "memory is told in Ki" used '.containers[0].usage.memory | test("^[1-9][0-9]*Ki$")'
check "with time and window" used '(.timestamp | test("Z$")) and (.window | test("^[0-9.]+s$"))'
same_twice() { raw $M/namespaces/default/pods/busy >"$WORK/busy"; raw $M/namespaces/default/pods/busy >"$WORK/again"; cmp "$WORK/busy" "$WORK/again"; }
check "who asks at once gets the same answer: the node was asked once" until_true 20 same_twice
check "lists are filtered by labels" [ "$(raw "$M/pods?labelSelector=app%3Dlazy" | jq -r '.kind + ":" + ([.items[].metadata.name] | join(","))')" = PodMetricsList:lazy ]
check "of a namespace" [ "$(raw "$M/namespaces/kube-system/pods" | jq '.items | length')" = 0 ]
check "nodes, too" [ "$(raw $M/nodes | jq -r '.items[0] | .metadata.name + " " + (.usage | keys | join(","))')" = "node-1 cpu,memory" ]
check "what isn't there, in words" [ "$(raw $M/namespaces/default/pods/nosuch | jq -r .message)" = 'pods.metrics.k8s.io "nosuch" not found' ]
check "discovery knows both" [ "$(raw $M | jq -r '[.resources[] | .name + " " + (.verbs | join(","))] | sort | join(";")')" = "nodes get,list;pods get,list" ]
check "orch top nodes" said '^node-1 .*%' orch top nodes
check "orch top pods --containers" said '^busy *main ' orch top pods --containers
check "orch top pods POD" said '^lazy ' orch top pods lazy
check "orch top pods -A" said '^default *busy ' orch top pods -A
tops() {
  check "kubectl $version: top nodes" said '^node-1 .*%' kubectl top nodes
  check "kubectl $version: top pods" said '^busy ' kubectl top pods
  check "kubectl $version: top pods --containers" said '^busy *side ' kubectl top pods --containers
  check "kubectl $version: top pod -l" said '^lazy ' kubectl top pod -l app=lazy
  check "kubectl $version: get pods.metrics.k8s.io" said '^busy .*Ki' kubectl get pods.v1beta1.metrics.k8s.io
}
kubectls tops

# ---- ephemeral containers ----
apply <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: host}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "box:1", command: [sleep, "10000"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: job}
spec: {restartPolicy: Never, terminationGracePeriodSeconds: 0, containers: [{name: main, image: "box:1", command: [sh, -c, "until [ -e /tmp/end ]; do sleep 0.1; done"]}]}
Y
check "a pod to debug runs" until_true 20 pod_ready host
P=/api/v1/namespaces/default/pods
guest_is() { [ "$(field pod "$1" ".status.ephemeralContainerStatuses[]? | select(.name == \"$2\") | .state | keys[0]")" = "$3" ]; }
add_guest() { # add_guest POD JSON: status code; the answer is in $WORK/answer
  curl -s -o "$WORK/answer" -w '%{http_code}' --unix-socket "$SOCKET" -X PATCH -H 'Content-Type: application/strategic-merge-patch+json' -d "{\"spec\":{\"ephemeralContainers\":[$2]}}" "http://x$P/$1/ephemeralcontainers"
}
message_has() { jq -r .message "$WORK/answer" | grep -qF -- "$1" || { cat "$WORK/answer"; false; }; }
check "a debugging container is added" [ "$(add_guest host '{"name":"dbg","image":"box:1","command":["sh","-c","echo in; ps; sleep 10000"],"targetContainerName":"main"}')" = 200 ]
check "and runs" until_true 20 guest_is host dbg running
check "its log is there" until_true 10 log_line host in dbg
check "it sees its target's processes" until_true 10 log_has host 'sleep 10000' dbg
sees_both() { [ "$(orch exec host -c dbg -- sh -c 'ps | grep -c "sleep 10000$"')" -ge 2 ]; }
check "commands run in it" until_true 10 sees_both
check "the pod counts as before: ready, and its container is meant where none is named" [ "$(orch exec host -- echo main)" = main ]
check "what is there can't be changed" [ "$(add_guest host '{"name":"dbg","image":"box:2"}')" = 422 ]
check "in Kubernetes' words" message_has 'spec.ephemeralContainers: Forbidden: existing ephemeral containers "dbg" may not be changed'
check "names are unique in the pod" [ "$(add_guest host '{"name":"main","image":"box:1"}')" = 422 ]
check "the second time, too" message_has 'spec.ephemeralContainers[1].name: Duplicate value: "main"'
check "guests have no probes" [ "$(add_guest host '{"name":"x","image":"box:1","livenessProbe":{"exec":{"command":["true"]}}}')" = 422 ]
check "as Kubernetes says" message_has 'livenessProbe: Forbidden: cannot be set for an Ephemeral Container'
check "a target that isn't there" [ "$(add_guest host '{"name":"x","image":"box:1","targetContainerName":"nosuch"}')" = 422 ]
check "is named" message_has 'targetContainerName: Not found: "nosuch"'
check "the pod's own path adds none" [ "$(curl -s -o "$WORK/answer" -w '%{http_code}' --unix-socket "$SOCKET" -X PATCH -H 'Content-Type: application/strategic-merge-patch+json' -d '{"spec":{"ephemeralContainers":[{"name":"x","image":"box:1"}]}}' "http://x$P/host")" = 422 ]
check "one that ends" [ "$(add_guest host '{"name":"short","image":"box:1","command":["sh","-c","exit 3"]}')" = 200 ]
check "has ended" until_true 20 guest_is host short terminated
check "for good, with its exit code" [ "$(field pod host '.status.ephemeralContainerStatuses[] | select(.name == "short") | "\(.restartCount) \(.state.terminated.exitCode)"')" = "0 3" ]
check "a guest doesn't keep a pod alive" [ "$(add_guest job '{"name":"dbg","image":"box:1","command":["sleep","10000"]}')" = 200 ]
check "which runs" until_true 20 guest_is job dbg running
orch exec job -c main -- touch /tmp/end
check "which succeeds when its own containers do" until_true 30 phase_is job Succeeded
NODE=$(pgrep -x orchd-node) SERVER=$(pgrep -x orchd-server)
kill -9 "$NODE" "$SERVER"
back() { [ -n "$(pgrep -x orchd-node)" ] && orch get pods >/dev/null 2>&1; }
check "server and node are killed and come back" until_true 20 back
runs_on() { [ "$(orch exec host -c dbg -- echo here 2>/dev/null)" = here ]; }
check "the guest runs on" until_true 20 runs_on
check "and is known" guest_is host dbg running
check "what had ended stays ended" guest_is host short terminated
check "a guest can be added still" [ "$(add_guest host '{"name":"later","image":"box:1","command":["sleep","10000"]}')" = 200 ]
check "and starts" until_true 20 guest_is host later running
debugs() {
  [ "$version" != 1.20 ] || return 0
  name=k$(echo "$version" | tr -d .)
  check "kubectl $version: debug with a command" said . kubectl debug host --image=box:1 -c "$name" --target=main -- sh -c 'echo i am $0 in; sleep 10000'
  check "kubectl $version: it runs" until_true 20 guest_is host "$name" running
  check "kubectl $version: logs of it" until_true 10 said 'in$' kubectl logs host -c "$name"
  check "kubectl $version: exec in it" said '^guest$' kubectl exec host -c "$name" -- echo guest
  echo 'echo hello from $((6 * 7)); exit' | kubectl debug host -i --image=box:1 -c "$name-i" -- sh >"$WORK/out" 2>&1 || true
  check "kubectl $version: debug -i is attached to it" grep -q 'hello from 42' "$WORK/out"
}
kubectls debugs
orch delete pod busy lazy host job >/dev/null

# ---- eviction ----
apply <<'Y'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: main, image: "box:1", command: [sleep, "10000"]}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
Y
budget_is() { field_is pdb web '.status | "\(.expectedPods) \(.currentHealthy) \(.desiredHealthy) \(.disruptionsAllowed)"' "$1"; }
check "a budget's status says what it allows" until_true 30 budget_is "2 2 1 1"
check "and its condition" field_is pdb web '.status.conditions[0] | "\(.type) \(.status) \(.reason)"' "DisruptionAllowed True SufficientPods"
evict() { curl -s -D "$WORK/head" -o "$WORK/answer" -w '%{http_code}' --unix-socket "$SOCKET" -X POST -H 'Content-Type: application/json' -d "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":\"$1\"}${2:-}}" "http://x$P/$1/eviction"; }
orch get pods -l app=web -o name | cut -d/ -f2 >"$WORK/names"
one=$(sed -n 1p "$WORK/names") two=$(sed -n 2p "$WORK/names")
check "a dry run evicts nobody" [ "$(evict "$one" ',"deleteOptions":{"dryRun":["All"]}')" = 201 ]
cordon() { curl -s -o /dev/null --unix-socket "$SOCKET" -X PATCH -H 'Content-Type: application/merge-patch+json' -d "{\"spec\":{\"unschedulable\":$1}}" http://x/api/v1/nodes/node-1; }
cordon true
check "one is evicted" [ "$(evict "$one")" = 201 ]
check "the other isn't" [ "$(evict "$two")" = 429 ]
check "in Kubernetes' words" message_has "Cannot evict pod as it would violate the pod's disruption budget."
check "with its cause" [ "$(jq -r '.details.causes[0].reason' "$WORK/answer")" = DisruptionBudget ]
check "and no word of when to ask again" sh -c '! grep -qi retry-after "$1"' - "$WORK/head"
check "the budget shows it" until_true 20 budget_is "2 1 1 0"
cordon false
check "with the pod's successor there is room again" until_true 30 budget_is "2 2 1 1"
# Pods that aren't ready: by the budget's policy.
apply <<'Y'
apiVersion: apps/v1
kind: Deployment
metadata: {name: ill}
spec:
  replicas: 2
  selector: {matchLabels: {app: ill}}
  template:
    metadata: {labels: {app: ill}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: "box:1", command: [sleep, "10000"], readinessProbe: {exec: {command: [test, -e, /tmp/well]}, periodSeconds: 1}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: ill}
spec: {minAvailable: 1, selector: {matchLabels: {app: ill}}, unhealthyPodEvictionPolicy: IfHealthyBudget}
Y
ill_budget_is() { field_is pdb ill '.status | "\(.expectedPods) \(.currentHealthy) \(.desiredHealthy) \(.disruptionsAllowed)"' "$1"; }
ill_run() { [ "$(orch get pods -l app=ill -o json | jq '[.items[] | select(.status.phase == "Running")] | length')" = 2 ]; }
check "two pods run and aren't ready" until_true 30 ill_run
check "a budget counts neither as healthy" until_true 30 ill_budget_is "2 0 1 0"
orch get pods -l app=ill -o name | cut -d/ -f2 >"$WORK/ill"
one=$(sed -n 1p "$WORK/ill") two=$(sed -n 2p "$WORK/ill")
check "while it is short, none is evicted" [ "$(evict "$one")" = 429 ]
check "as IfHealthyBudget says" [ "$(jq -r '.details.causes[0].message' "$WORK/answer")" = "The disruption budget ill needs 1 healthy pods and has 0 currently" ]
orch exec "$two" -- touch /tmp/well
check "with one that is well the budget is kept" until_true 30 ill_budget_is "2 1 1 0"
check "that one stays" [ "$(evict "$two")" = 429 ]
check "the ill one may go" [ "$(evict "$one")" = 201 ]
orch exec "$two" -- rm /tmp/well
check "all are ill again" until_true 30 ill_budget_is "2 0 1 0"
check "and stay" [ "$(evict "$two")" = 429 ]
curl -s -o /dev/null --unix-socket "$SOCKET" -X PATCH -H 'Content-Type: application/merge-patch+json' -d '{"spec":{"unhealthyPodEvictionPolicy":"AlwaysAllow"}}' http://x/apis/policy/v1/namespaces/default/poddisruptionbudgets/ill
check "unless AlwaysAllow is said" [ "$(evict "$two")" = 201 ]
orch delete deployment ill >/dev/null
drains() {
  cordon false
  check "kubectl $version: all is well before" until_true 30 budget_is "2 2 1 1"
  orch get pods -l app=web -o name >"$WORK/names"
  kubectl drain node-1 --force --ignore-daemonsets --timeout=200s >"$WORK/drain" 2>&1 &
  drain=$!
  check "kubectl $version: drain evicts one and waits for the budget" until_true 20 grep -q "violate the pod.s disruption budget" "$WORK/drain"
  one_is_left() { [ "$(orch get pods -l app=web -o name | grep -cxFf "$WORK/names")" = 1 ]; }
  check "kubectl $version: one of them is still there" until_true 20 one_is_left
  curl -s -o /dev/null --unix-socket "$SOCKET" -X PATCH -H 'Content-Type: application/merge-patch+json' -d '{"spec":{"maxUnavailable":"100%"}}' http://x/apis/policy/v1/namespaces/default/poddisruptionbudgets/web
  check "kubectl $version: drain ends once it may" wait $drain
  check "kubectl $version: and says so" grep -q 'node/node-1 \(drained\|evicted\)' "$WORK/drain"
  curl -s -o /dev/null --unix-socket "$SOCKET" -X PATCH -H 'Content-Type: application/merge-patch+json' -d '{"spec":{"maxUnavailable":1}}' http://x/apis/policy/v1/namespaces/default/poddisruptionbudgets/web
}
kubectls drains
cordon false
stop_cluster
