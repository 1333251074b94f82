#!/bin/sh
# Kinds that operators bring: a definition with a large schema, its objects over orch and curl, through restarts and kills, and its end.
. "$(dirname "$0")/cluster.sh"
need jq curl
start_cluster
GROUP=/apis/storage.example.com
API=$GROUP/v1/namespaces/default/databases
DEFINITIONS=/apis/apiextensions.k8s.io/v1/customresourcedefinitions

# call METHOD PATH [BODY [TYPE]]: the answer goes to $WORK/answer, its status to standard output.
call() {
  set -- "$1" "$2" "${3:-}" "${4:-application/json}"
  if [ -n "$3" ]; then set -- "$1" "$2" "$3" "$4" --data-binary "$3"; else set -- "$1" "$2" "" "$4"; fi
  method=$1 path=$2 type=$4
  shift 4
  curl -s --unix-socket "$SOCKET" -X "$method" -H "Content-Type: $type" -D "$WORK/headers" -o "$WORK/answer" -w '%{http_code}' "$@" "http://x$path"
}
status_is() { want=$1; shift; got=$(call "$@"); [ "$got" = "$want" ] || { echo "$* gave $got: $(cat "$WORK/answer")" >&2; return 1; }; }
says() { grep -qF -- "$1" "$WORK/answer" || { echo "not said: $1; but: $(cat "$WORK/answer")" >&2; return 1; }; }
refused() { # refused SPEC TEXT
  status_is 422 POST $API '{"apiVersion":"storage.example.com/v1","kind":"Database","metadata":{"name":"bad"},"spec":'"$1"'}' && says "$2"
}

# ---- the definition, and an object with it in one file
cp "$SRC/tests/system/crd.yaml" "$WORK/all.yaml"
cat >"$WORK/one.yaml" <<'Y'
---
apiVersion: storage.example.com/v1
kind: Database
metadata: {name: main, labels: {tier: gold}}
spec:
  engine: postgres
  replicas: 2
  storage: {size: 10Gi, accessModes: [ReadWriteOnce]}
  users: [{name: app, roles: [reader]}]
  backups: {retention: {daily: {keep: 7}}}
  template: {apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {anything: [1, 2]}}
Y
{ cat "$WORK/one.yaml"; echo ---; cat "$WORK/all.yaml"; } >"$WORK/both.yaml" # the object before its definition
check "a definition and its object come with one apply" orch apply -f "$WORK/both.yaml"
check "the definition is established" orch wait --for=condition=Established crd/databases.storage.example.com --timeout=180s
orch get db main -o json >"$WORK/main.json"
check "defaults are there, deep ones too" jq -e '.spec.version == "16" and .spec.monitoring.port == 9187 and .spec.users[0].connectionLimit == 10 and .spec.backups.retention.daily.tag == "none" and .spec.template.spec.anything == [1,2]' "$WORK/main.json" >/dev/null
check "a second apply changes nothing" sh -c "'$ORCH_BUILD/cli/orch' --socket '$SOCKET' apply -f '$WORK/both.yaml' | grep -c unchanged | grep -qx 2"
sed 's/replicas: 2/replicas: 3/; s/\[reader\]/[reader, writer]/' "$WORK/one.yaml" >"$WORK/two.yaml"
check "an apply of the object alone changes it" sh -c "'$ORCH_BUILD/cli/orch' --socket '$SOCKET' apply -f '$WORK/two.yaml' | grep -q configured"
check "and it has what the manifest says" test "$(field db main '.spec.replicas, .metadata.generation, (.spec.users[0].roles|join("+"))' | tr '\n' ' ')" = "3 2 reader+writer "

# ---- what orch shows
orch get databases >"$WORK/table"
check "columns are the definition's" grep -Eq '^NAME +ENGINE +REPLICAS +READY +SUSPENDED +AGE' "$WORK/table"
check "cells come from the object" grep -Eq '^main +postgres +3 .*false +[0-9]+s' "$WORK/table"
check "wide has more of them" sh -c "'$ORCH_BUILD/cli/orch' --socket '$SOCKET' get db -o wide | grep -q 10Gi"
check "get all finds the category" sh -c "'$ORCH_BUILD/cli/orch' --socket '$SOCKET' get all | grep -q main"
check "explain knows the fields" sh -c "'$ORCH_BUILD/cli/orch' --socket '$SOCKET' explain db.spec.users | grep -q connectionLimit"
check "api-resources lists the kind" sh -c "'$ORCH_BUILD/cli/orch' --socket '$SOCKET' api-resources | grep -Eq 'databases +db,dbs +storage.example.com/v1 +true +Database'"
check "describe tells of it" sh -c "'$ORCH_BUILD/cli/orch' --socket '$SOCKET' describe db main | grep -q postgres"
status_is 200 GET "$GROUP/v1" || fail discovery
check "discovery has status and scale" jq -e '[.resources[].name] == ["databases","databases/status","databases/scale"]' "$WORK/answer" >/dev/null

