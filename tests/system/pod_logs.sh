#!/bin/sh
# Logs, exec and images, as a user meets them.
. "$(dirname "$0")/cluster.sh"
. "$(dirname "$0")/pods.sh"
need jq python3
start_cluster
import_box box:1

apply <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: talker, labels: {app: talk}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: main, image: "box:1", command: [sh, -c, "trap 'exit 1' USR1; echo run begins; for i in 1 2 3 4 5; do echo line $i; done; while true; do if [ -e /tmp/err ]; then cat /tmp/err >&2; rm /tmp/err; fi; if [ -e /tmp/say ]; then cat /tmp/say; rm /tmp/say; fi; sleep 0.02; done"]}
  - {name: other, image: "box:1", command: [sh, -c, "echo other speaks; sleep 1000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: long}
spec:
  restartPolicy: Never
  containers: [{name: main, image: "box:1", command: [sh, -c, "head -c 50000 /dev/zero | tr '\\0' x; echo; echo after; printf 'no newline'"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: flood}
spec:
  restartPolicy: Never
  containers: [{name: main, image: "box:1", command: [sh, -c, "echo waiting; until [ -e /tmp/go ]; do sleep 0.05; done; seq 1 700000"]}]
Y
check "the talker runs" until_true 20 pod_ready talker
check "logs wants to know of which container" sh -c '"$0" --socket "$1" logs talker 2>&1 | grep -q "main.*other"' "$ORCH_BUILD/cli/orch" "$SOCKET" || true
says_there() { orch exec talker -c main -- sh -c "echo '$2' >/tmp/new; mv /tmp/new /tmp/$1"; } # whole, before anybody sees it
check "-c tells" until_true 10 log_line talker "other speaks" other
check "what was said is there" until_true 10 log_line talker "line 5" main
says_there err 'to stderr'
check "standard error is in the log, too" until_true 10 log_line talker "to stderr" main
check "--tail" [ "$(orch logs talker -c main --tail=2 | tr '\n' ,)" = "line 5,to stderr," ]
check "--tail=0 is none" [ -z "$(orch logs talker -c main --tail=0)" ]
check "--all-containers" [ "$(orch logs talker --all-containers | grep -c 'other speaks\|run begins')" = 2 ]
check "--timestamps begin each line" sh -c '"$0" --socket "$1" logs talker -c main --timestamps | grep -qE "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]+Z line 1$"' "$ORCH_BUILD/cli/orch" "$SOCKET"
check "--limit-bytes" [ "$(orch logs talker -c main --limit-bytes=9)" = "run begin" ]
check "--since in the past shows all" log_line talker "line 1" main
check "--since-time shows what is younger" [ "$(orch logs talker -c main --since-time=2020-01-01T00:00:00Z | grep -c line)/$(orch logs talker -c main --since-time=2120-01-01T00:00:00Z | wc -l)" = 5/0 ]

orch logs -f talker -c main >"$WORK/followed" &
FOLLOW=$!
check "-f shows what was" until_true 10 grep -qx 'line 5' "$WORK/followed"
says_there say 'fresh news'
check "and what comes" until_true 10 grep -qx 'fresh news' "$WORK/followed"
orch exec talker -c main -- sh -c 'kill -USR1 1'
check "the container restarts" until_true 20 restarts_reach talker 1
check "--previous is the run before" [ "$(orch logs talker -c main --previous | tail -1)" = "fresh news" ]
check "the log is now the new run's" until_true 10 sh -c '[ "$("$0" --socket "$1" logs talker -c main | grep -c "fresh\|begins")" = 1 ]' "$ORCH_BUILD/cli/orch" "$SOCKET"
ended() { ! kill -0 "$FOLLOW" 2>/dev/null; }
check "-f ends with the container, as kubectl's" until_true 20 ended
wait "$FOLLOW" || fail "logs -f ended with $?"

check "a line of 50,000 bytes" until_true 20 phase_is long Succeeded
orch logs long >"$WORK/long"
check "is one line" sh -c '[ "$(head -1 "$0" | wc -c)" = 50001 ] && [ "$(sed -n 2p "$0")" = after ]' "$WORK/long"
check "and what has no newline is there" sh -c 'tail -1 "$0" | grep -q "^no newline$"' "$WORK/long"

check "the flood waits" until_true 20 phase_is flood Running
orch logs -f flood >"$WORK/flood" &
FOLLOW=$!
check "who follows it is there" until_true 20 grep -qx waiting "$WORK/flood"
orch exec flood -- touch /tmp/go
check "a flood ends" until_true 60 phase_is flood Succeeded
check "its reader, too" until_true 60 ended
check "rotation happened" [ "$(ls "$STATE"/logs/default_flood_*/main/ | wc -l)" -gt 1 ]
check "-f lost nothing across rotation" sh -c '(echo waiting; seq 1 700000) | cmp - "$0"' "$WORK/flood"
check "the log is whole afterwards" sh -c '"$0" --socket "$1" logs flood | tail -1000 | cmp - "$2"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$( seq 699001 700000 >"$WORK/end"; echo "$WORK/end")"
check "no such container, in words" sh -c '"$0" --socket "$1" logs talker -c nosuch 2>&1 | grep -q "nosuch"' "$ORCH_BUILD/cli/orch" "$SOCKET"

# ---- exec ----
code() { set +e; "$@" >/dev/null 2>&1; got=$?; set -e; echo $got; }
check "exec's exit codes" [ "$(code orch exec talker -c other -- true)/$(code orch exec talker -c other -- sh -c 'exit 42')/$(code orch exec talker -c other -- sh -c 'kill -9 $$')" = 0/42/137 ]
check "a program that isn't there is told, with kubectl's exit code" sh -c '"$0" --socket "$1" exec talker -c other -- /no/such 2>"$2"; [ $? = 1 ] && grep -q "/no/such.*no such file" "$2"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$WORK/out"
head -c 3000000 /dev/urandom >"$WORK/data"
check "-i passes 3 MB through, unharmed" sh -c '"$0" --socket "$1" exec -i talker -c other -- cat <"$2" | cmp - "$2"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$WORK/data"
check "standard output and error stay apart" [ "$(orch exec talker -c other -- sh -c 'echo out; echo err >&2' 2>/dev/null)" = out ]
check "without -i there is no input" [ "$(echo x | orch exec talker -c other -- cat)" = "" ]
cat >"$WORK/shell.py" <<'P'
import sys
from terminal import Terminal
t = Terminal(sys.argv[1:])
t.wait(b'# ')
t.send(b'tty; echo tty-$?\n'); t.wait(b'/dev/pts/'); t.wait(b'tty-0')
t.says_size(33, 77)
t.send(b"sh -c 'echo sle\"\"eping; exec sleep 1000'\n"); t.wait(b'sleeping'); t.send(b'\x03'); t.send(b'echo interr""upted\n'); t.wait(b'interrupted')
t.send(b'exit 9\n')
sys.exit(0 if t.exit_code() == 9 else 'wrong exit code')
P
check "exec -it is a terminal: size, Ctrl-C, exit code" env PYTHONPATH="$SRC/tests/system" PYTHONDONTWRITEBYTECODE=1 python3 "$WORK/shell.py" "$ORCH_BUILD/cli/orch" --socket "$SOCKET" exec -it talker -c other -- sh

# ---- images ----
python3 "$SRC/tests/system/make_images.py" "$WORK" || fail "cannot make the test images"
check "an OCI layout folder loads" orch image load "$WORK/layout"
check "an OCI archive loads" orch image load "$WORK/oci.tar" --name fromtar:1
check "a docker save archive loads" orch image load "$WORK/docker.tar"
orch image ls >"$WORK/images"
for name in box two fromtar docker; do grep -q "$name" "$WORK/images" || { cat "$WORK/images" >&2; fail "$name is not listed"; }; done
echo "ok - all are listed"
check "an archive that is none is refused in words" sh -c 'echo nonsense >"$2"; ! "$0" --socket "$1" image load "$2" >"$2.out" 2>&1 && grep -q "archive\|image" "$2.out"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$WORK/nonsense"
check "an image in use isn't removed, and it is said by whom" sh -c '! "$0" --socket "$1" image rm box:1 >"$2" 2>&1 && grep -q "used by" "$2"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$WORK/out"
check "one that nobody uses is" orch image rm fromtar:1
check "once" sh -c '! "$0" --socket "$1" image rm fromtar:1 >"$2" 2>&1 && grep -q "fromtar:1" "$2"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$WORK/out"

import_box box:latest
apply <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: latest}
spec: {terminationGracePeriodSeconds: 0, containers: [{name: main, image: box, command: [sleep, "1000"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: never}
spec: {containers: [{name: main, image: "later:1", imagePullPolicy: Never}]}
---
apiVersion: v1
kind: Pod
metadata: {name: missing}
spec: {terminationGracePeriodSeconds: 0, containers: [{name: main, image: "later:1", command: [sleep, "1000"]}]}
Y
check ":latest, with policy Always, runs from what is here" until_true 20 pod_ready latest
check "policy Never without the image: ErrImageNeverPull" until_true 20 waiting_is never ErrImageNeverPull
check "else ErrImagePull" until_true 20 event_has missing 'Failed .*ErrImagePull'
names_remedy() { field pod missing '.status.containerStatuses[0].state.waiting.message' | grep -q "orch image load"; }
check "with the remedy in its message" until_true 10 names_remedy
check "and the wait is told" until_true 30 event_has missing 'BackOff Back-off pulling image'
import_box later:1
check "once loaded the pod runs, without waiting for the back-off" until_true 10 pod_ready missing
stop_cluster
