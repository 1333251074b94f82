#!/bin/sh
# kubectl as people use it: kubectl.sh VERSION [record]
. "$(dirname "$0")/clients.sh"
VERSION=$1 MINOR=${1#1.}
[ -x "$CLIENTS/$VERSION/kubectl" ] || skip "needs kubectl $VERSION: scripts/fetch-clients"
start_api
load_tools
[ "${2:-}" != record ] || record
k() { timeout 240 "$CLIENTS/$VERSION/kubectl" --cache-dir "$KUBECACHEDIR" "$@"; }
json_is() { [ "$(k get "$1" "$2" -o json | jq -r "$3")" = "$4" ]; } # json_is KIND NAME FILTER VALUE

says "version" "Server Version" k version
says "api-resources names kinds" "deployments" k api-resources --namespaced=true
says "api-versions" "apps/v1" k api-versions
says "cluster-info" "is running at" k cluster-info
says "the node is ready" " Ready " k get nodes
says "get all of nothing" "No resources found" k get all -n kube-public

# --- create by subcommand (protobuf since 1.32)
says "create namespace" "created" k create namespace shop
says "create configmap" "created" k create configmap c --from-literal=a=b
says "create secret" "created" k create secret generic s --from-literal=password=x
says "the secret is kept" "$(printf x | base64)" k get secret s -o "jsonpath={.data.password}"
says "create deployment" "created" k create deployment web --image=tools:1.0 --replicas=2
says "create service" "created" k create service clusterip web --tcp=80:8080
says "create job is stored" "created" k create job one --image=tools:1.0 -- true
[ "$MINOR" -lt 21 ] || says "create cronjob is stored" "created" k create cronjob nightly --image=tools:1.0 "--schedule=0 3 * * *" -- true
says "create role" "created" k create role reader --verb=get,list --resource=pods
says "create rolebinding" "created" k create rolebinding reader --role=reader --user=jane
says "create serviceaccount" "created" k create serviceaccount robot
says "create quota" "created" k create quota q --hard=configmaps=50 -n shop
says "create priorityclass" "created" k create priorityclass high --value=1000 --description=x
[ "$MINOR" -lt 21 ] || says "create pdb" "created" k create poddisruptionbudget web --selector=app=web --min-available=1
[ "$MINOR" -lt 21 ] || says "create ingress is stored" "created" k create ingress web --rule=shop.example/=web:80
[ "$MINOR" -lt 24 ] || says "create token" "eyJ" k create token robot
[ "$MINOR" -lt 20 ] || says "auth can-i" "yes" k auth can-i create pods
[ "$MINOR" -lt 28 ] || says "auth whoami" "Groups" k auth whoami
says "auth can-i --list" "Resources" k auth can-i --list
fails "creating it twice" "configmaps \"c\" already exists" k create configmap c --from-literal=a=b
fails "a namespace that isn't there" "namespaces \"nowhere\" not found" k create configmap c -n nowhere --from-literal=a=b

# --- get, in all its forms
check "the deployment becomes available" k wait deployment/web --for=condition=Available --timeout=180s
says "rollout status" "successfully rolled out" k rollout status deployment/web --timeout=180s
says "get deployments" "2/2" k get deployments
says "get -o wide" "tools:1.0" k get deployments -o wide
says "get pods" "1/1     Running   0" k get pods
says "get pods -o wide" "node-1" k get pods -o wide
says "get -A" "kube-system\|default" sh -c "$CLIENTS/$VERSION/kubectl --cache-dir $KUBECACHEDIR get services -A | grep -c . >/dev/null && echo 'kube-system\|default'"
says "get by label" "web-" k get pods -l app=web -o name
says "get by field" "web-" k get pods --field-selector=status.phase=Running -o name
says "get --sort-by" "web-" k get pods --sort-by=.metadata.name
says "get -o custom-columns" "node-1" k get pods -o custom-columns=N:.spec.nodeName
says "get -o yaml" "kind: Deployment" k get deployment web -o yaml
says "get --show-labels" "app=web" k get pods --show-labels
says "get -w ends by itself" "web" k get deployment web -w --request-timeout=6s
fails "get what isn't there" "deployments.apps \"nothing\" not found" k get deployment nothing
fails "get an unknown kind" "the server doesn't have a resource type" k get gizmos
says "get --chunk-size" "web-" k get pods --chunk-size=1
says "get events" "Scheduled" k get events
says "events by who told them" "Scheduled" k get events --field-selector=reportingComponent=default-scheduler
says "pods by a field that is rarely asked for" "web-" k get pods --field-selector=spec.restartPolicy=Always,spec.hostNetwork=false -o name
says "describe deployment" "NewReplicaSet" k describe deployment web
says "describe pod" "Successfully assigned" k describe pods -l app=web
says "describe service" "Endpoints:" k describe service web
says "describe node" "Allocatable" k describe node node-1
says "describe namespace" "Active" k describe namespace default
says "explain" "replicas" k explain deployment.spec # before 1.27 of OpenAPI v2
says "explain a field" "selector" k explain service.spec.selector

# --- apply, diff, edit
sed 's/user-service:1.0/tools:1.0/; s/replicas: 3/replicas: 1/; s/path: \/[a-z]*/path: \//' "$SRC/manifests/user-service.yaml" >"$WORK/app.yaml"
says "apply" "created" k apply -f "$WORK/app.yaml"
says "apply again changes nothing" "unchanged" k apply -f "$WORK/app.yaml"
sed -i 's/replicas: 1/replicas: 2/; s/memory: "128Mi"/memory: "64Mi"/' "$WORK/app.yaml"
# before 1.27 a dry run wants OpenAPI v2
code=0; k diff -f "$WORK/app.yaml" >"$WORK/out" || code=$?
check "diff tells by its exit code" [ "$code" = 1 ]
check "and shows the change" grep -q '^+.*64Mi' "$WORK/out"
says "apply --dry-run=server" "configured (server dry run)" k apply --dry-run=server -f "$WORK/app.yaml"
check "and changes nothing" json_is deployment user-service .spec.replicas 1
says "apply a change" "configured" k apply -f "$WORK/app.yaml"
check "it is there" json_is deployment user-service .spec.replicas 2
check "what was not mentioned stays" json_is deployment user-service ".spec.template.spec.containers[0].ports[0].containerPort" 8080
says "the change is rolled out" "successfully rolled out" k rollout status deployment/user-service --timeout=180s
printf 'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: p1, labels: {set: p}}, data: {a: b}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: p2, labels: {set: p}}}\n' >"$WORK/list.yaml"
says "apply a List" "p2 created" k apply -f "$WORK/list.yaml"
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: p1, labels: {set: p}}\ndata: {a: b}\n' >"$WORK/one.yaml"
# 1.20 looks for batch/v1beta1 where it isn't told what to prune.
allow="" && [ "$MINOR" -ge 27 ] || allow=--prune-whitelist=core/v1/ConfigMap
says "apply --prune takes away what is gone" "p2 pruned" k apply --prune -l set=p $allow -f "$WORK/one.yaml"
mkdir -p "$WORK/kustom"
cp "$WORK/one.yaml" "$WORK/kustom/"
printf 'namePrefix: k-\nresources: [one.yaml]\nconfigMapGenerator: [{name: gen, literals: [x=y]}]\n' >"$WORK/kustom/kustomization.yaml"
says "apply -k" "k-p1 created" k apply -k "$WORK/kustom"
printf 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: bad}\nspec: {bogus: 1, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: x}]}}}\n' >"$WORK/bad.yaml"
if [ "$MINOR" -ge 27 ]; then
  fails "an unknown field is refused" "unknown field \"spec.bogus\"" k apply -f "$WORK/bad.yaml"
  says "or a warning" "unknown field \"spec.bogus\"" k apply --validate=warn -f "$WORK/bad.yaml"
  k delete deployment bad >/dev/null
