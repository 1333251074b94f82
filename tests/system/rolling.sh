#!/bin/sh
# Rolling changes under load: a client in the cluster fetches the service all the time, and not one request fails. What a deployment
# promises besides: never too few, progress told, undo, pause, history, adoption.
. "$(dirname "$0")/cluster.sh"
need jq curl
start_cluster
load_image
api() { curl -s --unix-socket "$SOCKET" "http://orch$@"; }

pods() { orch get pods -l app=web -o json | jq -r '.items[] | select(.metadata.deletionTimestamp == null).metadata.name' | sort; }

cat >"$WORK/web.yaml" <<'Y'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 3
  revisionHistoryLimit: 2
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: c
        image: user-service:1.0
        env: [{name: ROUND, value: "1"}]
        readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1, timeoutSeconds: 30}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
Y
cat >"$WORK/client.yaml" <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: client, labels: {app: client}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: user-service:1.0
    command:
    - /bin/sh
    - -c
    - |
      n=0; bad=0
      while :; do
        if wget -q -O /tmp/o http://web/ 2>/tmp/e; then n=$((n+1)); else bad=$((bad+1)); echo "failed after $n: $(cat /tmp/e)"; fi
        echo "$n $bad" >/tmp/count
      done
Y
check "apply and wait" orch apply -f "$WORK/web.yaml" --wait --timeout=180s
answers() { orch exec "$(first_pod web)" -- wget -q -O - http://web/ | grep -q hello; }
check "the service answers" until_true 20 answers
check "a client that never rests" orch apply -f "$WORK/client.yaml" --wait --timeout=180s
asked() { orch exec client -- cat /tmp/count | cut -d' ' -f1; }
asked_more_than() { [ "$(asked)" -gt "$1" ]; }
none_failed() { orch logs client | tail -5; [ -z "$(orch logs client)" ]; }
check "the client asks" until_true 20 asked_more_than 20
curl -s -N --unix-socket "$SOCKET" "http://orch/apis/apps/v1/namespaces/default/deployments?watch=true" >"$WORK/watched" &
WATCHER=$!
# whole_events FILE: without the last one where curl was ended in the midst of it
whole_events() { jq -cR 'fromjson? // empty' "$1"; }
until_true 10 grep -q ADDED "$WORK/watched" || fail "the watch does not begin"
rolled() { orch rollout status deploy/web --timeout=180s >/dev/null; }

check "restart" orch rollout restart deploy/web
check "it rolls through" rolled
check "no request failed" none_failed
sed -i 's/value: "1"/value: "2"/' "$WORK/web.yaml"
check "a change of the environment" orch apply -f "$WORK/web.yaml" --wait --timeout=180s
check "no request failed" none_failed
check "scale up" orch scale deploy/web --replicas=6
check "it comes up" rolled
check "scale down" orch scale deploy/web --replicas=2
left_is() { [ "$(orch get pods -l app=web -o name | wc -l)" = "$1" ]; }
check "two are left" until_true 30 left_is 2
check "no request failed" none_failed
check "back to three while it restarts" sh -c '"$0" --socket "$1" rollout restart deploy/web && "$0" --socket "$1" scale deploy/web --replicas=3' "$ORCH_BUILD/cli/orch" "$SOCKET"
check "it rolls through" rolled
check "undo" orch rollout undo deploy/web
check "it rolls back" rolled
count=$(asked)
check "the client still asks" until_true 20 asked_more_than $((count + 10))
check "no request failed" none_failed
kill $WATCHER
wait $WATCHER 2>/dev/null || true
# The scale to two is the only thing that may have brought fewer than three.
check "never fewer than replicas were available" [ "$(whole_events "$WORK/watched" | jq -s '[.[] | select(.type == "MODIFIED") | .object | select(.metadata.generation == .status.observedGeneration) | select(.spec.replicas <= 3) | (.status.availableReplicas // 0)] | min')" -ge 2 ]
check "nor more than maxSurge allows" [ "$(whole_events "$WORK/watched" | jq -s '[.[] | .object | select(.spec.replicas == 3) | select(.metadata.generation == .status.observedGeneration) | .status.updatedReplicas // 0] | max')" -le 4 ]

# ---- what a bad image does ----
# Only now is there a deadline that a slow machine might miss.
sed 's/user-service:1.0/user-service:nope/; s/^  revisionHistoryLimit: 2/&\n  progressDeadlineSeconds: 5/' "$WORK/web.yaml" >"$WORK/bad.yaml"
check "a bad image" orch apply -f "$WORK/bad.yaml"
condition() { field deploy web ".status.conditions[] | select(.type == \"$1\") | .$2"; }
condition_is() { [ "$(condition "$1" "$2")" = "$3" ]; }
check "is told when the deadline has passed" until_true 20 condition_is Progressing reason ProgressDeadlineExceeded
check "status is False" condition_is Progressing status False
check "with Kubernetes' words" sh -c 'echo "$1" | grep -Eqx "ReplicaSet \"web-[a-z0-9]+\" has timed out progressing\\."' x "$(condition Progressing message)"
check "the old pods serve on" condition_is Available status True
code=0; orch rollout status deploy/web --timeout=180s >"$WORK/out" 2>&1 || code=$?
check "rollout status fails and says so" sh -c '[ "$0" = 1 ] && grep -q "exceeded its progress deadline" "$1"' "$code" "$WORK/out"
check "the pod says why" until_true 20 sh -c '"$0" --socket "$1" get pods | grep -Eq "ErrImagePull|ImagePullBackOff|ErrImageNeverPull"' "$ORCH_BUILD/cli/orch" "$SOCKET"
curl -sf -o /dev/null -X PATCH --unix-socket "$SOCKET" -H 'Content-Type: application/merge-patch+json' -d '{"spec":{"progressDeadlineSeconds":600}}' \
  http://orch/apis/apps/v1/namespaces/default/deployments/web || fail "the deadline"
check "undo" orch rollout undo deploy/web
check "mends it" rolled
check "no request failed" none_failed
check "progress is told again" until_true 10 condition_is Progressing reason NewReplicaSetAvailable

# ---- history ----
n_old() { orch get rs -l app=web -o json | jq '[.items[] | select(.spec.replicas == 0)] | length'; }
n_old_is_most() { [ "$(n_old)" -le "$1" ]; }
check "old replica sets beyond revisionHistoryLimit are gone" until_true 10 n_old_is_most 2
revision=$(field deploy web '.metadata.annotations["deployment.kubernetes.io/revision"]')
check "history shows the present revision" sh -c '"$0" --socket "$1" rollout history deploy/web | grep -Eq "^$2( |$)"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$revision"
check "and its template" sh -c '"$0" --socket "$1" rollout history deploy/web --revision="$2" | grep -q "user-service:1.0"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$revision"
code=0; orch rollout undo deploy/web --to-revision=99 >"$WORK/out" 2>&1 || code=$?
check "a revision that there isn't" sh -c '[ "$0" = 1 ] && grep -q "revision 99" "$1"' "$code" "$WORK/out"

# ---- pause ----
check "pause" orch rollout pause deploy/web
before=$(pods)
sed -i 's/value: "2"/value: "3"/' "$WORK/web.yaml"
check "a change meanwhile" orch apply -f "$WORK/web.yaml"
observed() { [ "$(field deploy web '.metadata.generation')" = "$(field deploy web '.status.observedGeneration')" ]; }
check "is seen" until_true 10 observed
check "and told as paused" until_true 10 condition_is Progressing reason DeploymentPaused
check "and not rolled out" [ "$(pods)" = "$before" ]
check "resume" orch rollout resume deploy/web
check "rolls it out" rolled
[ "$(pods)" != "$before" ] || fail "the old pods run on"
check "no request failed" none_failed

# ---- orphans and selectors ----
# From new: what restarts left in the template would make it another one than the file's.
orch delete pod client >/dev/null
orch delete -f "$WORK/web.yaml" --timeout=180s >/dev/null || fail "delete"
orch apply -f "$WORK/web.yaml" --wait --timeout=180s >/dev/null || fail "apply"
rs=$(orch get rs -l app=web -o json | jq -r '.items[] | select(.spec.replicas > 0) | .metadata.name')
before=$(pods)
check "delete the deployment, keep what it owns" orch delete deploy web --cascade=orphan
orphaned() { [ "$(field rs "$rs" '.metadata.ownerReferences // [] | length')" = 0 ]; }
check "the replica set has no owner" until_true 10 orphaned
check "its pods run on" [ "$(pods)" = "$before" ]
check "the deployment again" orch apply -f "$WORK/web.yaml" --wait --timeout=180s
adopted() { [ "$(field rs "$rs" '.metadata.ownerReferences[0].kind')" = Deployment ]; }
check "adopts the replica set" until_true 10 adopted
check "and its pods" [ "$(pods)" = "$before" ]
sed 's/matchLabels: {app: web}/matchLabels: {app: web, tier: x}/; s/labels: {app: web}}$/labels: {app: web, tier: x}}/' "$WORK/web.yaml" >"$WORK/selector.yaml"
code=0; orch apply -f "$WORK/selector.yaml" >"$WORK/out" 2>&1 || code=$?
check "a selector can't be changed" sh -c '[ "$0" = 1 ] && grep -q "field is immutable" "$1"' "$code" "$WORK/out"

# ---- Recreate ----
check "nothing is left of those before" until_true 30 left_is 3
sed 's/strategy: .*/strategy: {type: Recreate}/; s/value: "3"/value: "4"/' "$WORK/web.yaml" >"$WORK/recreate.yaml"
curl -s -N --unix-socket "$SOCKET" "http://orch/api/v1/namespaces/default/pods?watch=true&labelSelector=app%3Dweb" >"$WORK/watched" &
WATCHER=$!
n_seen_is() { [ "$(grep -c '"type":"ADDED"' "$WORK/watched")" = "$1" ]; }
until_true 10 n_seen_is 3 || fail "the watch does not begin"
check "Recreate" orch apply -f "$WORK/recreate.yaml" --wait --timeout=180s
until_true 10 n_seen_is 6 || fail "the watch does not see the new pods"
kill $WATCHER
wait $WATCHER 2>/dev/null || true
check "all old pods were gone before the first new one came" [ "$(whole_events "$WORK/watched" | jq -r 'select(.type != "MODIFIED" and .type != "BOOKMARK") | .type' | uniq | tr '\n' ' ')" = "ADDED DELETED ADDED " ]
orch delete -f "$WORK/web.yaml" --timeout=180s >/dev/null || fail "delete"
stop_cluster
