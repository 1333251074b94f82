#!/bin/sh
# Thirty pods come and go, with volumes, services and failures among them: nothing of them is left.
. "$(dirname "$0")/cluster.sh"
. "$(dirname "$0")/pods.sh"
need jq nft ip
start_cluster
import_box box:1

groups() { for id in $(cut -d: -f2,3 /proc/self/cgroup | sed 's/:/=/'); do
  controllers=${id%%=*} path=${id#*=}
  for mount in "/sys/fs/cgroup/$controllers" /sys/fs/cgroup/unified /sys/fs/cgroup; do
    [ ! -d "$mount$path" ] || [ ! -f "$mount$path/cgroup.procs" ] || find "$mount$path" -type d -name 'pod*'
  done
done | sort -u; }
traces() { # all that pods leave
  echo "mounts $(grep -c "$WORK/[rs]" /proc/mounts || true)"
  echo "links $(ip -o link | grep -vc ' lo:\|orch0' || true)"
  echo "groups $(groups | wc -l)"
  echo "folders $(ls "$RUN/pods" "$STATE/node/pods" "$STATE/node/volumes" "$RUN/volumes" "$STATE/logs" 2>/dev/null | grep -vc ':$\|^$' || true)"
  echo "processes $(pgrep -xc orch-pod || true)"
  echo "rules $(nft list ruleset | grep -c '10\.244\.0\.[0-9]*[1-9]' || true)"
  echo "neighbours $(ip neigh show dev orch0 2>/dev/null | wc -l)"
  echo "routes $(ip route | grep -c '10\.244\.0\.[0-9]* ' || true)"
}
traces >"$WORK/before"
fds() { ls "/proc/$(pgrep -x orchd-node)/fd" | wc -l; }

round() { # round NUMBER: 30 pods
  {
    for i in $(seq 1 30); do
      case $((i % 6)) in
        0) how='command: [sh, -c, "exit 1"]' ;;
        1) how='command: [/no/such]' ;;
        2) how='command: [sleep, "1000"], readinessProbe: {tcpSocket: {port: 1}, periodSeconds: 1}' ;;
        *) how='command: [httpd, -f, -p, "8080"], readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}, lifecycle: {preStop: {exec: {command: ["true"]}}}' ;;
      esac
      cat <<Y
---
apiVersion: v1
kind: Pod
metadata: {name: p$i, labels: {app: many, kind: k$((i % 6))}}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: d, emptyDir: {}}, {name: m, emptyDir: {medium: Memory}}, {name: c, configMap: {name: c}}]
  initContainers: [{name: init, image: "box:1", command: [touch, /d/x]}]
  containers: [{name: main, image: "box:1", $how, volumeMounts: [{name: d, mountPath: /d}, {name: d, mountPath: /part, subPath: part}, {name: m, mountPath: /m}, {name: c, mountPath: /c}]}]
Y
    done
    printf -- '---\napiVersion: v1\nkind: Service\nmetadata: {name: many}\nspec: {selector: {app: many}, ports: [{port: 80, targetPort: 8080}]}\n'
    printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n'
  } | sed 's|command: \[touch, /d/x\]|command: ["true"]|' | apply
  check "round $1: fifteen pods become ready" until_true 40 n_ready_is many 15
  n_started() { [ "$(orch get pods -l app=many -o json | jq '[.items[] | select(.status.podIP)] | length')" = 30 ]; }
  check "all have started" until_true 20 n_started
  held() { for pid in $(pgrep -x orch-pod); do ls -l "/proc/$pid/fd" 2>/dev/null; done | grep -c 'mnt:\['; }
  holds_what_runs() { [ "$(held)" = 20 ]; }
  check "mounts are held of the twenty containers that run, not of those that ended" until_true 20 holds_what_runs
  orch delete -f "$WORK/apply.yaml" --timeout=180s >/dev/null || fail "delete"
  clean() { traces >"$WORK/after"; cmp -s "$WORK/before" "$WORK/after"; }
  until_true 30 clean || { diff "$WORK/before" "$WORK/after" >&2 || true; groups >&2; grep "$WORK/[rs]" /proc/mounts >&2; ls "$RUN/pods" "$STATE/node/pods" "$RUN/volumes" "$STATE/logs" >&2; nft list ruleset | grep '10\.244\.0\.[0-9]*[1-9]' >&2; fail "round $1 leaves traces"; }
  echo "ok - round $1: mounts, links, groups, folders, logs, processes and rules are as before"
}
round 1
fds_before=$(fds)
round 2
few_fds() { [ "$(fds)" -le $((fds_before + 2)) ]; }
check "no descriptor is left open in the node" until_true 20 few_fds
stop_cluster
