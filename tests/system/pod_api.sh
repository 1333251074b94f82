#!/bin/sh
# Programs in pods speak to the API: account, token, certificate, name and rights, as client libraries find them.
. "$(dirname "$0")/cluster.sh"
. "$(dirname "$0")/pods.sh"
need curl busybox jq ldd

# curl with all that it loads, in the place where it looks for it.
make_box_image "$WORK/box.tar"
for file in $(ldd "$(command -v curl)" | grep -o '/[^ ]*'); do
  mkdir -p "$box$(dirname "$file")"
  cp -L "$file" "$box$file"
done
cp "$(command -v curl)" "$box/bin/curl"
cat >"$box/bin/api" <<'S'
#!/bin/sh
# api PATH: status and answer of the API, as a program in a pod asks for it
D=/var/run/secrets/kubernetes.io/serviceaccount
curl -s -m 100 --cacert $D/ca.crt -H "Authorization: Bearer $(cat $D/token)" -w '\n%{http_code}\n' "https://${HOST:-kubernetes.default.svc}$1"
S
chmod 755 "$box/bin/api"
tar -C "$box" -cf "$WORK/box.tar" .
start_cluster
import_box box:1

in_api() { pod=$1; shift; orch exec "$pod" -- api "$@"; }
code_is() { [ "$(in_api "$1" "$2" | tail -1)" = "$3" ]; }
answer_has() { in_api "$1" "$2" | grep -qF -- "$3"; }
pod() { # pod NAME [ACCOUNT [MORE-OF-THE-SPEC]]
  apply <<E
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  serviceAccountName: ${2:-default}
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: "box:1", command: [sleep, "100000"]}]
${3:-}
E
}
PODS=/api/v1/namespaces/default/pods
DIR=/var/run/secrets/kubernetes.io/serviceaccount

pod one
until_true 30 pod_ready one || fail "pod one doesn't run"
check "the API's address is in the environment" [ "$(in_pod one sh -c 'echo $KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT:$KUBERNETES_PORT_443_TCP_ADDR')" = 10.96.0.1:443:10.96.0.1 ]
check "the namespace is in a file" [ "$(in_pod one cat $DIR/namespace)" = default ]
check "so is the authority's certificate" [ "$(in_pod one cat $DIR/ca.crt)" = "$(orch get configmap kube-root-ca.crt -o jsonpath='{.data.ca\.crt}')" ]
check "the API is there by its name, and refuses what no rule allows" until_true 20 code_is one $PODS 403
check "in words that name the account" answer_has one $PODS 'User \"system:serviceaccount:default:default\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"'
check "what everybody may see is seen" code_is one /version 200
check "and what everybody who is known may" code_is one /apis 200
check "the address works as well as the name" [ "$(orch exec one -- sh -c 'HOST=$KUBERNETES_SERVICE_HOST api /version' | tail -1)" = 200 ]
check "without the certificate nobody is trusted" [ "$(orch exec one -- sh -c "curl -s -m 100 -o /dev/null https://kubernetes.default.svc/version; echo \$?" | tail -1)" -gt 0 ]
check "without a token nobody is known" [ "$(orch exec one -- sh -c "curl -s -m 100 -o /dev/null -w '%{http_code}' --cacert $DIR/ca.crt https://kubernetes.default.svc$PODS")" = 401 ]

apply <<'E'
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods, pods/log], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: default}, {kind: ServiceAccount, name: robot}]
E
check "a role lets the pod in at once" code_is one $PODS 200
check "to what it says" code_is one $PODS/one 200
check "there" code_is one /api/v1/namespaces/kube-system/pods 403
check "and to nothing else" code_is one /api/v1/namespaces/default/secrets 403

