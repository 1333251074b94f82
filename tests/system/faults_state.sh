#!/bin/sh
# Files that orch keeps are damaged, its supervisors killed, its neighbours hostile: one sentence each, the rest goes on.
. "$(dirname "$0")/cluster.sh"
need jq

start_cluster
load_image
steady 2 >"$WORK/pods.yaml"
cat >>"$WORK/pods.yaml" <<'Y'
---
apiVersion: v1
kind: Service
metadata: {name: steady}
spec:
  selector: {app: steady}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: asker, labels: {app: asker}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: asker
    image: user-service:1.0
    command: ["/bin/sh", "-c", "sleep 100000"]
Y
orch apply -f "$WORK/pods.yaml" >/dev/null || fail "apply"
check "pods run" until_true 30 n_ready_is steady 2
check "one asks" until_true 30 field_is pod asker .status.phase Running
mains() { pgrep -f '^httpd -f -p 8080' | sort -n | tr '\n' ' '; first_processes '^(/bin/sh -c )?sleep 100000'; }
mains_are() { [ "$(mains)" = "$1" ]; }
answers() { orch exec asker -- wget -q -O - http://steady/ | grep -q hello; }
again() { # again PROGRAM: kill it and wait for the next
  was=$(pgrep -x "$1")
  kill -9 "$was"
  replaced() { pgrep -x "$1" | grep -qvx "$was"; }
  until_true 20 replaced "$1"
}
check "the service answers by name" until_true 20 answers
before=$(mains)

# --- files of the node
# It stands still until it dies: what it keeps it writes again whenever something changes.
kill -STOP "$(pgrep -x orchd-node)"
for file in "$STATE"/node/wanted/*.json; do echo '{"pod": {"metadata": ' >"$file"; done
for file in "$RUN"/node/*.json; do head -c 100 /dev/urandom >"$file"; done
check "the node starts with all its files damaged" again orchd-node
check "it says so" until_true 20 told "a remembered pod can't be read"
check "it is ready" until_true 30 node_ready
check "the same containers run" mains_are "$before"
check "the pods are ready" until_true 30 n_ready_is steady 2
check "nothing was restarted" [ "$(restarts)" = 0 ]
good_json() { for file in "$STATE"/node/wanted/*.json; do jq -e .pod.metadata.uid "$file" >/dev/null || return 1; done; }
check "what the server told is remembered anew" until_true 20 good_json

# --- the names
# The node stands still meanwhile: it mends the file as soon as it sees it, often before orch-dns has read it.
node=$(pgrep -x orchd-node)
kill -STOP "$node"
head -c 3000 /dev/urandom >"$RUN/dns/other"
mv "$RUN/dns/other" "$RUN/dns/snapshot"
check "orch-dns refuses a damaged snapshot" until_true 20 told "the names before stay"
kill -CONT "$node"
check "and keeps the names" until_true 20 answers
check "the node writes it again" until_true 20 told "snapshot was replaced or removed; it is written again"
check "orch-dns, started anew, reads it" again orch-dns
check "names are answered again" until_true 20 answers

# --- an image's record
record=$(ls "$STATE"/images/images/*.json | head -1)
cp "$record" "$WORK/record"
echo '{"id": 5' >"$record"
orch apply -f - >/dev/null <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: late}
spec: {terminationGracePeriodSeconds: 0, containers: [{name: late, image: "user-service:1.0", imagePullPolicy: IfNotPresent}]}
Y
events_tell() { orch get events -A | grep -q -- "$1"; }
check "a damaged image record is told as an event with a remedy" until_true 30 events_tell "damaged.*load\|load.*damaged"
check "the pods that run are unharmed" mains_are "$before"
check "loading the image again" orch image load "$WORK/user-service.tar"
check "mends it" until_true 60 field_is pod late .status.phase Running
orch delete pod late >/dev/null

# --- a supervisor killed
victim=$(first_pod steady)
uid=$(field pod "$victim" .metadata.uid)
supervisor=$(pgrep -f "orch-pod.*$uid" | head -1)
[ -n "$supervisor" ] || supervisor=$(for pid in $(pgrep -x orch-pod); do grep -q "$uid" "/proc/$pid/cmdline" "/proc/$pid/cgroup" 2>/dev/null && echo "$pid"; done | head -1)
[ -n "$supervisor" ] || fail "no supervisor found"
kill -9 "$supervisor"
restarted() { [ "$(field pod "$victim" '.status.containerStatuses[0].restartCount')" -ge 1 ]; }
check "a pod whose supervisor was killed is started again" until_true 30 restarted
check "it becomes ready" until_true 30 n_ready_is steady 2
check "and is told as an event" until_true 10 events_tell "SandboxChanged.*$victim.*orch-pod, died"
check "without a failed start" sh -c '! "$0" --socket "$1" get events -A | grep "$2" | grep Failed' "$ORCH_BUILD/cli/orch" "$SOCKET" "$victim"

# --- a fork bomb within its limit
orch apply -f - >/dev/null <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: bomb}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: bomb
    image: user-service:1.0
    command: ["/bin/sh", "-c", "while :; do sleep 1000 & done 2>/dev/null; sleep 1000"]
    resources: {limits: {cpu: 500m, memory: 128Mi}}
Y
check "a fork bomb is started" until_true 30 field_is pod bomb .status.phase Running
for i in 1 2 3; do
  orch get pods >/dev/null || fail "the API doesn't answer beside a fork bomb"
  until_true 20 answers || fail "names or services don't answer beside a fork bomb"
done
check "API, names and services answer beside it" true
check "the probed pods are ready" until_true 20 n_ready_is steady 2
check "it can be deleted" orch delete pod bomb --timeout=180s
no_bomb() { ! pgrep -f '^sleep 1000$' >/dev/null; }
check "nothing of it is left" until_true 30 no_bomb

orch delete -f "$WORK/pods.yaml" --timeout=180s >/dev/null || fail "delete"
stop_cluster
