#!/bin/sh
# What a namespace may use: priorities, limit ranges and quotas, many clients at once, the server's restart, and kubectl's own words.
. "$(dirname "$0")/cluster.sh"
need curl jq
CORE=/api/v1/namespaces/shop

# ask METHOD PATH [BODY]: the answer, then its status
ask() {
  method=$1 path=$2
  set -- ${3:+--data "$3"}
  curl -s -m 200 --unix-socket "$SOCKET" -X "$method" -H 'Content-Type: application/json' "$@" -w '\n%{http_code}\n' "http://localhost$path"
}
code_is() { want=$1; shift; [ "$(ask "$@" | tail -1)" = "$want" ]; }
says() { words=$1; shift; [ "$(ask "$@" | jq -r '.message // empty' 2>/dev/null)" = "$words" ]; }
used_is() { [ "$(ask GET "$CORE/resourcequotas/$1" | head -n -1 | jq -r ".status.used[\"$2\"] // empty")" = "$3" ]; }
pod() { echo "{\"metadata\":{\"name\":\"$1\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"none:1\",\"resources\":{${2:-}}}]}}"; }

start_cluster
code_is 201 POST /api/v1/namespaces '{"metadata":{"name":"shop"}}' || fail "the namespace"
code_is 201 POST $CORE/serviceaccounts '{"metadata":{"name":"default"}}' || code_is 200 GET $CORE/serviceaccounts/default || fail "the account"
code_is 201 POST $CORE/resourcequotas '{"metadata":{"name":"few"},"spec":{"hard":{"pods":"10"}}}' || fail "the quota"

# 64 clients, 10 places.
mkdir "$WORK/race"
pids=
for i in $(seq 64); do
  ask POST $CORE/pods "$(pod "p$i")" >"$WORK/race/$i" &
  pids="$pids $!"
done
for pid in $pids; do wait "$pid" || fail "a client"; done
check "of 64 clients exactly 10 make a pod" [ "$(tail -qn 1 "$WORK"/race/* | grep -c 201)/$(tail -qn 1 "$WORK"/race/* | grep -c 403)" = 10/54 ]
check "and as many are there" [ "$(ask GET $CORE/pods | head -n -1 | jq '.items | length')" = 10 ]
check "the status says so" until_true 10 used_is few pods 10
check "the next one hears it in Kubernetes' words" says \
  'pods "late" is forbidden: exceeded quota: few, requested: pods=1, used: pods=10, limited: pods=10' POST $CORE/pods "$(pod late)"
ask DELETE "$CORE/pods/$(ask GET $CORE/pods | head -n -1 | jq -r '.items[0].metadata.name')?gracePeriodSeconds=0" >/dev/null
check "one that goes makes room" code_is 201 POST $CORE/pods "$(pod late)"


# Limit ranges, and a quota on what they give.
code_is 201 POST /api/v1/namespaces '{"metadata":{"name":"lab"}}' || fail "the namespace"
CORE=/api/v1/namespaces/lab
code_is 201 POST $CORE/limitranges '{"metadata":{"name":"l"},"spec":{"limits":[{"type":"Container","max":{"cpu":"1"},"default":{"cpu":"500m"},"defaultRequest":{"cpu":"250m"}}]}}' ||
  fail "the limit range"
check "too much for one container is refused" says 'pods "big" is forbidden: maximum cpu usage per Container is 1, but limit is 2' \
  POST $CORE/pods "$(pod big '"limits":{"cpu":"2"}')"
code_is 201 POST $CORE/resourcequotas '{"metadata":{"name":"cpu"},"spec":{"hard":{"requests.cpu":"1","limits.cpu":"1"}}}' || fail "the quota"
check "what says nothing gets the defaults, which count" code_is 201 POST $CORE/pods "$(pod one)"
check "they are in the status" until_true 10 used_is cpu limits.cpu 500m
check "two are the most" code_is 201 POST $CORE/pods "$(pod two)"
check "the third is refused" says \
  'pods "three" is forbidden: exceeded quota: cpu, requested: limits.cpu=500m, used: limits.cpu=1, limited: limits.cpu=1' POST $CORE/pods "$(pod three)"
check "an unknown priority is refused" says 'pods "x" is forbidden: no PriorityClass with name none was found' \
  POST $CORE/pods '{"metadata":{"name":"x"},"spec":{"priorityClassName":"none","containers":[{"name":"c","image":"i"}]}}'

# Killed and started again, the server counts anew.
old=$(pgrep -x orchd-server)
kill -KILL "$old"
is_back() { new=$(pgrep -x orchd-server) && [ "$new" != "$old" ] && code_is 200 GET $CORE/resourcequotas/cpu; }
check "the server comes back" until_true 20 is_back
check "and remembers what is used" says \
  'pods "three" is forbidden: exceeded quota: cpu, requested: limits.cpu=500m, used: limits.cpu=1, limited: limits.cpu=1' POST $CORE/pods "$(pod three)"

CLIENTS="${ORCH_CLIENTS:-$SRC/.cache/clients}"
for version in 1.20 1.35; do
  [ -x "$CLIENTS/$version/kubectl" ] || continue
  k() { HOME="$WORK" "$CLIENTS/$version/kubectl" --kubeconfig "$STATE/admin.kubeconfig" --cache-dir "$WORK/cache-$version" "$@"; }
  k create namespace "k" >/dev/null || fail "kubectl $version: create namespace"
  k -n k create quota q --hard=pods=1,configmaps=5,requests.memory=1Gi,count/deployments.apps=2 --scopes= >"$WORK/out" 2>&1 ||
    k -n k create quota q --hard=pods=1,configmaps=5,requests.memory=1Gi,count/deployments.apps=2 >"$WORK/out" 2>&1 || fail "kubectl $version: create quota: $(cat "$WORK/out")"
  k -n k create configmap c --from-literal=a=b >/dev/null || fail "kubectl $version: create configmap"
  described() { k -n k describe quota q | grep -Eq "^configmaps +2 +5$"; }
  check "kubectl $version describes what a quota counts" until_true 10 described
  k -n k describe quota q | grep -Eq '^requests.memory +0 +1Gi$' || fail "kubectl $version: $(k -n k describe quota q)"
  k describe namespace k | grep -Eq 'configmaps +2 +5' || fail "kubectl $version: describe namespace: $(k describe namespace k)"
  echo "ok - kubectl $version describes them with the namespace"
  check "kubectl $version lists it" sh -c 'echo "$1" | grep -q "configmaps: 2/5"' sh "$(k -n k get quota q)"
  check "kubectl $version is told what must be said" sh -c 'echo "$1" | grep -q "failed quota: q: must specify requests.memory for: x"' sh \
    "$(k -n k run x --image=none:1 --restart=Never 2>&1)"
  k create priorityclass "high-$(echo $version | tr -d .)" --value=1000 --description=x >/dev/null || fail "kubectl $version: create priorityclass"
  k delete namespace k --wait=true >/dev/null || fail "kubectl $version: delete namespace"
done
stop_cluster
