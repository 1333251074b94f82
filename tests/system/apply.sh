#!/bin/sh
# Server-side apply as kubectl does it: ownership, conflicts, force, and the way from client-side apply to it.
# ORCH_CLIENTS: what scripts/fetch-clients made (.cache/clients).
if [ -z "${ORCH_TEST_INSIDE:-}" ]; then
  [ "$(id -u)" = 0 ] || { echo "SKIP: needs root"; exit 77; }
  ORCH_TEST_INSIDE=1 exec "$(dirname "$0")/../../scripts/in-namespaces" sh "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
CLIENTS=${ORCH_CLIENTS:-$SRC/.cache/clients}
need jq
[ -x "$CLIENTS/1.35/kubectl" ] || skip "no kubectl in $CLIENTS: run scripts/fetch-clients"
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY KUBECONFIG

mkdir -p "$WORK/state" "$WORK/run"
mkfifo "$WORK/ready"
"$ORCH_BUILD/daemon/orchd-server" --state-dir="$WORK/state" --run-dir="$WORK/run" --listen=none --insecure-listen=127.0.0.1:8001 --ready-fd=9 \
  >"$WORK/log" 2>&1 9>"$WORK/ready" &
SERVER=$!
CLEANUP='kill $SERVER 2>/dev/null; wait $SERVER 2>/dev/null'
read -r line <"$WORK/ready" || { cat "$WORK/log" >&2; fail "orchd-server did not start"; }
k() { HOME="$WORK" "$CLIENTS/$KUBECTL/kubectl" --server=http://127.0.0.1:8001 --cache-dir="$WORK/cache-$KUBECTL" "$@"; }
KUBECTL=1.35
json() { k get "$1" "$2" -o json --show-managed-fields; }
owners() { json "$1" "$2" | jq -r '[.metadata.managedFields[] | select(.manager != "kube-controller-manager") | .manager + ":" + .operation] | sort | join(" ")'; }
owners_are() { [ "$(owners "$1" "$2")" = "$3" ] || { owners "$1" "$2" >&2; return 1; }; }
version() { k get "$1" "$2" -o 'jsonpath={.metadata.resourceVersion}'; }
# What kubectl has made of an object: controllers write its status meanwhile.
applied() { k get "$1" "$2" -o json --show-managed-fields | jq -c '[.metadata.generation, [.metadata.managedFields[] | select(.manager | startswith("kubectl"))]]'; }
says() { # says "text" command...: the command fails, and its words hold the text
  text=$1; shift
  if "$@" >"$WORK/out" 2>&1; then cat "$WORK/out" >&2; return 1; fi
  grep -qF -- "$text" "$WORK/out" || { cat "$WORK/out" >&2; return 1; }
}

cat >"$WORK/map.yaml" <<X
apiVersion: v1
kind: ConfigMap
metadata: {name: m}
data: {a: "1", b: "1"}
X
sed 's/a: "1"/a: "2"/' "$WORK/map.yaml" >"$WORK/map2.yaml"
cat >"$WORK/deploy.yaml" <<X
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, labels: {app: d}}
spec:
  replicas: 2
  selector: {matchLabels: {app: d}}
  template:
    metadata: {labels: {app: d}}
    spec:
      containers:
      - name: c
        image: web:1
        ports: [{containerPort: 80}]
        env: [{name: A, value: "1"}, {name: B, value: "1"}]
        resources: {limits: {memory: 1024Mi}}
X
sed 's/, {name: B, value: "1"}//' "$WORK/deploy.yaml" >"$WORK/deploy2.yaml"

