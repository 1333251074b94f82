#!/bin/sh
# The command line against a whole cluster, in a pipe and on a terminal, and what the API promises about deletion, owners, finalizers,
# conflicts and watches.
. "$(dirname "$0")/cluster.sh"
need jq curl script
start_cluster
load_image
ORCH="$ORCH_BUILD/cli/orch"
export ORCH_SOCKET="$SOCKET"
unset NO_COLOR
OUT="$WORK/out"
says() { # says "sentence" CODE "words of the output" args...
  sentence=$1; want=$2; words=$3; shift 3
  code=0; orch "$@" >"$OUT" 2>&1 </dev/null || code=$?
  [ "$code" = "$want" ] || fail "$sentence: exit code $code instead of $want: $(cat "$OUT")"
  grep -qF -e "$words" "$OUT" || fail "$sentence: no \"$words\" in: $(cat "$OUT")"
  echo "ok - $sentence"
}
terminal() { script -qec "$ORCH $*" /dev/null </dev/null; } # what a person sees
api() { curl -s --unix-socket "$SOCKET" -H 'Content-Type: application/json' "$@"; }
patch() { curl -s -X PATCH --unix-socket "$SOCKET" -H 'Content-Type: application/merge-patch+json' "$@"; }
S=http://orch/api/v1/namespaces/default

cat >"$WORK/web.yaml" <<'Y'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {a: "1", b: "2"}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      nodeSelector: {kubernetes.io/os: linux}
      containers:
      - {name: c, image: "user-service:1.0", env: [{name: A, value: "1"}, {name: B, value: "2"}]}
      - {name: d, image: "user-service:1.0", command: [sleep, "100000"]}
Y
says "apply" 0 "deployment.apps/web created" apply -f "$WORK/web.yaml" --wait --timeout=180s
says "a service name that there isn't" 1 'services "nope" not found' names nope
says "a missing file" 3 "No such file" apply -f "$WORK/nope.yaml"
says "help is where it is said to be" 2 'See "orch rollout status --help"' rollout status

# ---- three-way merge ----
orch scale deploy/web --replicas=3 >/dev/null
orch label deploy web mine=kept >/dev/null
sed -e 's/, b: "2"//; /nodeSelector/d; s/, {name: B, value: "2"}//; /name: d/d; /replicas/d' "$WORK/web.yaml" >"$WORK/less.yaml"
says "a dry run of the server" 0 "configured (server dry run)" apply -f "$WORK/less.yaml" --dry-run=server
says "and of the client" 0 "configured (dry run)" apply -f "$WORK/less.yaml" --dry-run=client
[ "$(field deploy web '.spec.template.spec.containers | length')" = 2 ] || fail "a dry run changed something"
says "apply removes what the manifest no longer says" 0 "configured" apply -f "$WORK/less.yaml"
live=$(orch get deploy web -o json | jq -c '[.metadata.labels, .spec.template.spec.nodeSelector, [.spec.template.spec.containers[] | [.name, .env]]]')
check "and nothing else" [ "$live" = '[{"a":"1","mine":"kept"},null,[["c",[{"name":"A","value":"1"}]]]]' ]
check "the number that it said once is the default again" field_is deploy web .spec.replicas 1
says "apply again" 0 "unchanged" apply -f "$WORK/less.yaml"

# ---- names that the server makes, warnings, quotes ----
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: made-}\n' >"$WORK/made.yaml"
says "create says the name that the server made" 0 "configmap/made-" create -f "$WORK/made.yaml"
grep -Eqx 'configmap/made-[a-z0-9]{5} created' "$OUT" || fail "not the made name: $(cat "$OUT")"
says "apply can't make names" 1 'use "orch create"' apply -f "$WORK/made.yaml"
printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: warned}\nspec:\n  topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]\n  containers: [{name: c, image: x}]\n' >"$WORK/warned.yaml"
says "a field without effect is warned of with its place" 0 "Warning: $WORK/warned.yaml:5:3: spec.topologySpreadConstraints" apply -f "$WORK/warned.yaml" --dry-run=server
check "once" [ "$(grep -c Warning "$OUT")" = 1 ]
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: q}\ndata: {a: 1, b: yes}\n' >"$WORK/quotes.yaml"
says "a number where text belongs: the remedy" 3 "data[a]: Invalid value: 1: must be a string; put it in quotes" apply -f "$WORK/quotes.yaml"

# ---- terminals and pipes ----
printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: "nope:1"}]}\n' >"$WORK/bad.yaml"
orch apply -f "$WORK/bad.yaml" >/dev/null
in_trouble() { orch get pod bad | grep -Eq 'ErrImagePull|ImagePullBackOff'; }
check "a pod in trouble" until_true 20 in_trouble
esc=$(printf '\033')
check "is red on a terminal" sh -c 'echo "$0" | grep -qF "$1[31m"' "$(terminal get pods)" "$esc"
check "not with NO_COLOR" sh -c '! echo "$0" | grep -qF "$1"' "$(NO_COLOR=1 terminal get pods)" "$esc"
check "nor in a pipe" sh -c '! echo "$0" | grep -qF "$1"' "$(orch get pods)" "$esc"
orch delete pod bad >/dev/null
check "the rollout ends" orch rollout status deploy/web --timeout=180s
n_pods_is() { [ "$(orch get pods -l app=web -o name | wc -l)" = "$1" ]; }
check "the old pods are gone" until_true 20 n_pods_is 1
check "exec has a terminal where it is asked for" sh -c 'echo "$0" | grep -q /dev/pts' "$(script -qec "$ORCH exec -it deploy/web -- ls -l /proc/self/fd/0" /dev/null </dev/null)"