fi
sed -i 's/bogus: 1/replicas: -1/' "$WORK/bad.yaml"
fails "a bad value is explained" "spec.replicas: Invalid value: -1: must be greater than or equal to 0" k apply -f "$WORK/bad.yaml"
says "edit" "edited" env EDITOR="sed -i s/hello/world/" KUBE_EDITOR="sed -i 's/a: b/a: edited/'" "$CLIENTS/$VERSION/kubectl" --cache-dir "$KUBECACHEDIR" edit configmap c
check "edit was kept" json_is configmap c .data.a edited
says "replace" "replaced" sh -c "sed 's/a: b/a: replaced/' $WORK/one.yaml | $CLIENTS/$VERSION/kubectl --cache-dir $KUBECACHEDIR replace -f -"
says "replace --force" "replaced" k replace --force -f "$WORK/one.yaml"
says "label" "labeled" k label configmap c tier=front
says "label selects" "configmap/c" k get configmaps -l tier=front -o name
says "annotate" "annotated" k annotate configmap c note=x
says "patch, strategic" "patched" k patch deployment web -p '{"spec":{"template":{"spec":{"containers":[{"name":"tools","env":[{"name":"A","value":"1"}]}]}}}}'
check "the list was merged" json_is deployment web ".spec.template.spec.containers[0].image" tools:1.0
says "patch, merge" "patched" k patch configmap c --type=merge -p '{"data":{"z":"1"}}'
says "patch, JSON" "patched" k patch configmap c --type=json -p '[{"op":"remove","path":"/data/z"}]'
fails "a bad JSON patch" "is invalid" k patch configmap c --type=json -p '[{"op":"remove","path":"/data/nothing"}]'
check "set image to the same changes nothing" k set image deployment/web tools=tools:1.0
says "set env" "updated" k set env deployment/web B=2
says "set resources" "updated" k set resources deployment/web --limits=memory=64Mi