for KUBECTL in 1.28 1.32 1.35; do
  [ -x "$CLIENTS/$KUBECTL/kubectl" ] || continue
  k delete configmap m --ignore-not-found >/dev/null
  k delete deployment d --ignore-not-found >/dev/null

  check "$KUBECTL: applies what isn't there" k apply --server-side -f "$WORK/map.yaml"
  check "$KUBECTL: kubectl owns it" owners_are configmap m "kubectl:Apply"
  before=$(version configmap m)
  check "$KUBECTL: applies it again" k apply --server-side -f "$WORK/map.yaml"
  check "$KUBECTL: which changes nothing" [ "$before" = "$(version configmap m)" ]

  check "$KUBECTL: another manager meets a conflict" \
    says 'conflict with "kubectl": .data.a' k apply --server-side --field-manager=other -f "$WORK/map2.yaml"
  check "$KUBECTL: unless it forces" k apply --server-side --field-manager=other --force-conflicts -f "$WORK/map2.yaml"
  check "$KUBECTL: both own something now" owners_are configmap m "kubectl:Apply other:Apply"
  check "$KUBECTL: an edit is owned by its author" k patch configmap m --field-manager=hand -p '{"data":{"b":"9"}}'
  check "$KUBECTL: and is told with its version" \
    says 'conflict with "hand" using v1: .data.b' k apply --server-side --field-manager=other -f "$WORK/map2.yaml"
  check "$KUBECTL: a dry run tells the conflict, too" \
    says 'conflict' k apply --server-side --dry-run=server --field-manager=other -f "$WORK/map2.yaml"
  sed 's/^data:/bogus: 1\ndata:/' "$WORK/map.yaml" >"$WORK/bogus.yaml"
  check "$KUBECTL: an unknown field is refused" \
    says '.bogus: field not declared in schema' k apply --server-side --validate=false -f "$WORK/bogus.yaml"

  check "$KUBECTL: client-side apply of a Deployment" k apply -f "$WORK/deploy.yaml"
  check "$KUBECTL: is an update" owners_are deployment d "kubectl-client-side-apply:Update"
  check "$KUBECTL: server-side apply takes it over" k apply --server-side -f "$WORK/deploy.yaml"
  check "$KUBECTL: and its past with it" owners_are deployment d "kubectl-last-applied:Apply kubectl:Apply"
  check "$KUBECTL: a variable that is dropped goes" k apply --server-side -f "$WORK/deploy2.yaml"
  check "$KUBECTL: really" [ "$(k get deployment d -o 'jsonpath={.spec.template.spec.containers[0].env[*].name}')" = A ]
  before=$(applied deployment d)
  check "$KUBECTL: applying in other words" k apply --server-side -f "$WORK/deploy2.yaml"
  check "$KUBECTL: changes nothing" [ "$before" = "$(applied deployment d)" ]
  check "$KUBECTL: who scales owns the replicas" k scale deployment d --replicas=3
  check "$KUBECTL: so apply meets a conflict" says '.spec.replicas' k apply --server-side -f "$WORK/deploy2.yaml"
  k get deployment d -o yaml >"$WORK/shown"
  check "$KUBECTL: get hides the managers" sh -c "! grep -q managedFields '$WORK/shown'"
  k diff --server-side --force-conflicts -f "$WORK/deploy.yaml" >"$WORK/shown" || [ $? = 1 ] || fail "diff"
  check "$KUBECTL: diff finds the variable" grep -q 'name: B' "$WORK/shown"
  check "$KUBECTL: client-side apply still works afterwards" k apply -f "$WORK/deploy.yaml"
done

# The same with orch.
orch() { "$ORCH_BUILD/cli/orch" --socket "$WORK/run/orch.sock" "$@"; }
orch delete configmap m >/dev/null
check "orch: diff of a new object" sh -c "'$ORCH_BUILD/cli/orch' --socket '$WORK/run/orch.sock' diff -f '$WORK/map.yaml' >'$WORK/shown'; [ \$? = 1 ]"
check "orch: shows it" grep -q '^+  a: "1"' "$WORK/shown"
check "orch: applies on the server's side" orch apply --server-side -f "$WORK/map.yaml"
KUBECTL=1.35
check "orch: as kubectl would" owners_are configmap m "kubectl:Apply"
check "orch: nothing is left to do" orch diff --server-side -f "$WORK/map.yaml"
check "orch: conflicts are told" says 'conflict with "kubectl": .data.a' orch apply --server-side --field-manager=other -f "$WORK/map2.yaml"
check "orch: with advice" says '--force-conflicts' orch apply --server-side --field-manager=other -f "$WORK/map2.yaml"
check "orch: force takes over" orch apply --server-side --force-conflicts --field-manager=other -f "$WORK/map2.yaml"
orch get configmap m -o yaml >"$WORK/shown"
check "orch: get hides the managers" sh -c "! grep -q managedFields '$WORK/shown'"
orch get configmap m -o yaml --show-managed-fields >"$WORK/shown"
check "orch: unless asked" grep -q 'manager: other' "$WORK/shown"
check "orch: client-side apply" orch apply -f "$WORK/map.yaml"
check "orch: then nothing is left to do" orch diff -f "$WORK/map.yaml"

[ -z "${ORCH_KEEP:-}" ] || { cat "$WORK/log"; sh; }
