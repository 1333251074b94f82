#!/bin/sh
# What real kubectl reads of the server: discovery, OpenAPI, tables. The oldest and the newest that scripts/fetch-clients brings, and
# those between.
. "$(dirname "$0")/cluster.sh"
CLIENTS=${ORCH_CLIENTS:-$SRC/.cache/clients}
VERSIONS=$(cd "$CLIENTS" 2>/dev/null && ls -d 1.*/kubectl 2>/dev/null | cut -d/ -f1 | sort -V || true)
[ -n "$VERSIONS" ] || skip "no kubectl in $CLIENTS: run scripts/fetch-clients"
need curl jq
export KUBECTL_EXTERNAL_DIFF='diff -u'
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY KUBECONFIG

start_cluster
kubectl() { # VERSION arguments...
  version=$1; shift
  HOME="$WORK/home" "$CLIENTS/$version/kubectl" --cache-dir "$WORK/cache-$version" --kubeconfig "$STATE/admin.kubeconfig" "$@"
}
ask() { path=$1; shift; curl -sS --unix-socket "$SOCKET" "$@" "http://localhost$path"; }
newer() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | tail -1)" = "$1" ]; } # is VERSION at least OTHER

cat >"$WORK/web.yaml" <<'Y'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: a, image: one, env: [{name: X, value: "1"}, {name: Z, value: "2"}], ports: [{containerPort: 80}]}
      - {name: b, image: two}
      volumes: [{name: v, emptyDir: {}}]
Y
sed 's/value: "2"/value: "3"/; s/image: two/image: three/' "$WORK/web.yaml" >"$WORK/web2.yaml"

# One line of a table's columns: header_is "NAME READY" command...
header_is() { want=$1; shift; got=$("$@" | head -1 | tr -s ' ' | sed 's/ $//'); [ "$got" = "$want" ] || { echo "header: $got" >&2; return 1; }; }
has() { want=$1; shift; "$@" >"$WORK/out" 2>&1 || true; grep -q -- "$want" "$WORK/out" || { cat "$WORK/out" >&2; return 1; }; }

images() { kubectl "$1" get deploy web -o 'jsonpath={range .spec.template.spec.containers[*]}{.name}={.image} {end}'; }
images_are() { got=$(images "$1" | tr ' ' '\n' | sort | tr '\n' ' ' | sed 's/^ //'); [ "$got" = "$2" ] || { echo "images: $got" >&2; return 1; }; }
env_is() { [ "$(kubectl "$1" get deploy web -o 'jsonpath={range .spec.template.spec.containers[0].env[*]}{.name}={.value} {end}')" = "$2" ]; }
watch_tells() { # a change comes through a watch, in a table
  kubectl "$1" get deploy web -w --no-headers >"$WORK/watch" 2>&1 &
  pid=$!
  until_true 20 grep -q web "$WORK/watch" || { kill "$pid"; return 1; }
  kubectl "$1" scale deploy web --replicas=3 >/dev/null
  r=0
  until_true 20 grep -q '/3' "$WORK/watch" || { cat "$WORK/watch" >&2; r=1; }
  kill "$pid"; wait "$pid" 2>/dev/null || true
  return $r
}
differs() { r=0; kubectl "$1" diff -f "$WORK/web2.yaml" >"$WORK/out" 2>&1 || r=$?; [ "$r" = 1 ] && grep -q '^+.*three' "$WORK/out" || { cat "$WORK/out" >&2; return 1; }; }

# Everything that prune looks through must be discoverable.
prunes() {
  sed 's/^metadata: .*/metadata: {name: web, labels: {app: web}}/' "$WORK/web2.yaml" >"$WORK/labelled.yaml"
  kubectl "$1" create configmap extra --from-literal=a=b >/dev/null && kubectl "$1" label configmap extra app=web >/dev/null
  kubectl "$1" annotate configmap extra 'kubectl.kubernetes.io/last-applied-configuration={}' >/dev/null
  has 'extra pruned' kubectl "$1" apply --prune -l app=web -f "$WORK/labelled.yaml"
}

n_pods_is() { [ "$(ask '/api/v1/namespaces/default/pods?labelSelector=app%3Dweb' | jq '.items | length')" = "$1" ]; }
drive() {
  v=$1
  check "$v finds deployments by their short name" has '^deployments *deploy *apps/v1 *true *Deployment' kubectl "$v" api-resources
  check "$v knows the versions" has '^rbac.authorization.k8s.io/v1$' kubectl "$v" api-versions
  check "$v applies" has created kubectl "$v" apply -f "$WORK/web.yaml"
  check "$v sees that nothing changed" has unchanged kubectl "$v" apply -f "$WORK/web.yaml"
  check "$v prints columns" header_is "NAME READY UP-TO-DATE AVAILABLE AGE" kubectl "$v" get deploy
  check "$v prints wide columns" header_is "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR" kubectl "$v" get deploy -o wide
  until_true 20 n_pods_is 2 || fail "two pods"
  check "$v prints a namespace column" header_is "NAMESPACE NAME READY STATUS RESTARTS AGE" kubectl "$v" get pods -A
  check "$v gets all pages" [ "$(kubectl "$v" get pods --chunk-size=1 -o name | wc -l)" = 2 ]
  check "$v sorts" [ "$(kubectl "$v" get pods --sort-by=.metadata.name --no-headers | wc -l)" = 2 ]
  check "$v watches" watch_tells "$v"
  kubectl "$v" patch deploy web -p '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"s"}]}}}}' >/dev/null
  if newer "$v" 1.28; then check "$v shows what would change" differs "$v"; fi
  check "$v applies a change" has configured kubectl "$v" apply -f "$WORK/web2.yaml"
  check "$v merged the containers by name" images_are "$v" "a=one b=three side=s "
  check "$v merged the environment by name" env_is "$v" "X=1 Z=3 "
  if newer "$v" 1.28; then
    check "$v prunes" prunes "$v"
    check "$v explains a field" has 'rollingUpdate' kubectl "$v" explain deployment.spec.strategy
    check "$v explains all fields" has 'containerPort' kubectl "$v" explain pods --recursive
    check "$v explains a version" has 'VERSION: *v1' kubectl "$v" explain deployments --api-version=apps/v1
  fi
  check "$v deletes" has deleted kubectl "$v" delete deploy web --wait=false
  until_true 20 n_pods_is 0 || fail "no pods"
}
for version in $VERSIONS; do
  drive "$version"
done

# What no kubectl shows.
hash_of() { ask /openapi/v3 | jq -r '.paths["apis/apps/v1"].serverRelativeURL'; }
unchanged() { ask "$(hash_of)" -D "$WORK/head" -o /dev/null; etag=$(sed -n 's/^ETag: \(.*\)\r$/\1/Ip' "$WORK/head")
  grep -qi '^cache-control:.*immutable' "$WORK/head" && [ "$(ask /openapi/v3/apis/apps/v1 -H "If-None-Match: $etag" -o /dev/null -w '%{http_code}')" = 304 ]; }
check "a document is kept by its hash" unchanged
partial() { ask /api/v1/namespaces -H 'Accept: application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' | jq -e '.kind == "PartialObjectMetadataList" and (.items | all(has("spec") | not))' >/dev/null; }
check "metadata alone can be had" partial
typed() { for path in / /api /apis /version /healthz /openapi/v2 /openapi/v3 /api/v1/pods /nothing; do ask "$path" -D - -o /dev/null | grep -qi '^content-type:' || return 1; done; }
check "every answer has a Content-Type" typed
