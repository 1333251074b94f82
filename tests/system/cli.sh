#!/bin/sh
# The command line against the real server on a socket of its own: no pods, no network.
. "$(dirname "$0")/lib.sh"
need python3
ORCH="$ORCH_BUILD/cli/orch"
SERVER="$ORCH_BUILD/daemon/orchd-server"
[ -x "$SERVER" ] || skip "orchd-server is not built"
unset ORCH_SERVER NO_COLOR
export ORCH_SOCKET="$WORK/run/orch.sock"
OUT="$WORK/out"; ERR="$WORK/err"

orch() { "$ORCH" "$@" >"$OUT" 2>"$ERR"; }
says() { # says "sentence" CODE "words of the output" args...
  sentence=$1; want=$2; words=$3; shift 3
  code=0; orch "$@" || code=$?
  [ "$code" = "$want" ] || fail "$sentence: exit code $code instead of $want: $(cat "$OUT" "$ERR")"
  cat "$OUT" "$ERR" | grep -qF -e "$words" || fail "$sentence: no \"$words\" in: $(cat "$OUT" "$ERR")"
  echo "ok - $sentence"
}
shows() { # shows "sentence" "the whole output" args...
  sentence=$1; want=$2; shift 2
  orch "$@" || fail "$sentence: $(cat "$ERR")"
  [ "$(cat "$OUT")" = "$want" ] || fail "$sentence: expected \"$want\", got \"$(cat "$OUT")\""
  echo "ok - $sentence"
}

