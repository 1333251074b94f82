#!/bin/sh
# Who may do what: default roles, roles and bindings, groups, aggregation, giving rights away, nodes; and kubectl's own words for it.
. "$(dirname "$0")/cluster.sh"
need curl jq
apply() { cat >"$WORK/apply.yaml"; orch apply -f "$WORK/apply.yaml" >"$WORK/apply.out" 2>&1 || { cat "$WORK/apply.out" >&2; fail "apply"; }; }

# as USER[,GROUP...] METHOD PATH [BODY]: the answer, then its status
as() {
  who=$1 method=$2 path=$3
  set -- ${4:+--data "$4"}
  user=${who%%,*}
  case $who in *,*) for group in $(echo "${who#*,}" | tr , ' '); do set -- "$@" -H "Impersonate-Group: $group"; done ;; esac
  curl -s -m 200 --unix-socket "$SOCKET" -X "$method" -H "Impersonate-User: $user" -H 'Content-Type: application/json' "$@" -w '\n%{http_code}\n' "http://localhost$path"
}
code_is() { want=$1; shift; [ "$(as "$@" | tail -1)" = "$want" ]; }
says() { words=$1; shift; as "$@" | jq -r '.message // empty' 2>/dev/null | grep -qF -- "$words"; }
CORE=/api/v1/namespaces/default RBAC=/apis/rbac.authorization.k8s.io/v1

start_cluster
has_role() { orch get clusterrole "$1" >/dev/null 2>&1; }
has_rules() { [ "$(orch get clusterrole "$1" -o json | jq '.rules | length')" -gt "$2" ]; }
check "the default roles are there" until_true 20 has_role view
check "view, edit and admin are made of parts" until_true 20 has_rules admin 20
check "nobody in particular may do nothing" code_is 403 jane GET $CORE/pods
check "which is told in Kubernetes' words" says 'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"' jane GET $CORE/pods
check "but see that the server is there" code_is 200 jane GET /version
check "and what it has" code_is 200 jane GET /apis

apply <<'E'
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get, list, watch]}
- {apiGroups: [""], resources: [configmaps], resourceNames: [prices], verbs: [get, update]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: User, name: jane}, {kind: Group, name: devs}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: viewers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: User, name: joe}]
E
check "a binding lets its user in" code_is 200 jane GET $CORE/pods
check "and its group" code_is 200 ann,devs GET $CORE/pods
check "in its namespace" code_is 403 jane GET /api/v1/pods
check "to what the rules say" code_is 403 jane DELETE $CORE/pods
check "to the object that they name" code_is 404 jane GET $CORE/configmaps/prices
check "and no other" code_is 403 jane GET $CORE/configmaps/others
check "view shows the cluster" code_is 200 joe GET /api/v1/pods
check "but no secrets" code_is 403 joe GET $CORE/secrets
check "and changes nothing" code_is 403 joe POST $CORE/configmaps '{"metadata":{"name":"a"}}'
check "who may read pods may not run programs in them, by WebSocket either" code_is 403 jane GET "$CORE/pods/none/exec?command=ls"
apply <<'E'
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: runner}
rules: [{apiGroups: [""], resources: [pods/exec], verbs: [create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: runners}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: runner}
subjects: [{kind: User, name: jane}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: wishes, labels: {rbac.authorization.k8s.io/aggregate-to-view: "true"}}
rules: [{apiGroups: [shop.example.com], resources: [wishes], verbs: [get, list, watch]}]
E
check "with pods/exec they may: what is missing is the handshake" code_is 400 jane GET "$CORE/pods/none/exec?command=ls"
check "another part of view counts for whoever has view" until_true 10 code_is 404 joe GET /apis/shop.example.com/v1/wishes

# ---- giving rights away ----
apply <<'E'
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: admins}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}
subjects: [{kind: User, name: anna}]
E
role() { echo "{\"metadata\":{\"name\":\"$1\"},\"rules\":[{\"apiGroups\":[\"$2\"],\"resources\":[\"$3\"],\"verbs\":[\"$4\"]}]}"; }
binding() { echo "{\"metadata\":{\"name\":\"$1\"},\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"$2\"},\"subjects\":[{\"kind\":\"User\",\"name\":\"x\"}]}"; }
check "an administrator of a namespace gives away what she has" code_is 201 anna POST $RBAC/namespaces/default/roles "$(role a '' secrets get)"
check "and not what she lacks" code_is 403 anna POST $RBAC/namespaces/default/roles "$(role b '' nodes get)"
check "which is named" says 'is attempting to grant RBAC permissions not currently held' anna POST $RBAC/namespaces/default/roles "$(role b '' nodes get)"
check "nor by a role that is there" code_is 403 anna POST $RBAC/namespaces/default/rolebindings "$(binding c cluster-admin)"
check "her own role she may bind" code_is 201 anna POST $RBAC/namespaces/default/rolebindings "$(binding d edit)"
check "elsewhere she is nobody" code_is 403 anna GET /api/v1/namespaces/kube-system/pods

