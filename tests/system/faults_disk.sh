#!/bin/sh
# The disk is full while the cluster runs: writes are refused with a sentence that names the remedy; containers, probes and reads go
# on; nothing that was promised is lost; all of it recovers when space is free again.
. "$(dirname "$0")/cluster.sh"
need jq
mkdir -p "$STATE"
mount -t tmpfs -o size=24m tmpfs "$STATE"
CLEANUP='clean_groups; umount -l "$STATE"; umount -l "$WORK"'

start_cluster
load_image
steady 2 >"$WORK/pods.yaml"
cat >>"$WORK/pods.yaml" <<'Y'
---
apiVersion: v1
kind: Pod
metadata: {name: chatty, labels: {app: chatty}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: chatty
    image: user-service:1.0
    command: ["/bin/sh", "-c", "i=0; while :; do echo line $i; i=$((i+1)); echo $i >/tmp/at; sleep 0.01; done"]
Y
orch apply -f "$WORK/pods.yaml" >/dev/null || fail "apply"
check "pods run" until_true 30 n_ready_is steady 2
check "one writes a log" until_true 30 phase_is chatty Running
mains() { pgrep -f '^httpd -f -p 8080' | sort -n | tr '\n' ' '; first_processes 'line [$]i'; }
mains_are() { [ "$(mains)" = "$1" ]; }
at() { orch exec chatty -- cat /tmp/at; }
moves_on() { before_at=$(at); until_true 10 sh -c '[ "$("$0" --socket "$1" exec chatty -- cat /tmp/at)" -gt "$2" ]' "$ORCH_BUILD/cli/orch" "$SOCKET" "$before_at"; }
before=$(mains)

fill() { dd if=/dev/zero of="$STATE/fill" bs=4k >/dev/null 2>&1 || true; }
big() { # big NAME: a ConfigMap of 200 kB
  printf '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "%s"}, "data": {"x": "' "$1"
  head -c 200000 /dev/zero | tr '\0' x
  printf '"}}'
}
fill
refused() { ! big "full-$1" | orch apply -f - >"$WORK/said" 2>&1; }
is_refused() { for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do refused "$i" && return 0; stored=$i; done; return 1; }
stored=0
check "a full disk refuses writes" is_refused
check "and says why and what to do" grep -q "the disk is full; free some space and try again, nothing is lost" "$WORK/said"
check "in one line" [ "$(wc -l <"$WORK/said")" = 1 ]
check "the pods run on" mains_are "$before"
check "reads go on" orch get pods -A
check "exec goes on" at
check "a container that writes a log isn't held up" moves_on
rm "$WORK/user-service.tar"
"$SRC/scripts/make-user-service-image" "$WORK/other.tar"
mkdir "$WORK/rootfs"
head -c 3000000 /dev/urandom >"$WORK/rootfs/noise"
tar -C "$WORK/rootfs" -cf "$WORK/noise.tar" .
check "image import is refused" sh -c '! "$0" --socket "$1" image import "$2/noise.tar" noise:1 >"$2/said" 2>&1' "$ORCH_BUILD/cli/orch" "$SOCKET" "$WORK"
check "with the remedy" grep -qi "disk.*full\|no space left" "$WORK/said"
nothing_unfinished() { [ -z "$(ls "$STATE/images/tmp")" ]; }
check "and leaves nothing behind" until_true 10 nothing_unfinished
fill

victim=$(pgrep -f '^httpd -f -p 8080' | head -1)
kill -9 "$victim"
n_mains_is() { [ "$(pgrep -f '^httpd -f -p 8080' | wc -l)" = "$1" ]; }
dead() { [ ! -d "/proc/$victim" ]; }
check "a container dies" until_true 20 dead
check "it is started again, full disk or not" until_true 20 n_mains_is 2
for program in orchd-node orchd-server; do
  was=$(pgrep -x $program)
  kill -9 "$was"
  up() { pgrep -x $program | grep -qvx "$was"; }
  check "$program, killed, is started again" until_true 20 up
done
survivors() { echo "$before" | tr ' ' '\n' | grep -vx "$victim" | while read -r pid; do [ -z "$pid" ] || [ -d "/proc/$pid" ] || echo gone; done; }
check "all the others are still the same" [ -z "$(survivors)" ]
check "the replicas run on" n_mains_is 2

rm "$STATE/fill"
answers() { orch get pods >/dev/null; }
check "with space free the API answers" until_true 30 answers
writes() { big after | orch apply -f - >/dev/null; }
check "writes work again" until_true 30 writes
for i in $(seq 1 "$stored"); do orch get configmap "full-$i" -o name >/dev/null || fail "full-$i was promised and is lost"; done
check "what was promised is there" true
check "replicas are ready" until_true 30 n_ready_is steady 2
check "scaling works" orch scale deployment/steady --replicas=3
check "the third becomes ready" until_true 30 n_ready_is steady 3
restarts_are() { [ "$(restarts)" = "$1" ]; }
check "only the one that died was restarted, and that is told" until_true 30 restarts_are 1
last_line() { orch logs chatty --tail=1; }
log_moves() { a=$(last_line); until_true 10 sh -c '[ "$("$0" --socket "$1" logs chatty --tail=1)" != "$2" ]' "$ORCH_BUILD/cli/orch" "$SOCKET" "$a"; }
check "the log goes on" log_moves
orch delete -f "$WORK/pods.yaml" --timeout=180s >/dev/null || fail "delete"
stop_cluster
