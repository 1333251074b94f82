#!/bin/sh
# Readers of logs over TLS that stop reading: memory stays bounded in server and node, who writes and who reads besides go on.
. "$(dirname "$0")/cluster.sh"
. "$(dirname "$0")/pods.sh"
need python3 jq
python3 -c 'import yaml' 2>/dev/null || skip "needs python3-yaml"
start_cluster
import_box box:1
apply <<'Y'
apiVersion: v1
kind: ConfigMap
metadata: {name: orders}
data: {order: first}
---
apiVersion: v1
kind: Pod
metadata: {name: chatty}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: orders, configMap: {name: orders}}]
  containers:
  - name: main
    image: box:1
    volumeMounts: [{name: orders, mountPath: /orders}]
    command:
    - sh
    - -c
    - |
      done=
      while :; do
        order=$(cat /orders/order)
        if [ "$order" != "$done" ]; then
          case $order in first) n=20000000 ;; second) n=2000000 ;; *) n=60000000 ;; esac
          yes 0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqr | head -n $((n / 65))
          echo "$order"
          done=$order
        fi
        sleep 0.1
      done
Y
check "a pod that writes much runs" until_true 20 pod_ready chatty
python3 "$(dirname "$0")/slow_logs.py" "$STATE/admin.kubeconfig" "$(pgrep -x orchd-server)" "$(pgrep -x orchd-node)" || { orchd_log 20 >&2; fail "readers of logs that stop"; }
check "the pod is as it was" pod_ready chatty
stop_cluster