# ---- bad objects
check "a missing field" refused '{"storage":{"size":1}}' 'spec.engine: Required value'
check "a value that isn't one of the list" refused '{"engine":"oracle","storage":{"size":1}}' 'spec.engine: Unsupported value: \"oracle\": supported values: \"postgres\", \"mysql\", \"redis\"'
check "a wrong type" refused '{"engine":"redis","ephemeral":true,"replicas":"x"}' 'spec.replicas: Invalid value: \"string\": spec.replicas in body must be of type integer: \"string\"'
check "too many" refused '{"engine":"redis","ephemeral":true,"replicas":10}' 'spec.replicas in body should be less than or equal to 9'
check "a pattern" refused '{"engine":"redis","ephemeral":true,"version":"x"}' "spec.version in body should match"
check "one of two, not both" refused '{"engine":"redis","ephemeral":true,"storage":{"size":1}}' 'must validate one and only one schema (oneOf)'
check "a set has no twins" refused '{"engine":"redis","storage":{"size":1,"accessModes":["ReadWriteOnce","ReadWriteOnce"]}}' 'spec.storage.accessModes[1]: Duplicate value: \"ReadWriteOnce\"'
check "a keyed list has no twins" refused '{"engine":"redis","ephemeral":true,"users":[{"name":"a"},{"name":"a"}]}' 'spec.users[1]: Duplicate value'
check "a date is a date" refused '{"engine":"redis","ephemeral":true,"users":[{"name":"a","validUntil":"soon"}]}' 'must be of type date-time'
check "a map's values are checked" refused '{"engine":"redis","ephemeral":true,"backups":{"retention":{"d":{"keep":0}}}}' 'spec.backups.retention.d.keep in body should be greater than or equal to 1'
GOOD='{"apiVersion":"storage.example.com/v1","kind":"Database","metadata":{"name":"second"},"spec":{"engine":"redis","ephemeral":true,"bogus":1}}'
check "an unknown field is refused when asked to" status_is 400 POST "$API?fieldValidation=Strict" "$GOOD"
check "and named" says 'strict decoding error: unknown field \"spec.bogus\"'
check "else it is dropped with a warning" status_is 201 POST "$API" "$GOOD"
check "which names it" grep -q 'Warning: 299 - "unknown field' "$WORK/headers"
check "dropped it is" jq -e '.spec.bogus == null' "$WORK/answer" >/dev/null
check "strategic merge isn't for custom kinds" status_is 415 PATCH $API/main '{}' application/strategic-merge-patch+json

# ---- status, scale, versions, watch
curl -sN --unix-socket "$SOCKET" "http://x$GROUP/v1alpha1/databases?watch=1&timeoutSeconds=600" >"$WORK/watch" &
WATCH=$!
until_true 5 grep -q '"name":"main"' "$WORK/watch" || fail "the watch does not begin"
check "status is written apart" status_is 200 PATCH $API/main/status '{"spec":{"replicas":0},"status":{"replicas":3,"selector":"app=main","conditions":[{"type":"Ready","status":"True","reason":"Up","message":"","lastTransitionTime":"2026-01-02T03:04:05Z"}]}}' application/merge-patch+json
check "and leaves the wish alone" jq -e '.spec.replicas == 3 and .status.replicas == 3 and .metadata.generation == 2' "$WORK/answer" >/dev/null
check "a bad status is refused" status_is 422 PATCH $API/main/status '{"status":{"phase":"Odd"}}' application/merge-patch+json
check "orch wait sees its conditions" orch wait --for=condition=Ready db/main --timeout=180s
check "orch scale changes the number" orch scale db/main --replicas=4
check "where the definition says" test "$(field db main .spec.replicas)" = 4
check "the schema holds there, too" status_is 422 PATCH $API/main/scale '{"spec":{"replicas":40}}' application/merge-patch+json
check "an old version serves the same object" status_is 200 GET $GROUP/v1alpha1/namespaces/default/databases/main
check "under its own name, with a warning" sh -c "jq -e '.apiVersion == \"storage.example.com/v1alpha1\" and .spec.replicas == 4' '$WORK/answer' >/dev/null && grep -q 'Warning: 299 - .*use v1' '$WORK/headers'"
check "its watch has seen it all" until_true 5 sh -c "grep -c '\"type\":\"MODIFIED\".*v1alpha1' '$WORK/watch' | grep -qx 2"
kill $WATCH 2>/dev/null || true
check "server-side apply keeps keyed lists" status_is 200 PATCH "$API/main?fieldManager=other&force=true" '{"apiVersion":"storage.example.com/v1","kind":"Database","metadata":{"name":"main"},"spec":{"engine":"postgres","users":[{"name":"more"}]}}' application/apply-patch+yaml
check "so two managers have a user each" jq -e '[.spec.users[].name] | sort == ["app","more"]' "$WORK/answer" >/dev/null