# --- server-side apply
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ssa}\ndata: {a: "1"}\n' >"$WORK/ssa.yaml"
says "apply --server-side" "serverside-applied" k apply --server-side -f "$WORK/ssa.yaml"
k patch configmap ssa --type=merge -p '{"data":{"a":"2"}}' >/dev/null
fails "another's field is a conflict" "conflict" k apply --server-side -f "$WORK/ssa.yaml"
says "--force-conflicts takes it" "serverside-applied" k apply --server-side --force-conflicts -f "$WORK/ssa.yaml"
check "it is taken" json_is configmap ssa .data.a 1

# --- scale and rollout
says "scale" "scaled" k scale deployment web --replicas=3
says "scale is rolled out" "successfully rolled out" k rollout status deployment/web --timeout=180s
says "scale with a precondition" "scaled" k scale deployment web --current-replicas=3 --replicas=1
says "rollout restart" "restarted" k rollout restart deployment/web
says "restart is rolled out" "successfully rolled out" k rollout status deployment/web --timeout=180s
says "rollout history" "REVISION" k rollout history deployment/web
says "rollout undo" "rolled back" k rollout undo deployment/web
says "undo is rolled out" "successfully rolled out" k rollout status deployment/web --timeout=180s
says "rollout pause" "paused" k rollout pause deployment/web
says "rollout resume" "resumed" k rollout resume deployment/web
says "autoscale" "autoscaled" k autoscale deployment web --min=1 --max=3 --cpu-percent=80
says "get hpa" "web" k get hpa
says "expose" "exposed" k expose deployment web --name=web2 --port=80 --target-port=8080
says "run" "created" k run lone --image=tools:1.0 --restart=Never --labels=app=lone
check "it is ready" k wait pod/lone --for=condition=Ready --timeout=180s

# --- logs, exec, cp, port-forward
says "exec" "hello" k exec lone -- cat /www/index.html
code=0; k exec lone -- sh -c 'exit 7' 2>/dev/null || code=$?
check "exec hands on the exit code" [ "$code" = 7 ]
says "exec with standard input" "3" sh -c "printf abc | $CLIENTS/$VERSION/kubectl --cache-dir $KUBECACHEDIR exec -i lone -- wc -c"
says "run --rm -i" "hi there" sh -c "echo hi there | timeout 240 $CLIENTS/$VERSION/kubectl --cache-dir $KUBECACHEDIR run once --rm -i --restart=Never --image=tools:1.0 --command -- cat"
says "run with output" "created" k run talker --image=tools:1.0 --restart=Never --command -- sh -c 'echo one; echo two; echo three; exec sleep 1000'
k wait pod/talker --for=condition=Ready --timeout=180s >/dev/null
has_spoken() { [ "$(k logs talker --tail=1)" = three ]; }
check "logs --tail" until_true 20 has_spoken
says "logs" "two" k logs talker
says "logs --timestamps" "Z one" k logs talker --timestamps
says "logs -l" "three" k logs -l run=talker
fails "logs of a container that isn't there" "container nothing is not valid for pod talker" k logs talker -c nothing
head -c 300000 /dev/urandom >"$WORK/blob"
check "cp into the pod" k cp "$WORK/blob" lone:/tmp/blob
check "cp out of it" k cp lone:/tmp/blob "$WORK/back"
check "it is the same" cmp "$WORK/blob" "$WORK/back"
k port-forward pod/lone 18080:8080 >"$WORK/forward" 2>&1 &
FORWARD=$!
until_true 10 grep -q Forwarding "$WORK/forward" || { cat "$WORK/forward" >&2; fail "port-forward did not start"; }
check "what it leads to listens" until_true 10 curl -sf http://127.0.0.1:18080/
says "port-forward" "hello" curl -sf http://127.0.0.1:18080/
says "port-forward again" "hello" curl -sf http://127.0.0.1:18080/
kill "$FORWARD"; wait "$FORWARD" 2>/dev/null || true
says "run another that talks" "created" k run ticker --image=tools:1.0 --restart=Never --command -- sh -c 'while :; do echo tick; sleep 1; done'
k wait pod/ticker --for=condition=Ready --timeout=180s >/dev/null
k attach ticker >"$WORK/attached" 2>&1 &
ATTACHED=$!
check "attach" until_true 20 grep -qx tick "$WORK/attached"
kill "$ATTACHED"; wait "$ATTACHED" 2>/dev/null || true

