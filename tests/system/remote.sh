#!/bin/sh
# orch as a client of a server elsewhere: over TLS, by a kubeconfig, a token or a certificate, as kubectl would.
. "$(dirname "$0")/cluster.sh"
need jq openssl
unset KUBECONFIG ORCH_SERVER ORCH_SOCKET
export HOME="$WORK/home"
mkdir -p "$HOME/.kube"
start_cluster --listen=:6443
CONFIG="$STATE/admin.kubeconfig" PKI="$STATE/server/pki"
far() { "$ORCH_BUILD/cli/orch" "$@"; }
says() {
  sentence=$1 words=$2; shift 2
  "$@" >"$WORK/out" 2>&1 || { cat "$WORK/out" >&2; fail "$sentence: it failed"; }
  grep -qF -e "$words" "$WORK/out" || { cat "$WORK/out" >&2; fail "$sentence: without the words \"$words\""; }
  echo "ok - $sentence"
}
# fails "sentence" CODE "words" command...
fails() {
  sentence=$1 code=$2 words=$3; shift 3
  set +e; "$@" >"$WORK/out" 2>&1; got=$?; set -e
  [ "$got" = "$code" ] || { cat "$WORK/out" >&2; fail "$sentence: exit code $got, not $code"; }
  grep -qF -e "$words" "$WORK/out" || { cat "$WORK/out" >&2; fail "$sentence: without the words \"$words\""; }
  echo "ok - $sentence"
}

# ---- where the server is ----
says "a kubeconfig leads to the server" "node-1" far --kubeconfig "$CONFIG" get nodes
says "so does \$KUBECONFIG, the first file of a list that is there" "node-1" env KUBECONFIG="$WORK/none:$CONFIG" "$ORCH_BUILD/cli/orch" get nodes
cp "$CONFIG" "$HOME/.kube/config"
says "~/.kube/config is taken for a context" "node-1" far --context "$(grep current-context "$CONFIG" | cut -d" " -f2)" get nodes
fails "and not by itself" 4 "/run/orch/orch.sock" far get nodes
fails "a context that isn't there is named" 2 'no context "nowhere"' far --kubeconfig "$CONFIG" --context nowhere get nodes
fails "a kubeconfig that isn't there is named" 2 "$WORK/none" far --kubeconfig "$WORK/none" get nodes
says "commands without a server don't mind" "FIELD" far --kubeconfig "$WORK/none" explain pod.spec
says "files beside the kubeconfig are found" "node-1" sh -c '
  mkdir -p "$0/beside"; cp "$1/ca.pem" "$1/admin.pem" "$0/beside/"
  cat >"$0/beside/config" <<Y
apiVersion: v1
kind: Config
current-context: near
contexts: [{name: near, context: {cluster: c, user: u, namespace: kube-system}}]
clusters: [{name: c, cluster: {server: "https://localhost:6443", certificate-authority: ca.pem}}]
users: [{name: u, user: {client-certificate: admin.pem, client-key: admin.pem}}]
Y
  "$2" --kubeconfig "$0/beside/config" get nodes' "$WORK" "$PKI" "$ORCH_BUILD/cli/orch"
far --kubeconfig "$WORK/beside/config" create configmap here --from-literal=a=b >/dev/null 2>&1 ||
  printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: here}\n' | far --kubeconfig "$WORK/beside/config" apply -f - >/dev/null || fail "apply"
says "the context's namespace counts" "here" orch get configmap here -n kube-system

# ---- who asks ----
says "a certificate and an authority on the command line do" "node-1" \
  far --server https://127.0.0.1:6443 --certificate-authority "$PKI/ca.pem" --client-certificate "$PKI/admin.pem" --client-key "$PKI/admin.pem" get nodes
printf 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: robot}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}\nsubjects: [{kind: ServiceAccount, name: robot, namespace: default}]\n' |
  orch apply -f - >/dev/null || fail "apply"
TOKEN=$(curl -s --unix-socket "$SOCKET" -X POST -H 'Content-Type: application/json' -d '{"spec":{}}' http://x/api/v1/namespaces/default/serviceaccounts/robot/token | jq -r .status.token)
says "a token does" "kubernetes" far --server https://localhost:6443 --certificate-authority "$PKI/ca.pem" --token "$TOKEN" get services
fails "rights are the token's" 1 "(Forbidden)" far --server https://localhost:6443 --certificate-authority "$PKI/ca.pem" --token "$TOKEN" get secrets
fails "a wrong token is refused" 1 "(Unauthorized)" far --server https://localhost:6443 --certificate-authority "$PKI/ca.pem" --token nonsense get services
fails "a token isn't sent in the clear" 2 "isn't sent in the clear" far --server http://127.0.0.1:6443 --token "$TOKEN" get services

# ---- whom it trusts ----
fails "a server that nobody vouches for is refused" 4 "certificate is not accepted" far --server https://127.0.0.1:6443 get nodes
fails "so is one of another name" 4 "certificate is not accepted" far --kubeconfig "$CONFIG" --tls-server-name other.example get nodes
says "unless one says so" "Server Version" far --server https://127.0.0.1:6443 --insecure-skip-tls-verify version
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=admin/O=system:masters -keyout "$WORK/foreign.key" -out "$WORK/foreign.pem" -days 1 2>/dev/null
fails "a foreign certificate is refused" 1 "(Unauthorized)" far --server https://127.0.0.1:6443 --certificate-authority "$PKI/ca.pem" \
  --client-certificate "$WORK/foreign.pem" --client-key "$WORK/foreign.key" get nodes
fails "nobody listens there" 4 "refused" far --kubeconfig "$CONFIG" --server https://127.0.0.1:1 get nodes
fails "a name that isn't known" 4 "nowhere.invalid" far --kubeconfig "$CONFIG" --server https://nowhere.invalid get nodes

# ---- streams ----
load_image
export KUBECONFIG="$CONFIG"
steady 1 | far apply -f - >/dev/null || fail "apply"
check "a deployment over TLS" far rollout status deployment/steady --timeout=180s
POD=$(far get pods -l app=steady -o name | cut -d/ -f2)
says "logs" "" far logs "$POD"
head -c 3000000 /dev/urandom >"$WORK/blob"
far image load "$WORK/user-service.tar" >/dev/null || fail "image load over TLS"
echo "ok - an image is loaded over TLS"
far port-forward "$POD" 18080:8080 >"$WORK/forward.log" 2>&1 &
FORWARD=$!
until_true 10 grep -q Forwarding "$WORK/forward.log" || fail "port-forward"
says "a forwarded port" "" curl -sf http://127.0.0.1:18080/ready
kill "$FORWARD"; wait "$FORWARD" 2>/dev/null || true
stop_cluster
