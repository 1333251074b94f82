#!/bin/sh
# The server dies at any moment of a storm of applies, scales and deletes; afterwards the cluster is what the last word said, nothing is
# there twice, nothing is forgotten, and then it is quiet: nobody writes when nothing happens.
. "$(dirname "$0")/cluster.sh"
need jq curl
start_cluster
load_image

deployment() { # deployment NAME REPLICAS ROUND
  cat <<Y
apiVersion: apps/v1
kind: Deployment
metadata: {name: $1, labels: {app: $1, storm: "yes"}}
spec:
  replicas: $2
  selector: {matchLabels: {app: $1}}
  template:
    metadata: {labels: {app: $1, storm: "yes"}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: c, image: "user-service:1.0", command: [sleep, "100000"], env: [{name: ROUND, value: "$3"}]}
---
Y
}
kill_server() {
  victim=$(pgrep -x orchd-server) || return 0
  kill -9 "$victim" 2>/dev/null || true
}
try() { timeout 20 "$ORCH_BUILD/cli/orch" --socket "$SOCKET" "$@" >/dev/null 2>&1 || true; } # what is refused now is said again below
round=0
while [ $round -lt 6 ]; do
  round=$((round + 1))
  { for i in 1 2 3 4; do deployment "d$i" $((i % 3 + 1)) $round; done; } >"$WORK/all.yaml"
  try apply -f "$WORK/all.yaml" &
  one=$!
  try scale deploy/d1 --replicas=$((round % 4)) &
  two=$!
  try delete deploy d$((round % 4 + 1)) --wait=false &
  three=$!
  sleep 0.0$((round * 3 % 10))
  kill_server
  wait $one $two $three
done
answers() { orch get --request-timeout=2s nodes >/dev/null; }
check "the server, killed six times in a storm, answers" until_true 30 answers
{ for i in 1 2 3 4; do deployment "d$i" $((i % 3 + 1)) last; done; } >"$WORK/all.yaml"
check "the last word" orch apply -f "$WORK/all.yaml"
check "scale says its own" orch scale deploy/d1 --replicas=2
for i in 1 2 3 4; do check "d$i rolls out" orch rollout status deploy/d$i --timeout=180s; done
mine() { orch get pods -l storm=yes -o json; }
n_mine_is() { [ "$(mine | jq '.items | length')" = "$1" ]; }
check "exactly the pods that were asked for are there" until_true 30 n_mine_is 8
check "all of the last round" [ "$(mine | jq '[.items[].spec.containers[0].env[0].value] | unique == ["last"]')" = true ]
n_ready_of_mine_is() { [ "$(mine | jq '[.items[] | select(any(.status.conditions[]?; .type == "Ready" and .status == "True"))] | length')" = "$1" ]; }
check "and ready" until_true 20 n_ready_of_mine_is 8
no_orphans() { [ "$(orch get rs -o json | jq '[.items[] | select(.metadata.ownerReferences == null)] | length')" = 0 ]; }
check "no replica set without a deployment" until_true 20 no_orphans
n_sleeps_is() { [ "$(pgrep -x sleep -a | grep -c 'sleep 100000')" = "$1" ]; }
check "as many processes run as there are pods" until_true 15 n_sleeps_is 8
n_supervisors_is() { [ "$(pgrep -xc orch-pod)" = "$1" ]; }
check "and supervisors" until_true 15 n_supervisors_is 8
check "every pod has an address of its own" [ "$(mine | jq '[.items[].status.podIP] | unique | length')" = 8 ]

# ---- quiet ----
renewed() { orch get lease node-1 -n kube-node-lease -o json | jq -r .spec.renewTime; }
stands_still() { # a heartbeat has come, and not a byte is written
  bytes=$(writes) renewed=$(renewed)
  until [ "$(renewed)" != "$renewed" ]; do sleep 1; done
  [ "$(writes)" = "$bytes" ]
}
writes() { cat "$STATE"/server/* 2>/dev/null | cksum; }
check "when nothing happens nothing is written, heartbeats or not" until_true 30 stands_still

# ---- a controller that works is not a hot loop ----
check "delete everything" orch delete deploy -l storm=yes --timeout=180s
check "its pods go" until_true 30 n_mine_is 0
check "its processes too" until_true 15 n_sleeps_is 0
no_sets() { [ "$(orch get rs -o json | jq '.items | length')" = 0 ]; }
check "and its replica sets" until_true 15 no_sets
stop_cluster