# --- resize
if [ "$MINOR" -ge 32 ]; then
  cat >"$WORK/sized.yaml" <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: sized}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: web
    image: tools:1.0
    resources: {requests: {cpu: 50m, memory: 32Mi}, limits: {cpu: 100m, memory: 64Mi}}
    resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]
Y
  says "a pod with resources" "created" k apply -f "$WORK/sized.yaml"
  check "it is ready to be resized" k wait pod/sized --for=condition=Ready --timeout=60s
  resized() { says "$1" "pod/sized patched" k patch pod sized --subresource resize --patch "{\"spec\":{\"containers\":[{\"name\":\"web\",\"resources\":$2}]}}"; }
  sized() { check "$1" until_true 20 json_is pod sized ".status.containerStatuses[0] | $2" "$3"; }
  resized "patch --subresource resize" '{"requests":{"cpu":"60m"},"limits":{"cpu":"200m"}}'
  sized "it is in force" '"\(.resources.limits.cpu) \(.allocatedResources.cpu) \(.restartCount)"' "200m 60m 0"
  resized "memory, which restarts it" '{"limits":{"memory":"96Mi"}}'
  sized "that, too" '"\(.resources.limits.memory) \(.restartCount)"' "96Mi 1"
  says "edit --subresource resize" "edited" env KUBE_EDITOR="sed -i 's/cpu: 60m/cpu: 70m/'" "$CLIENTS/$VERSION/kubectl" --cache-dir "$KUBECACHEDIR" edit pod sized --subresource resize
  sized "an edited size" .allocatedResources.cpu 70m
  says "get --subresource resize" "70m" k get pod sized --subresource resize -o yaml
  resized "more than there is" '{"requests":{"cpu":"900"},"limits":{"cpu":"900"}}'
  check "wait sees that it is pending" k wait pod/sized --for=condition=PodResizePending --timeout=20s
  describes_why() { k describe pod sized | grep -q "ResizeInfeasible.*Node didn't have enough capacity: cpu"; }
  check "describe tells why" until_true 30 describes_why
  resized "taken back" '{"requests":{"cpu":"70m"},"limits":{"cpu":"200m"}}'
  fails "another class of service" "Pod QOS Class may not change as a result of resizing" k patch pod sized --subresource resize \
    -p '{"spec":{"containers":[{"name":"web","resources":{"requests":{"cpu":"200m","memory":"96Mi"}}}]}}'
  fails "the pod's own path" "pod updates may not change fields" k patch pod sized -p '{"spec":{"containers":[{"name":"web","resources":{"requests":{"cpu":"80m"}}}]}}'
fi

# --- node
until_true 40 k top nodes || fail "no figures of nodes"
says "top nodes" "node-1" k top nodes
until_true 40 k top pods || fail "no figures of pods"
says "top pods" "lone" k top pods
says "top pods --containers" "lone" k top pods --containers
says "cordon" "cordoned" k cordon node-1
says "it shows" "SchedulingDisabled" k get nodes
says "uncordon" "uncordoned" k uncordon node-1
says "taint" "tainted" k taint node node-1 role=x:PreferNoSchedule
says "taint taken off" "untainted" k taint node node-1 role-
if [ "$MINOR" -ge 28 ]; then
  check "debug adds a container" k debug lone --image=tools:1.0 -c dbg -- sh -c 'echo in; sleep 100'
  dbg_runs() { [ "$(k get pod lone -o json | jq -r '.status.ephemeralContainerStatuses[0].state.running.startedAt // "no"')" != no ]; }
  check "which runs" until_true 30 dbg_runs
fi
k delete pdb web >/dev/null 2>&1 || true
[ "$MINOR" -lt 28 ] || says "drain" "drained" k drain node-1 --force --ignore-daemonsets --delete-emptydir-data --timeout=180s
k uncordon node-1 >/dev/null

# --- delete
says "delete by name" "deleted" k delete configmap c
says "delete -f" "deleted" k delete -f "$WORK/app.yaml"
says "delete by label" "deleted" k delete configmaps -l set=p
says "delete --cascade=orphan" "deleted" k delete deployment web --cascade=orphan
check "its ReplicaSets stay" sh -c "[ -n \"\$($CLIENTS/$VERSION/kubectl --cache-dir $KUBECACHEDIR get rs -l app=web -o name)\" ]"
says "delete --all" "deleted" k delete replicasets --all
says "delete in the foreground" "deleted" k delete jobs --all --cascade=foreground
says "delete namespace waits" "deleted" k delete namespace shop
fails "it is gone" "not found" k get namespace shop
check "delete what isn't there, if that is all right" k delete pod nothing --ignore-not-found
says "delete at once" "deleted" k delete pods --all --force --grace-period=0

[ "${2:-}" != record ] || stop_recorder 200
stop_cluster
