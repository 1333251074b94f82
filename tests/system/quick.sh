#!/bin/sh
# The main job: apply, become ready, answer by name, restart what is unhealthy, take what is unready out of the name, scale, roll, undo, delete.
. "$(dirname "$0")/cluster.sh"
need jq
start_cluster
load_image

check "apply says what it created" sh -c '"$0" --socket "$1" apply -f "$2" | grep -q "deployment.apps/user-service created"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$SRC/manifests/user-service.yaml"
check "three replicas become ready" until_true 30 n_ready_is user-service 3
check "rollout status ends well" orch rollout status deployment/user-service --timeout=180s
check "applying again changes nothing" sh -c '"$0" --socket "$1" apply -f "$2" | grep -q "deployment.apps/user-service unchanged"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$SRC/manifests/user-service.yaml"

pod=$(first_pod user-service)
answers() { orch exec "$pod" -- wget -q -O - "http://$1/" | grep -q "hello from user-service-"; }
check "the service answers by its short name from inside a pod" until_true 20 answers user-service
check "and by its full name" answers user-service.default.svc.cluster.local
n_endpoints() { orch get endpointslices -l kubernetes.io/service-name=user-service -o json | jq '[.items[].endpoints[]? | select(.conditions.ready)] | length'; }
n_endpoints_is() { [ "$(n_endpoints)" = "$1" ]; }
check "it has three ready endpoints" until_true 10 n_endpoints_is 3
# The older form says the same, with pods that aren't ready apart.
addresses_are() { [ "$(orch get endpoints user-service -o json | jq -r '[(.subsets[]?.addresses // [] | length), (.subsets[]?.notReadyAddresses // [] | length)] | join(" ")')" = "$1" ]; }
check "Endpoints list them, too" until_true 10 addresses_are "3 0"
check "all three answer in turn" until_true 20 sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do "$0" --socket "$1" exec "$2" -- wget -q -O - http://user-service/; done | sort -u | wc -l | grep -qx 3' "$ORCH_BUILD/cli/orch" "$SOCKET" "$pod"

check "breaking liveness" orch exec "$pod" -- rm /www/health
restarted() { [ "$(field pod "$pod" '.status.containerStatuses[0].restartCount')" -ge 1 ]; }
check "restarts the container" until_true 30 restarted
check "and is told as an event" until_true 10 sh -c '"$0" --socket "$1" get events | grep -q "Liveness probe failed"' "$ORCH_BUILD/cli/orch" "$SOCKET"
check "the first run's log is there with --previous" sh -c '"$0" --socket "$1" logs "$2" --previous | grep -q "listens on 8080"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$pod"
ready_again() { [ "$(field pod "$pod" '.status.containerStatuses[0].ready')" = true ]; }
check "the restarted container becomes ready" until_true 30 ready_again
check "and is behind the name" until_true 30 n_endpoints_is 3
before=$(field pod "$pod" '.status.containerStatuses[0].restartCount')

check "breaking readiness" orch exec "$pod" -- rm /www/ready
check "takes the pod out of the name" until_true 30 n_endpoints_is 2
check "Endpoints tell it apart" until_true 10 addresses_are "2 1"
check "without a restart" field_is pod "$pod" '.status.containerStatuses[0].restartCount' "$before"
check "mending it" orch exec "$pod" -- touch /www/ready
check "brings it back" until_true 30 n_endpoints_is 3

cat >"$WORK/claim.yaml" <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: wants-claim}
spec:
  containers: [{name: c, image: user-service, volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: db}}]
Y
check "a pod that asks for a claim is taken" orch apply -f "$WORK/claim.yaml"
waits_for_claim() { field pod wants-claim '.status.conditions[]? | select(.type == "PodScheduled") | .message' | grep -q 'volume "data" asks for persistentvolumeclaim "db"'; }
check "but waits, and says for what" until_true 10 waits_for_claim
check "and goes again" orch delete pod wants-claim

check "logs show what the container said" sh -c '"$0" --socket "$1" logs "$2" | grep -q "listens on 8080"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$pod"
check "exec passes the exit code" sh -c '"$0" --socket "$1" exec "$2" -- sh -c "exit 7"; [ $? = 7 ]' "$ORCH_BUILD/cli/orch" "$SOCKET" "$pod"
check "exec passes standard input" sh -c '[ "$(echo through | "$0" --socket "$1" exec -i "$2" -- cat)" = through ]' "$ORCH_BUILD/cli/orch" "$SOCKET" "$pod"

check "scale to five" orch scale deployment/user-service --replicas=5
check "five become ready" until_true 30 n_ready_is user-service 5
check "scale to two" orch scale deployment/user-service --replicas=2
n_pods_is() { [ "$(orch get pods -l "app=user-service" -o name | wc -l)" = "$1" ]; }
check "two are left" until_true 45 n_pods_is 2

before=$(orch get pods -l app=user-service -o name | sort | tr '\n' ' ')
check "rollout restart" orch rollout restart deployment/user-service
check "rolls through" orch rollout status deployment/user-service --timeout=180s
[ "$(orch get pods -l app=user-service -o name | sort | tr '\n' ' ')" != "$before" ] || fail "the same pods run on"
check "rollout undo" orch rollout undo deployment/user-service
check "rolls back" orch rollout status deployment/user-service --timeout=180s
check "history knows the revisions" sh -c '"$0" --socket "$1" rollout history deployment/user-service | grep -q 3' "$ORCH_BUILD/cli/orch" "$SOCKET"

check "delete what was applied" orch delete -f "$SRC/manifests/user-service.yaml" --timeout=180s
check "its pods go" until_true 45 n_pods_is 0
stop_cluster
