#!/bin/sh
# What the kernel or the file systems below don't give: cgroup controllers, overlayfs, a disk that turns read-only, an empty /run,
# no resolv.conf. One sentence each, and what can go on goes on.
. "$(dirname "$0")/cluster.sh"
need jq
cat >"$WORK/pod.yaml" <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: one, labels: {app: one}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: one
    image: user-service:1.0
    resources: {limits: {memory: 64Mi, cpu: 200m}}
Y
mains() { pgrep -f '^httpd -f -p 8080' | sort -n | tr '\n' ' '; }
mains_are() { [ "$(mains)" = "$1" ]; }
run_one() { orch apply -f "$WORK/pod.yaml" >/dev/null && until_true 30 n_ready_is one 1; }
drop_one() { orch delete pod one --timeout=180s >/dev/null && until_true 20 sh -c "! pgrep -x orch-pod"; }

# --- control groups: this mount namespace is the test's own
controllers_off() { # the memory controller of version 1, or everything of version 2
  if [ -d /sys/fs/cgroup/memory ]; then umount /sys/fs/cgroup/memory && lost=memory; else umount -l /sys/fs/cgroup && lost=all; fi
}
# The private mount namespace is undone by another one around the cluster's own processes.
if [ "${FAULTS_INNER:-}" != cgroups ]; then
  FAULTS_INNER=cgroups unshare --mount --propagation private sh "$0" || exit $?
else
  controllers_off || skip "no controller can be hidden here"
  start_cluster
  load_image
  if [ "$lost" = memory ]; then
    check "a missing controller is told with its remedy" until_true 10 told "memory limits are not enforced: there is no memory cgroup controller; add cgroup_enable=memory"
    check "once" [ "$(grep -c 'memory limits are not enforced' "$WORK/orchd.log")" = 1 ]
  else
    check "missing control groups are told with their remedy" until_true 10 told "mount cgroup2 on /sys/fs/cgroup"
  fi
  check "a pod with a limit runs without it" run_one
  drop_one
  stop_cluster
  exit 0
fi

# --- no resolv.conf
mount --bind /dev/null /etc/resolv.conf 2>/dev/null || :
start_cluster
load_image
check "without resolvers a pod runs" run_one
check "and finds the cluster's names" until_true 20 orch exec one -- nslookup kubernetes.default.svc.cluster.local

# --- /run emptied under the cluster: sockets, checkpoints and names are gone, containers are not
before=$(mains)
find "$RUN" -xdev -type f -delete
find "$RUN" -xdev -type s -delete
check "with the run directory emptied the containers run on" mains_are "$before"
stop_cluster
check "also without orchd" mains_are "$before"
start_cluster
check "a new orchd says that it can't reach the pod" until_true 20 told "orch-pod can't be reached any more"
made_anew() { [ "$(mains | wc -w)" = 1 ] && [ "$(mains)" != "$before" ]; }
check "and makes it anew: one of it, not two" until_true 40 made_anew
check "it becomes ready" until_true 30 n_ready_is one 1
check "and answers" until_true 20 orch exec one -- sh -c :
[ "$(mains | wc -w)" = 1 ] || fail "there are two of it"
drop_one
none() { [ -z "$(mains)" ]; }
check "it can be deleted" until_true 20 none
stop_cluster

# --- a disk that turns read-only, as after an error
if ! command -v mkfs.ext4 >/dev/null; then
  echo "skipping the read-only disk: no mkfs.ext4"
  exit 0
fi
truncate -s 64M "$WORK/disk"
mkfs.ext4 -q -O ^has_journal "$WORK/disk"
mkdir -p "$WORK/disk.d"
mount -o loop "$WORK/disk" "$WORK/disk.d" 2>/dev/null || { echo "skipping the read-only disk: no loop device"; exit 0; }
CLEANUP='clean_groups; umount -l "$WORK/disk.d"; umount -l "$WORK"'
STATE="$WORK/disk.d/state"
start_cluster
load_image
check "a pod runs on a disk" run_one
before=$(mains)
mount -o remount,abort "$WORK/disk.d" 2>/dev/null ||
  { echo "skipping the read-only disk: it can't be remounted"; orch delete pod one; stop_cluster; exit 0; }
check "on a read-only disk writes are refused" sh -c '! "$0" --socket "$1" label pod one a=b >"$2/said" 2>&1' "$ORCH_BUILD/cli/orch" "$SOCKET" "$WORK"
check "with a remedy" grep -q "read-only; remount it writable, nothing is lost\|check the disk (dmesg)" "$WORK/said"
check "containers run on" mains_are "$before"
check "reads go on" orch get pods
# An aborted file system stays so until it is mounted anew.
stop_cluster
check "without orchd too" mains_are "$before"
for pid in $(pgrep -x orch-pod); do kill -9 "$pid"; done
check "they end with their supervisors" until_true 20 none
for mount in $(awk -v run="$RUN/" 'index($2, run) == 1 {print $2}' /proc/mounts | sort -r); do umount -l "$mount"; done
until_true 20 rm -rf "$RUN" || fail "the run directory stays"
until_true 20 umount "$WORK/disk.d" || fail "somebody uses the disk still" # supervisors that are killed need a moment
mount -o loop "$WORK/disk" "$WORK/disk.d"
check "after a reboot onto the mended disk" start_cluster
check "the pod runs again" until_true 30 n_ready_is one 1
drop_one
stop_cluster
