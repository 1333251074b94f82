#!/bin/sh
# The JavaScript client: node.sh 1|2 [record]
. "$(dirname "$0")/clients.sh"
NODE="$CLIENTS/npm/node_modules/.bin/node"
[ -x "$NODE" ] || skip "needs Node.js: scripts/fetch-clients"
start_api
load_tools
[ "${2:-}" != record ] || record
cp "$HERE/client_node.mjs" "$CLIENTS/npm/client_node.$$.mjs"
CLEANUP="rm -f '$CLIENTS/npm/client_node.$$.mjs'; $CLEANUP"
# The informer must live through a restart of the server: the test asks for it by a file, and is told by another.
(
  until_true 120 test -e "$WORK/restart" || exit 0
  was=$(pgrep -x orchd-server)
  kill -9 "$was"
  other() { pgrep -x orchd-server | grep -qvx "$was" && orch get namespaces; }
  until_true 30 other && touch "$WORK/restarted"
) &
KILLER=$!
if ! timeout 500 "$NODE" "$CLIENTS/npm/client_node.$$.mjs" "client-node-$1" "$WORK" >"$WORK/node.out" 2>&1; then
  cat "$WORK/node.out" >&2
  fail "the JavaScript client"
fi
cat "$WORK/node.out"
wait "$KILLER"
[ "${2:-}" != record ] || stop_recorder 35
stop_cluster
