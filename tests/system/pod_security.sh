#!/bin/sh
# What a container is held back from. A helper inside it tries; a second container with more rights shows that the limit is the cause.
. "$(dirname "$0")/cluster.sh"
. "$(dirname "$0")/pods.sh"
need jq
start_cluster
import_box box:1 '' "$ORCH_BUILD/tests/system/pod-probe"
import_box user:1 '{"User":"1000","Env":["PATH=/bin"]}'
import_box named:1 '{"User":"user","Env":["PATH=/bin"]}'

hostfile="$WORK/hostfile"
echo machine >"$hostfile"
apply <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: plain}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "box:1", command: [sleep, "1000"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: strict}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {runAsNonRoot: true, runAsUser: 1234, runAsGroup: 2345, supplementalGroups: [3456], fsGroup: 4567, seccompProfile: {type: RuntimeDefault}}
  volumes: [{name: v, emptyDir: {}}]
  containers:
  - name: main
    image: box:1
    command: [sleep, "1000"]
    volumeMounts: [{name: v, mountPath: /data}]
    securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Pod
metadata: {name: some}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: main, image: "box:1", command: [sleep, "1000"], securityContext: {capabilities: {add: [NET_ADMIN, SYS_PTRACE], drop: [CHOWN, NET_RAW]}}}
  - {name: all, image: "box:1", command: [sleep, "1000"], securityContext: {capabilities: {add: [ALL]}}}
  - {name: open, image: "box:1", command: [sleep, "1000"], securityContext: {seccompProfile: {type: Unconfined}}}
