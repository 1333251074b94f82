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
kubectl() { HOME="$WORK/home" timeout 60 "$CLIENTS/$version/kubectl" --cache-dir "$WORK/cache-$version" --kubeconfig "$STATE/admin.kubeconfig" "$@"; }
said() { words=$1; shift; "$@" >"$WORK/out" 2>&1; grep -q -- "$words" "$WORK/out" || { cat "$WORK/out"; false; }; }

# ---- metrics.k8s.io ----
M=/apis/metrics.k8s.io/v1beta1
raw $M/namespaces/default/pods/busy >"$WORK/busy"
used() { jq -e "$1" "$WORK/busy" >/dev/null || { cat "$WORK/busy"; false; }; }
check "a pod's metrics have its containers" used '.kind == "PodMetrics" and ([.containers[].name] | sort) == ["main", "side"] and .metadata.labels.app == "busy"'
cpu='[.containers[] | select(.name == "main") | .usage.cpu | rtrimstr("n") | tonumber][0]'
check "a loop that may have a fifth of a processor uses about that" used "$cpu > 100000000 and $cpu < 300000000"
check "memory is told in Ki" used '.containers[0].usage.memory | test("^[1-9][0-9]*Ki$")'
check "with time and window" used '(.timestamp | test("Z$")) and (.window | test("^[0-9.]+s$"))'
raw $M/namespaces/default/pods/busy >"$WORK/again"
check "who asks at once gets the same answer: the node was asked once" cmp "$WORK/busy" "$WORK/again"
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
stop_cluster