echo '{apiVersion: v1, kind: Pod, metadata: {name: lost}, spec: {serviceAccountName: robot, containers: [{name: c, image: "box:1"}]}}' >"$WORK/lost.yaml"
refused() { ! orch apply -f "$WORK/lost.yaml" 2>"$WORK/refusal"; }
check "an account that isn't there is refused" refused
check "in Kubernetes' words" grep -qF 'error looking up service account default/robot: serviceaccount "robot" not found' "$WORK/refusal"
account() {
  apply <<'E'
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot}
E
}
account
pod two robot '  securityContext: {runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000}'
pod mute robot '  automountServiceAccountToken: false'
until_true 30 pod_ready two || fail "pod two doesn't run"
until_true 30 pod_ready mute || fail "pod mute doesn't run"
check "a token is for the pod's own user and group" [ "$(in_pod two stat -L -c '%u:%g %a' $DIR/token)" = '1000:2000 640' ]
check "and can be used by them" code_is two $PODS 200
check "a pod that wants no token has none" in_pod mute sh -c "! [ -e $DIR ]"
uid=$(field pod one .metadata.uid)
token() { cat "$RUN/volumes/$uid"/kube-api-access-*/token; }
on_disk() { grep -rqF "$(token)" "$STATE/node"; }
check "no token is on the disk" eval '! on_disk'

# What runs goes on: the node's process ends, then the server's, then nobody is left to ask.
before=$(token)
kill -9 "$(pgrep -P "$ORCHD" -f orchd-node)"
is_new() { [ "$(token)" != "$before" ]; }
check "a node that starts again asks for fresh tokens" until_true 20 is_new
check "which are good" until_true 10 code_is one $PODS 200
kill -9 "$(pgrep -P "$ORCHD" -f orchd-server)"
check "and so they are when the server starts again" until_true 20 code_is one $PODS 200
stop_cluster
check "with nobody left the last token stays" [ -n "$(token)" ]
start_cluster
check "and is good when they are back" until_true 20 code_is one $PODS 200

# A reboot: every process gone, RUN emptied; then the node alone.
stop_cluster
for pid in $(pgrep -x orch-pod); do kill -9 "$pid"; done
asleep() { [ "$(pgrep -fx 'sleep 100000' | wc -l)" = "$1" ]; }
until_true 20 asleep 0 || fail "containers outlive their supervisors"
for mount in $(awk -v run="$RUN/" 'index($2, run) == 1 {print $2}' /proc/mounts | sort -r); do umount -l "$mount"; done
rm -rf "$RUN"
mkdir -p "$RUN"
"$LIBEXEC/orchd-node" --state-dir="$STATE" --run-dir="$RUN" --socket="$SOCKET" --libexec-dir="$LIBEXEC" --node-name=node-1 \
  --pod-cidr=10.244.0.0/24 --service-cidr=10.96.0.0/16 --dns-address=10.244.0.1 --cluster-domain=cluster.local >>"$WORK/orchd.log" 2>&1 &
NODE=$!
check "after a reboot without a server pods start" until_true 30 asleep 3
check "with the certificate that they had" [ -s "$RUN/volumes/$uid"/kube-api-access-*/ca.crt ]
check "and without a token" eval '! [ -e "$RUN/volumes/$uid"/kube-api-access-*/token ]'
kill "$NODE"
wait "$NODE" 2>/dev/null || true
start_cluster
check "the server's first word is a token" until_true 30 code_is one $PODS 200

orch delete serviceaccount robot >/dev/null
check "the token of a deleted account is worth nothing" until_true 10 code_is two $PODS 401
account
check "not even when another of that name comes" code_is two $PODS 401
last=$(in_pod one cat $DIR/token)
orch delete pod one >/dev/null
until_true 20 pod_gone one || fail "pod one stays"
check "a token dies with its pod" [ "$(orch exec two -- sh -c "curl -s -m 100 -o /dev/null -w '%{http_code}' --cacert $DIR/ca.crt -H 'Authorization: Bearer $last' https://kubernetes.default.svc$PODS")" = 401 ]
