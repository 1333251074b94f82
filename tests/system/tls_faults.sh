#!/bin/sh
# Clients over TLS that mean no good: crowds, and readers that don't read. Memory stays bounded and comes back, and others go on.
. "$(dirname "$0")/cluster.sh"
need python3
python3 -c 'import yaml' 2>/dev/null || skip "needs python3-yaml"
start_cluster
python3 "$(dirname "$0")/tls_faults.py" "$STATE/admin.kubeconfig" "$(pgrep -x orchd-server)" || fail "clients over TLS that mean no good"
stop_cluster
