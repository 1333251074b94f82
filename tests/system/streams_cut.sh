#!/bin/sh
# A client whose link is cut, in a network namespace of its own: its streams end on the server and on the node, and what they had started
# in the pod ends, too. With kubectl 1.28 (SPDY) where it is: ${ORCH_CLIENTS:-.cache/clients} (scripts/fetch-clients).
. "$(dirname "$0")/cluster.sh"
. "$(dirname "$0")/pods.sh"
need jq python3 nft ip
CLIENTS=${ORCH_CLIENTS:-$SRC/.cache/clients}
start_cluster
import_box box:1
apply <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: main, image: "box:1", command: [sh, -c, "mkdir -p /srv/www; exec httpd -f -p 127.0.0.1:8080 -h /srv/www"]}
  - {name: side, image: "box:1", stdin: true, command: [sh, -c, "while read line; do echo got $line; done; sleep 1000"]}
Y
check "the pod runs" until_true 20 pod_ready p
SERVER=$(pgrep -x orchd-server) NODE=$(pgrep -x orchd-node)
fds() { ls "/proc/$1/fd" | wc -l; }
n_commands() { pgrep -x cat | wc -l; }
orch get pods >/dev/null
SERVER_FDS=$(fds "$SERVER") NODE_FDS=$(fds "$NODE")
settled() { [ "$(fds "$SERVER")" -le $((SERVER_FDS + 2)) ] && [ "$(fds "$NODE")" -le $((NODE_FDS + 2)) ] && [ "$(n_commands)" = 0 ]; }
python3 - "$STATE/admin.kubeconfig" "$WORK/admin.json" <<'P' || skip "needs python3-yaml"
import json, sys, yaml
json.dump(yaml.safe_load(open(sys.argv[1])), open(sys.argv[2], "w"))
P

# ---- a namespace far away, and what is in it
unshare -n sleep 10000 &
FAR=$!
CLEANUP="kill -9 $FAR 2>/dev/null; $CLEANUP"
far_is_apart() { [ "$(readlink /proc/$FAR/ns/net)" != "$(readlink /proc/self/ns/net)" ]; }
until_true 5 far_is_apart || fail "no namespace"
ip link add near0 type veth peer name far0 netns "$FAR"
ip addr add 10.99.0.1/24 dev near0
ip link set near0 up
nsenter -n -t "$FAR" ip addr add 10.99.0.2/24 dev far0
nsenter -n -t "$FAR" ip link set far0 up
nsenter -n -t "$FAR" python3 "$SRC/tests/system/cut_peer.py" 10.99.0.1 "$WORK/admin.json" >"$WORK/far" 2>&1 &
PEER=$!
CLEANUP="kill -9 $PEER 2>/dev/null; $CLEANUP"
until_true 20 grep -q open "$WORK/far" || { cat "$WORK/far" >&2; fail "the far client can't open its streams"; }
WANT=1
if [ -x "$CLIENTS/1.28/kubectl" ]; then
  sleep 10000 | nsenter -n -t "$FAR" "$CLIENTS/1.28/kubectl" --cache-dir "$WORK/cache" --kubeconfig "$STATE/admin.kubeconfig" \
    --server https://10.99.0.1:6443 --tls-server-name localhost exec -i p -c main -- cat >"$WORK/kubectl" 2>&1 &
  WANT=2
else
  echo "SKIPPED: no kubectl 1.28 for SPDY: scripts/fetch-clients"
fi
all_run() { [ "$(n_commands)" = $WANT ]; }
check "commands run for clients far away" until_true 20 all_run
check "which hold descriptors" [ "$(fds "$SERVER")" -ge $((SERVER_FDS + 3)) ]

# ---- the cut
printf 'table inet cut {\n chain in { type filter hook input priority 0; drop\n }\n chain out { type filter hook output priority 0; drop\n }\n}\n' | nsenter -n -t "$FAR" nft -f -
check "when the link is cut all of it ends: commands, connections, both sides" until_true 150 settled
check "the pod is as it was" pod_ready p
stop_cluster