cat >"$WORK/web.yaml" <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "web:1", ports: [{containerPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
YAML
sed 's/replicas: 3/replicas: 2/; s/, labels: {app: web}}$/}/' "$WORK/web.yaml" >"$WORK/web2.yaml"
cat >"$WORK/bad.yaml" <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: bad}
spec:
  replicas: -1
  selecter: {}
YAML

# ---- without a server ----
says "without a server: how to start one" 4 "Start one with \"orchd\"" get pods
says "a mistyped command" 2 "did you mean \"get\"?" gte pods
says "a mistyped option" 2 "did you mean --namespace?" get pods --namespce x
says "a mistyped type" 2 "did you mean \"pods\"?" get podz
says "explain needs no server" 0 "progressDeadlineSeconds" explain deploy.spec
says "explain of a mistyped field" 2 "did you mean \"containers\"?" explain pod.spec.contaners
says "exit codes are documented" 0 "4  the server cannot be reached" help exit-codes
says "a wrong manifest: place and suggestion" 3 "$WORK/bad.yaml:6:3: spec.selecter: unknown field; did you mean \"selector\"?" apply -f "$WORK/bad.yaml"
says "a wrong manifest: all findings" 3 "$WORK/bad.yaml:5:3: spec.replicas: Invalid value: -1" apply -f "$WORK/bad.yaml"
says "a client's dry run needs no server" 0 "deployment.apps/web created (dry run)" apply --dry-run=client -f "$WORK/web.yaml"

# ---- with one ----
mkdir "$WORK/state" "$WORK/run"
"$SERVER" --state-dir "$WORK/state" --run-dir "$WORK/run" --listen none --user "$(id -u)" >"$WORK/log" 2>&1 &
PID=$!
CLEANUP="kill $PID 2>/dev/null; wait $PID 2>/dev/null"
until_true 10 "$ORCH" version || fail "the server does not answer: $(cat "$WORK/log")"

shows "apply creates" "deployment.apps/web created
service/web created" apply -f "$WORK/web.yaml"
shows "apply again changes nothing" "deployment.apps/web unchanged
service/web unchanged" apply -f "$WORK/web.yaml"
says "nothing is sent when one file is bad" 3 "nothing was sent" apply -f "$WORK/web2.yaml" -f "$WORK/bad.yaml"
shows "... so nothing changed" "3" get deploy web -o 'jsonpath={.spec.replicas}'
shows "a server's dry run says what would happen" "deployment.apps/web configured (server dry run)
service/web unchanged (server dry run)" apply --dry-run=server -f "$WORK/web2.yaml"
shows "... and changes nothing" "3" get deploy web -o 'jsonpath={.spec.replicas}'
orch annotate deploy web kept=yes || fail "annotate: $(cat "$ERR")"
"$ORCH" apply -f - <"$WORK/web2.yaml" >"$OUT" || fail "apply from standard input"
shows "apply merges three ways: changed, removed, and left alone" "2  yes" \
  get deploy web -o 'jsonpath={.spec.replicas} {.metadata.labels.app} {.metadata.annotations.kept}'
shows "defaults can be seen" "RollingUpdate" get deploy web -o 'jsonpath={.spec.strategy.type}'
says "create of what exists" 1 "Error from server (AlreadyExists): services \"web\" already exists" create -f "$WORK/web.yaml"
says "get of what is not there" 1 "Error from server (NotFound): deployments.apps \"nope\" not found" get deploy nope
shows "... unless that is fine" "" get deploy nope --ignore-not-found
shows "names with their types" "deployment.apps/web" get deploy -o name
says "a table" 0 "NAME   READY   UP-TO-DATE   AVAILABLE   AGE" get deploy web
grep -q "$(printf '\033')" "$OUT" && fail "colour in a pipe"
says "several types" 0 "service/web " get deploy,svc
shows "selectors" "" get deploy -l app=other -o name
says "YAML reads back" 0 "unchanged" apply -f "$WORK/web2.yaml"
shows "scale" "deployment.apps/web scaled" scale deploy/web --replicas=4
shows "... is seen" "4" get deploy web -o 'jsonpath={.spec.replicas}'
shows "label" "deployment.apps/web labeled" label deploy web tier=front
says "label keeps what there is" 1 "--overwrite" label deploy web tier=back
shows "pause" "deployment.apps/web paused" rollout pause deploy/web
says "undo of a paused rollout" 1 "resume it first" rollout undo deploy/web
shows "resume" "deployment.apps/web resumed" rollout resume deploy/web
shows "restart" "deployment.apps/web restarted" rollout restart deploy/web
says "rollout history" 0 "REVISION   CHANGE-CAUSE" rollout history deploy/web
says "rollout status times out" 5 "timed out" rollout status deploy/web --timeout=200ms
revisions() { [ "$("$ORCH" rollout history deploy/web | grep -c '^[0-9]')" = "$1" ]; }
last_is() { "$ORCH" rollout history deploy/web | grep -v '^$' | tail -1 | grep -q "^$1 "; }
check "each template is a revision" until_true 5 revisions 2
shows "undo" "deployment.apps/web rolled back" rollout undo deploy/web
check "undo makes the old revision the newest" until_true 5 last_is 3
says "undo to what is there already" 0 "skipped rollback" rollout undo deploy/web --to-revision=3
says "undo to a revision that never was" 1 "has no revision 99" rollout undo deploy/web --to-revision=99
says "wait times out" 5 "timed out" wait --for=condition=Nothing deploy/web --timeout=200ms
says "names" 0 "web.default" names
says "describe" 0 "Replicas:           4 desired" describe deploy web
says "describe of a service" 0 "TargetPort:         8080" describe svc web
says "version of both" 0 "Server Version: v1." version
says "a missing namespace" 1 "namespaces \"nowhere\" not found" apply -n nowhere -f "$WORK/web.yaml"

"$ORCH" get svc -w --no-headers >"$WORK/watched" 2>&1 &
WATCH=$!
until_true 10 grep -q web "$WORK/watched" || fail "watch shows nothing"
orch label svc web watched=yes || fail "label: $(cat "$ERR")"
check "watch shows changes" until_true 5 sh -c '[ "$(grep -c "^web" "$0")" = 2 ]' "$WORK/watched"
kill $WATCH; wait $WATCH 2>/dev/null || true

shows "delete by file, in reverse" "service \"web\" deleted
deployment.apps \"web\" deleted" delete -f "$WORK/web.yaml"
says "delete of what is gone" 1 "not found" delete deploy web
shows "delete of what is gone, being fine" "" delete deploy web --ignore-not-found
says "delete of everything needs saying so" 2 "--all" delete deploy

# ---- exec, logs and images, against a peer that plays server, node and container ----
python3 "$SRC/tests/system/cli_peer.py" "$WORK/peer.sock" >"$WORK/peer.log" 2>&1 &
PEER=$!
CLEANUP="$CLEANUP; kill $PEER 2>/dev/null; wait $PEER 2>/dev/null"
until_true 10 grep -q ready "$WORK/peer.log" || fail "the peer does not start: $(cat "$WORK/peer.log")"
export ORCH_SOCKET="$WORK/peer.sock"
says "exec passes output" 0 "out ls -l in a" exec p -- ls -l
says "exec passes standard error" 0 "err" exec p -q -- ls
says "exec chooses the container" 0 "in b" exec p -c b -- ls
says "exec ends with the command's code" 3 "out" exec p -- exit 3
says "exec says when the connection is lost" 1 "before the command did" exec p -- hangup
head -c 3000000 /dev/zero >"$WORK/big"
"$ORCH" exec -i p -- cat <"$WORK/big" >"$OUT" 2>"$ERR" || fail "exec -i from a file: $(cat "$ERR")"
check "exec sends a file whole" grep -qx "got 3000000" "$OUT"
printf hello | "$ORCH" exec -i p -- cat >"$OUT" 2>"$ERR" || fail "exec -i from a pipe: $(cat "$ERR")"
check "exec sends a pipe whole" grep -qx "got 5" "$OUT"
says "logs take kubectl's options" 0 "log of b sinceSeconds=120,tailLines=5,timestamps=true" \
  logs p -c b --tail 5 --since 2m --timestamps
says "logs of all containers" 0 "[pod/p/b] log of b" logs p --all-containers --prefix
says "image load" 0 "Loaded image: own:1 3000000 load" image load "$WORK/big"
mkdir "$WORK/layout"; cp "$WORK/big" "$WORK/layout/"
says "image load of a directory" 0 "load" image load "$WORK/layout"
says "image import" 0 "Loaded image: team/web:2 3000000 true" image import "$WORK/big" team/web:2
says "image ls" 0 "web:1   0123456789ab   2.0 MiB" image ls
says "image rm" 0 "Removed image: team/web:2" image rm team/web:2
