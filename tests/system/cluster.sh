# Sourced by the system tests that want a whole cluster: re-runs the test inside private namespaces and control groups, and gives
# start_cluster, orch and friends. Everything dies with the test.
if [ -z "${ORCH_TEST_INSIDE:-}" ]; then
  [ "$(id -u)" = 0 ] || { echo "SKIP: needs root"; exit 77; }
  ORCH_TEST_INSIDE=1 exec "$(dirname "$0")/../../scripts/in-namespaces" sh "$0" "$@"
fi
. "$(dirname "$0")/../system/lib.sh"

mount -t tmpfs tmpfs "$WORK" # what a test writes is not what it measures; and no slow deletes
STATE="$WORK/state" RUN="$WORK/run" LIBEXEC="$WORK/libexec"
SOCKET="$RUN/orch.sock"
# Groups of version 2 are beside this test's own where version 1 has the controllers: what was killed with a pod leaves them. A test
# that failed has not stopped its cluster, whose node would make the pods anew.
clean_groups() {
  for program in orchd orchd-node orch-pod; do
    for pid in $(pgrep -x $program); do kill -9 "$pid" 2>/dev/null || true; done
  done
  for uid in $(find "$STATE/node" "$RUN/pods" -maxdepth 2 -type d -name '????????-????-????-????-????????????' -printf '%f\n' 2>/dev/null | sort -u); do
    for group in /sys/fs/cgroup/unified/orch/pod"$uid" /sys/fs/cgroup/orch/pod"$uid"; do
      for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do # those who were killed may need a moment to be gone
        [ -d "$group" ] || break
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
      done
    done
  done
}
CLEANUP='clean_groups; umount -l "$WORK"'
mkdir -p "$LIBEXEC"
for program in daemon/orchd-server daemon/orchd-node daemon/dns/orch-dns daemon/pod/orch-pod daemon/image/orch-image daemon/build/orch-build; do
  ln -s "$ORCH_BUILD/$program" "$LIBEXEC/$(basename $program)"
done

orch() { "$ORCH_BUILD/cli/orch" --socket "$SOCKET" "$@"; }
orchd_log() { tail -"${1:-40}" "$WORK/orchd.log"; }
fail() {
  echo "FAIL: $*" >&2
  show_state
  exit 1
}
# What somebody who sees nothing but this output needs to understand a failure.
show_state() {
  {
    echo "--- pods"; timeout 20 "$ORCH_BUILD/cli/orch" --socket "$SOCKET" get pods -A -o wide
    echo "--- events"; timeout 20 "$ORCH_BUILD/cli/orch" --socket "$SOCKET" get events -A | tail -40
    echo "--- processes"; ps -eo pid,stat,etimes,args --no-headers | grep -v ' \[\| ps -eo' | cut -c1-150 | tail -50
    echo "--- log of orchd, server and node"; orchd_log 60
  } >&2 2>&1 || true
}
# A test that hangs is ended from outside, without a word: it says before where it stands.
(sleep "${ORCH_TEST_LOOK:-280}"; echo "after ${ORCH_TEST_LOOK:-280} s this is still at work:" >&2; show_state) &

# Starts orchd and waits until it says ready. Arguments: more options.
start_cluster() {
  rm -f "$WORK/ready"
  mkfifo "$WORK/ready"
  "$ORCH_BUILD/daemon/orchd" --state-dir="$STATE" --run-dir="$RUN" --libexec-dir="$LIBEXEC" --node-name=node-1 --ready-fd=9 "$@" \
    >>"$WORK/orchd.log" 2>&1 9>"$WORK/ready" &
  ORCHD=$!
  read -r line <"$WORK/ready" || { orchd_log >&2; fail "orchd did not start"; }
  [ "$line" = ready ] || fail "orchd said: $line"
}
stop_cluster() {
  kill "$ORCHD" 2>/dev/null || true
  wait "$ORCHD" 2>/dev/null || true
}
load_image() {
  [ -f "$WORK/user-service.tar" ] || "$SRC/scripts/make-user-service-image" "$WORK/user-service.tar"
  orch image load "$WORK/user-service.tar" >/dev/null || fail "image load"
}
# One field of an object as text: field pods web-1 '.status.phase'
field() { orch get "$1" "$2" -o json | jq -r "$3"; }
field_is() { [ "$(field "$1" "$2" "$3")" = "$4" ]; }
phase_is() { field_is pod "$1" .status.phase "$2"; }
node_ready() { [ "$(orch get node node-1 -o json | jq -r '.status.conditions[] | select(.type == "Ready").status')" = True ]; }
# How often containers were started again, all pods of the namespace together.
restarts() { orch get pods -o json | jq '[.items[].status.containerStatuses[]?.restartCount] | add'; }
# Pids of containers' first processes whose command line matches: what a shell forks looks like itself until it runs its program.
first_processes() {
  for pid in $(pgrep -f "$1" | sort -n); do
    ! grep -Eqs '^NSpid:.*[[:space:]]1$' "/proc/$pid/status" || printf '%s ' "$pid"
  done
}
told() { grep -q -- "$1" "$WORK/orchd.log"; } # orchd's log says so
n_ready() { orch get pods -l "app=$1" -o json | jq '[.items[] | select(.metadata.deletionTimestamp == null) | select(any(.status.conditions[]?; .type == "Ready" and .status == "True"))] | length'; }
n_ready_is() { [ "$(n_ready "$1")" = "$2" ]; }
first_pod() { orch get pods -l "app=$1" -o name | head -1 | cut -d/ -f2; }

# A Deployment "steady" of so many replicas that are quickly ready, and quickly gone; on standard output.
steady() {
  cat <<Y
apiVersion: apps/v1
kind: Deployment
metadata: {name: steady}
spec:
  replicas: $1
  selector: {matchLabels: {app: steady}}
  template:
    metadata: {labels: {app: steady}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: user-service:1.0
        readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}
Y
}
