#!/bin/sh
# A daemon that was started behind chroot (an installer, a rescue system): its containers see their own root, exec included.
. "$(dirname "$0")/cluster.sh"
need jq chroot
TREE="$WORK/tree"
mkdir "$TREE"
mount --bind / "$TREE"
for dir in proc sys dev run tmp; do mount --rbind "/$dir" "$TREE/$dir"; done
mount --rbind "$WORK" "$TREE$WORK" 2>/dev/null || true
case $ORCH_BUILD in /tmp/* | /run/* | /dev/*) ;; *) [ -e "$TREE$ORCH_BUILD" ] || mount --bind "$ORCH_BUILD" "$TREE$ORCH_BUILD" ;; esac
rm -f "$WORK/ready"
mkfifo "$WORK/ready"
chroot "$TREE" "$ORCH_BUILD/daemon/orchd" --state-dir="$STATE" --run-dir="$RUN" --libexec-dir="$LIBEXEC" --node-name=node-1 --ready-fd=9 \
  >>"$WORK/orchd.log" 2>&1 9>"$WORK/ready" &
ORCHD=$!
read -r line <"$WORK/ready" || fail "orchd did not start behind chroot"
load_image
check "apply" orch apply -f "$SRC/manifests/user-service.yaml"
check "pods become ready" until_true 30 n_ready_is user-service 3
pod=$(first_pod user-service)
# var is there for the token of the pod's account.
check "exec sees the container's root" sh -c '[ "$("$0" --socket "$1" exec "$2" -- ls /)" = "$(printf "bin\ndev\netc\nproc\nsys\ntmp\nvar\nwww")" ]' "$ORCH_BUILD/cli/orch" "$SOCKET" "$pod"
main=$(pgrep -f '^httpd -f -p 8080' | head -1)
check "the container's root is the root of its mounts" sh -c '[ "$(awk "\$5 == \"/\"" "/proc/$0/mountinfo" | wc -l)" = 1 ] && ! grep -q "$1" "/proc/$0/mountinfo"' "$main" "$STATE/server"
check "delete" orch delete -f "$SRC/manifests/user-service.yaml" --timeout=180s
stop_cluster