# ---- nodes ----
NODE='system:node:node-1,system:nodes'
check "a node sees its own pods" code_is 200 "$NODE" GET '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1'
check "and not all" code_is 403 "$NODE" GET /api/v1/pods
check "nor secrets that no pod of its own speaks of" code_is 403 "$NODE" GET $CORE/secrets/any
check "nor another node's streams" code_is 403 "$NODE" GET /apis/orch.dev/v1/nodes/node-2/streams?watch=true

# ---- questions ----
ask() { as "$1" POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews "{\"spec\":{\"resourceAttributes\":{\"verb\":\"$2\",\"resource\":\"$3\",\"namespace\":\"default\"}}}"; }
check "everybody may ask what they may" sh -c 'echo "$1" | grep -q "\"allowed\":true"' - "$(ask jane list pods)"
check "and learn that they may not" sh -c 'echo "$1" | grep -q "\"allowed\":false"' - "$(ask jane list secrets)"
check "asking for others is a right of its own" code_is 403 jane POST /apis/authorization.k8s.io/v1/subjectaccessreviews '{"spec":{"user":"joe","resourceAttributes":{"verb":"get","resource":"pods"}}}'
check "impersonation, too" [ "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$SOCKET" -H 'Impersonate-User: jane' http://localhost$RBAC/clusterroles)" = 403 ]

# ---- restarts ----
orch delete clusterrolebinding system:discovery >/dev/null
orch annotate clusterrole system:monitoring rbac.authorization.kubernetes.io/autoupdate=false --overwrite >/dev/null 2>&1 ||
  curl -s -o /dev/null --unix-socket "$SOCKET" -X PATCH -H 'Content-Type: application/merge-patch+json' --data '{"metadata":{"annotations":{"rbac.authorization.kubernetes.io/autoupdate":"false"}}}' http://localhost$RBAC/clusterroles/system:monitoring
curl -s -o /dev/null --unix-socket "$SOCKET" -X PATCH -H 'Content-Type: application/merge-patch+json' --data '{"rules":[]}' http://localhost$RBAC/clusterroles/system:monitoring
check "a default that is taken away counts no more" code_is 403 jane GET /apis
stop_cluster
start_cluster
check "the next start brings it back" until_true 20 code_is 200 jane GET /apis
check "what people keep for themselves stays as it is" [ "$(orch get clusterrole system:monitoring -o json | jq '.rules // [] | length')" = 0 ]
check "rights survive" code_is 200 jane GET $CORE/pods
orch delete rolebinding readers >/dev/null
check "and end when the binding goes" code_is 403 jane GET $CORE/pods

# ---- kubectl ----
KUBECTL=$(ls "${ORCH_CLIENTS:-$SRC/.cache/clients}"/*/kubectl 2>/dev/null | sort -V | tail -1)
if [ -z "$KUBECTL" ]; then
  echo "SKIP of the last part: no kubectl (scripts/fetch-clients)"
  exit 0
fi
kubectl() { env -u HTTPS_PROXY -u https_proxy -u HTTP_PROXY -u http_proxy "$KUBECTL" --kubeconfig "$STATE/admin.kubeconfig" --cache-dir "$WORK/kube" "$@"; }
check "kubectl makes a role" kubectl create role kr --verb=get,list --resource=pods,deployments.apps/scale
check "and a binding" kubectl create rolebinding krb --role=kr --user=kim --serviceaccount=default:default
check "kubectl auth can-i says yes" [ "$(kubectl auth can-i list pods --as kim)" = yes ]
check "and no" [ "$(kubectl auth can-i list secrets --as kim || true)" = no ]
check "and lists" sh -c 'echo "$1" | grep -q "deployments.apps/scale"' - "$(kubectl auth can-i --list --as kim)"
check "kubectl shows bindings as it does elsewhere" sh -c 'echo "$1" | grep -Eq "^krb +Role/kr +[0-9]+s +kim +default/default"' - "$(kubectl get rolebinding -o wide)"
check "kubectl reconciles" sh -c 'echo "$1" | grep -q reconciled' - "$(kubectl auth reconcile -f - <<'E'
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: kr, namespace: default}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]
E
)"