# ---- owners and namespaces
MAIN=$(field db main .metadata.uid)
orch apply -f - >/dev/null <<Y
apiVersion: v1
kind: ConfigMap
metadata: {name: owned, ownerReferences: [{apiVersion: storage.example.com/v1, kind: Database, name: main, uid: $MAIN}]}
---
apiVersion: storage.example.com/v1
kind: Database
metadata: {name: child, ownerReferences: [{apiVersion: storage.example.com/v1, kind: Database, name: main, uid: $MAIN}]}
spec: {engine: redis, ephemeral: true}
---
apiVersion: v1
kind: Namespace
metadata: {name: away}
---
apiVersion: storage.example.com/v1
kind: Database
metadata: {name: there, namespace: away}
spec: {engine: redis, ephemeral: true}
Y
check "a namespace takes its custom objects along" orch delete namespace away --timeout=180s
gone() { [ "$(call GET "$1")" = 404 ]; }
check "they are gone" gone $GROUP/v1/namespaces/away/databases/there

# ---- restarts
SERVER=$(pgrep -x orchd-server)
kill -9 "$SERVER"
ready() { [ "$(call GET /readyz)" = 200 ]; }
check "the server is back" until_true 10 ready
check "with definition and objects" test "$(field db main .spec.replicas)" = 4
check "and goes on checking" refused '{"storage":{"size":1}}' 'spec.engine: Required value'
round=0
while [ $round -lt 5 ]; do # killed while a definition is being made: it is there whole, or not at all
  round=$((round + 1))
  sed "s/databases/tables$round/; s/kind: Database/kind: Table$round/; s/db, dbs/t$round/" "$SRC/tests/system/crd.yaml" >"$WORK/more.yaml"
  timeout 20 "$ORCH_BUILD/cli/orch" --socket "$SOCKET" apply -f "$WORK/more.yaml" >/dev/null 2>&1 &
  client=$!
  sleep 0.0$round
  kill -9 "$(pgrep -x orchd-server)" 2>/dev/null || true
  wait $client || true
  until_true 10 ready || fail "the server did not come back"
  orch apply -f "$WORK/more.yaml" >/dev/null || fail "round $round: the definition can't be made"
  status_is 200 GET "$GROUP/v1/tables$round" || fail "round $round: the kind isn't served"
done
echo "ok - definitions that a kill interrupted are whole or absent"
check "owned objects go with their owner" orch delete db main --timeout=180s
check "of a table's kind" until_true 20 gone /api/v1/namespaces/default/configmaps/owned
check "and of a custom one" until_true 20 gone $API/child

check "the example of manifests/" orch apply -f "$SRC/manifests/custom-kind.yaml"
check "is as it says" test "$(field gw basement .spec.pollSeconds)" = 10
check "and goes" orch delete -f "$SRC/manifests/custom-kind.yaml" --timeout=180s

# ---- the end
check "deleting a definition waits for its objects" orch delete crd databases.storage.example.com --timeout=180s
check "which are gone" gone $API/second
check "as is the kind" gone $GROUP/v1/databases
check "the other kinds are served still" status_is 200 GET $GROUP/v1/tables1
check "and it may come again, empty" orch apply -f "$WORK/all.yaml"
check "empty indeed" sh -c "'$ORCH_BUILD/cli/orch' --socket '$SOCKET' get db -o json | jq -e '.items == []' >/dev/null"

# ---- the real kubectl, where scripts/fetch-clients has brought it
KUBECTL="${ORCH_CLIENTS:-$SRC/.cache/clients}/1.35/kubectl"
[ -x "$KUBECTL" ] || { echo "not shown with kubectl: scripts/fetch-clients brings it"; stop_cluster; exit 0; }
until_true 10 test -s "$STATE/server/admin.kubeconfig" || until_true 1 test -s "$RUN/admin.kubeconfig" || true
CONFIG=$(find "$STATE" "$RUN" -name '*.kubeconfig' -o -name kubeconfig 2>/dev/null | head -1)
[ -n "$CONFIG" ] || { echo "not shown with kubectl: there is no kubeconfig"; stop_cluster; exit 0; }
k() { "$KUBECTL" --kubeconfig "$CONFIG" --cache-dir "$WORK/cache" "$@"; }
check "kubectl applies the object" k apply -f "$WORK/one.yaml"
BEFORE=$(field db main .metadata.resourceVersion)
check "kubectl applies it again" k apply -f "$WORK/one.yaml"
check "which changes nothing" test "$(field db main .metadata.resourceVersion)" = "$BEFORE"
k get db >"$WORK/table"
check "kubectl shows the columns" grep -Eq '^NAME +ENGINE +REPLICAS +READY +SUSPENDED +AGE' "$WORK/table"
check "kubectl explains the fields" sh -c "'$KUBECTL' --kubeconfig '$CONFIG' --cache-dir '$WORK/cache' explain db.spec.users | grep -q connectionLimit"
check "kubectl scales" k scale db/main --replicas=5
check "kubectl patches" k patch db main --type=merge -p '{"spec":{"suspend":true}}'
check "kubectl waits for the definition" k wait --for=condition=established crd/databases.storage.example.com --timeout=180s
check "kubectl applies on the server" k apply --server-side --force-conflicts -f "$WORK/two.yaml"
check "kubectl deletes the definition" k delete crd databases.storage.example.com --timeout=180s
stop_cluster