---
apiVersion: v1
kind: Pod
metadata: {name: mighty}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "box:1", command: [sleep, "1000"], securityContext: {privileged: true}}]
---
apiVersion: v1
kind: Pod
metadata: {name: root-refused}
spec: {securityContext: {runAsNonRoot: true}, containers: [{name: main, image: "box:1", command: [sleep, "1000"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: name-refused}
spec: {securityContext: {runAsNonRoot: true}, containers: [{name: main, image: "named:1", command: [sleep, "1000"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: user-accepted}
spec: {terminationGracePeriodSeconds: 0, securityContext: {runAsNonRoot: true}, containers: [{name: main, image: "user:1", command: [sleep, "1000"]}]}
Y
for pod in plain strict some mighty user-accepted; do check "$pod runs" until_true 20 pod_ready $pod; done
status() { orch exec "$1" -c "$2" -- cat /proc/1/status | sed -n "s/^$3:[[:space:]]*//p" | tr '\t' ' '; }

for n in pid mnt net ipc uts cgroup; do
  check "an own $n namespace" [ "$(in_pod plain readlink /proc/self/ns/$n)" != "$(readlink /proc/self/ns/$n)" ]
  [ "$n" = user ] || check "another than the next pod's" [ "$(in_pod plain readlink /proc/self/ns/$n)" != "$(in_pod user-accepted readlink /proc/self/ns/$n)" ]
done
check "its processes are all that it sees" [ "$(in_pod plain ps -o pid,args | grep -c 'sleep 1000')" = 1 ]
check "capabilities are Docker's fourteen" [ "$(status plain main CapEff)/$(status plain main CapBnd)/$(status plain main CapInh)" = 00000000a80425fb/00000000a80425fb/0000000000000000 ]
check "a seccomp filter is on" [ "$(status plain main Seccomp)" = 2 ]
check "allowPrivilegeEscalation is Kubernetes' default: true" [ "$(status plain main NoNewPrivs)" = 0 ]
check "capabilities can be added and dropped" [ "$(status some main CapEff)" = "$(printf '%016x' $((0xa80425fb & ~(1 << 0) & ~(1 << 13) | 1 << 12 | 1 << 19)))" ]
check "exec gets the same" [ "$(orch exec some -c main -- sed -n 's/^CapEff:.//p' /proc/self/status)" = "$(status some main CapEff)" ]
check "and the filter" [ "$(in_pod plain sed -n 's/^Seccomp:.//p' /proc/self/status)" = 2 ]
check "Unconfined has no filter" [ "$(status some open Seccomp)" = 0 ]

check "runAsUser, runAsGroup" [ "$(status strict main Uid) $(status strict main Gid)" = "1234 1234 1234 1234 2345 2345 2345 2345" ]
check "supplementalGroups and fsGroup" [ "$(status strict main Groups | tr ' ' '\n' | grep . | sort | tr '\n' ' ')" = "3456 4567 " ]
check "no capabilities left" [ "$(status strict main CapEff)$(status strict main CapBnd)$(status strict main CapPrm)" = 000000000000000000000000000000000000000000000000 ]
check "no_new_privs" [ "$(status strict main NoNewPrivs)" = 1 ]
check "the root file system is read-only" sh -c '! "$0" --socket "$1" exec strict -- touch /tmp/x 2>/dev/null' "$ORCH_BUILD/cli/orch" "$SOCKET"
in_pod strict touch /data/x || fail "a volume of fsGroup cannot be written"
check "what it writes into its volume belongs to fsGroup" [ "$(in_pod strict stat -c %u:%g /data/x)" = 1234:4567 ]
check "runAsNonRoot refuses an image of root's" until_true 20 waiting_is root-refused CreateContainerConfigError
field pod root-refused '.status.containerStatuses[0].state.waiting.message' | grep -q 'runAsNonRoot and image will run as root' || fail "words: $(field pod root-refused '.status.containerStatuses[0].state.waiting')"
check "and one whose user is a name" until_true 20 waiting_is name-refused CreateContainerConfigError
field pod name-refused '.status.containerStatuses[0].state.waiting.message' | grep -q 'non-numeric user (user)' || fail "words: $(field pod name-refused '.status.containerStatuses[0].state.waiting')"

# A set-user-id program gains nothing under no_new_privs, and does without.
in_pod plain pod-probe >"$WORK/plain"
orch exec some -c all -- pod-probe >"$WORK/all" || true
in_pod strict pod-probe >"$WORK/strict"
in_pod mighty pod-probe >"$WORK/mighty" || true
for call in mount umount keyctl add_key reboot unshare-user unshare-mount clone-user setns bpf perf kexec init_module io_uring userfaultfd open_by_handle fsopen \
  open_tree sethostname settimeofday swapon; do
  grep -qx "$call: EPERM" "$WORK/plain" || fail "$call: $(grep "^$call:" "$WORK/plain")"
done
grep -qx "clone3: ENOSYS" "$WORK/plain" && grep -qx "unknown: ENOSYS" "$WORK/plain" || fail "clone3 and unknown calls: $(grep 'clone3\|unknown' "$WORK/plain")"
! grep '^vsock: allowed\|^af_alg: allowed' "$WORK/plain" || fail "sockets of the machine"
echo "ok - what containers mustn't call is refused"
! grep '^open-.*: allowed' "$WORK/plain" || fail "a device opens"
grep -qx 'dev-null: allowed' "$WORK/plain" && grep -qx 'dev-urandom: allowed' "$WORK/plain" || fail "its own devices don't open"
echo "ok - a node made for a disk or for memory doesn't open"
! grep '^open-.*: allowed' "$WORK/all" | grep -v fuse || fail "with all capabilities a device opens"
echo "ok - not even with all capabilities"
! grep '^write-/[ps].*: allowed' "$WORK/plain" || fail "the machine's settings can be written"
! grep '^read-.*: [1-9]' "$WORK/plain" || fail "masked files can be read"
! grep '^write-.*: allowed' "$WORK/strict" || fail "strict can write"
echo "ok - the machine's settings and secrets in /proc and /sys are out of reach"
grep -qx 'socket-raw: allowed' "$WORK/plain" && grep -qx 'socket-raw: EPERM' "$WORK/strict" || fail "raw sockets"
grep -qx 'mount: allowed' "$WORK/mighty" || fail "a privileged container cannot mount"
check "a privileged one may administer the system" [ $((0x$(status mighty main CapEff) >> 21 & 1)) = 1 ]
check "and no filter" [ "$(status mighty main Seccomp)" = 0 ]
check "and sees the machine's devices" in_pod mighty test -e /dev/kmsg
check "the others don't" [ "$(in_pod plain ls /dev | tr '\n' ' ')" = "fd full mqueue null ptmx pts random shm stderr stdin stdout termination-log tty urandom zero " ]

# Nothing of the machine, of another container or of orch is in sight.
check "the machine's files are not there" sh -c '! "$0" --socket "$1" exec plain -- ls "$2" 2>/dev/null' "$ORCH_BUILD/cli/orch" "$SOCKET" "$hostfile"
check "the mounts it sees name no place of the machine but its own" sh -c '! "$0" --socket "$1" exec plain -- cut -d" " -f2 /proc/mounts | grep -q orch' "$ORCH_BUILD/cli/orch" "$SOCKET"
check "no descriptor leaks into it" [ "$(in_pod plain sh -c 'ls /proc/1/fd | tr "\n" " "')" = "0 1 2 " ]
check "nor into exec" sh -c '[ "$("$0" --socket "$1" exec plain -- sh -c "ls -l /proc/\$\$/fd 2>/dev/null" | grep -c -- "->")" -le 4 ]' "$ORCH_BUILD/cli/orch" "$SOCKET"
check "another container's root is out of reach" sh -c '! "$0" --socket "$1" exec some -c main -- ls /proc/2/root 2>/dev/null' "$ORCH_BUILD/cli/orch" "$SOCKET"
check "its /sys/fs/cgroup shows nobody else" [ "$(in_pod plain sh -c 'find /sys/fs/cgroup -name "pod*" | wc -l')" = 0 ]
check "the server's database is not for everybody" [ "$(stat -c %a "$STATE/server/store.db")" = 600 ]
for dir in "$RUN/volumes" "$STATE/node"; do [ ! -d "$dir" ] || check "$(basename "$dir") is root's alone" sh -c 'case $(stat -c %a "$0") in *00|*11) ;; *) stat "$0"; exit 1 ;; esac' "$dir"; done
stop_cluster