# ---- watches ----
orch get pods -w >"$WORK/table" 2>&1 &
one=$!
orch get pods -w -o name >"$WORK/names" 2>&1 &
two=$!
has_names() { [ "$(grep -c pod/web "$WORK/names")" -ge 1 ]; }
check "a watch of names shows them at once" until_true 10 has_names
victim=$(first_pod web)
check "one of a table, too" until_true 10 grep -q "^$victim" "$WORK/table"
orch delete pod "$victim" >/dev/null
seen_twice() { grep "^$victim" "$WORK/table" | grep -q Terminating && [ "$(grep -c Running "$WORK/table")" -ge 2 ]; }
check "a watch shows the end and the successor" until_true 20 seen_twice
kill $one $two; wait $one $two 2>/dev/null || true
api "$S/configmaps" -d '{"metadata":{"name":"w"}}' >/dev/null
rv=$(api "$S/configmaps/w" | jq -r .metadata.resourceVersion)
patch "$S/configmaps/w" -d '{"data":{"a":"b"}}' >/dev/null
api -X DELETE "$S/configmaps/w" >/dev/null
check "a watch from a revision tells what came after" [ "$(api "$S/configmaps?watch=true&resourceVersion=$rv&timeoutSeconds=1" | jq -r .type | tr '\n' ' ')" = "MODIFIED DELETED " ]
check "with bookmarks where they are asked for" [ "$(api "$S/configmaps?watch=true&resourceVersion=$rv&timeoutSeconds=1&allowWatchBookmarks=true" | jq -r .type | tail -1)" = BOOKMARK ]
check "a revision that never was is 410" [ "$(api "$S/configmaps?watch=true&resourceVersion=99999999&timeoutSeconds=1" | jq -r .object.code)" = 410 ]

# ---- finalizers, conflicts ----
api "$S/configmaps" -d '{"metadata":{"name":"held","finalizers":["example.org/hold"]}}' >/dev/null
check "an old revision is a conflict" [ "$(api -X PUT "$S/configmaps/held" -d '{"metadata":{"name":"held","resourceVersion":"1"}}' | jq -r .reason)" = Conflict ]
says "delete of what a finalizer holds" 0 "deleted" delete cm held --wait=false
check "only marks it" [ "$(api "$S/configmaps/held" | jq -r '.metadata.deletionTimestamp != null')" = true ]
check "no finalizer can be added then" [ "$(patch "$S/configmaps/held" -d '{"metadata":{"finalizers":["example.org/hold","example.org/more"]}}' | jq -r .code)" = 422 ]
patch "$S/configmaps/held" -d '{"metadata":{"finalizers":null}}' >/dev/null
check "without its finalizer it is gone" [ "$(api "$S/configmaps/held" | jq -r .code)" = 404 ]

# ---- owners ----
n_of() { orch get "$1" -l app=web -o json | jq '.items | length'; }
n_of_is() { [ "$(n_of "$1")" = "$2" ]; }
says "delete in the foreground" 0 "deleted" delete deploy web --cascade=foreground --timeout=180s
check "returns when all that it owned is gone" [ "$(n_of rs) $(n_of pods)" = "0 0" ]
orch apply -f "$WORK/web.yaml" --wait --timeout=180s >/dev/null
set=$(orch get rs -l app=web -o name | head -1)
says "delete a replica set's deployment, orphaning" 0 "deleted" delete deploy web --cascade=orphan
check "leaves the replica set and its pods" [ "$(n_of rs) $(n_of pods)" = "1 2" ]
orch delete "$set" --cascade=orphan >/dev/null
check "orphaned pods run on" n_of_is pods 2
orch delete pods -l app=web >/dev/null
check "and go for good" n_of_is pods 0

# ---- namespaces ----
orch create -f - >/dev/null <<'Y'
apiVersion: v1
kind: Namespace
metadata: {name: team}
Y
sed 's/metadata: {name: web/metadata: {namespace: team, name: web/' "$WORK/web.yaml" >"$WORK/team.yaml"
orch apply -f "$WORK/team.yaml" --wait --timeout=180s >/dev/null || fail "apply to a namespace"
says "delete a namespace with what is in it" 0 'namespace "team" deleted' delete ns team --timeout=180s
says "nothing is left" 0 "No resources found in team namespace." get all -n team
says "nor made there" 1 'namespaces "team" not found' apply -f "$WORK/team.yaml"
says "default stays" 1 "may not be deleted" delete ns default
stop_cluster
