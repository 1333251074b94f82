#!/bin/sh
# Node.status.images: what a node says of the images it has, as Kubernetes' kubelet does, and that nothing is said while nothing changes.
. "$(dirname "$0")/cluster.sh"
need jq
start_cluster
images() { field node node-1 "$1"; }
images_are() { [ "$(images "$1")" = "$2" ]; }
check "a node without images says so" until_true 10 images_are '.status.images | length' 0
load_image
name=$(orch image ls -o json | jq -r '.[0].images[0].names[0]')
size=$(orch image ls -o json | jq -r '.[0].images[0].sizeBytes')
[ "$size" -gt 0 ] || fail "the loaded image has no size"
check "what is loaded is told, with its size" until_true 10 images_are ".status.images[] | select(.names | index(\"$name\")) | .sizeBytes" "$size"
check "kubectl's way shows it" sh -c '"$0" --socket "$1" get node node-1 -o yaml | grep -q "sizeBytes: $2"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$size"
orch image tag "$name" again.example/team/app:2 || fail "tag"
names_are() { [ "$(images '[.status.images[].names[]] | sort | join(" ")')" = "$1" ]; }
check "another name comes along" until_true 10 names_are "again.example/team/app:2 $name"

# Somebody who works on the store without the node.
"$ORCH_BUILD/daemon/image/orch-image" --store "$STATE/images" remove again.example/team/app:2 >/dev/null || fail "orch-image remove"
check "what is changed without the node is seen" until_true 10 names_are "$name"

before=$(field node node-1 .metadata.resourceVersion)
mkdir "$STATE/images/layers/nothing" && rmdir "$STATE/images/layers/nothing" # a look that finds nothing new
sleep 3
check "nothing is written while nothing changes" field_is node node-1 .metadata.resourceVersion "$before"

stop_cluster
start_cluster
check "a node that comes back tells the same" until_true 10 names_are "$name"
orch delete node node-1 >/dev/null || fail "delete node"
"$ORCH_BUILD/daemon/image/orch-image" --store "$STATE/images" tag "$name" again.example/team/app:3 >/dev/null || fail "orch-image tag"
check "a node that was deleted comes back with its images" until_true 30 names_are "again.example/team/app:3 $name"
orch image rm again.example/team/app:3 >/dev/null || fail "rm"
orch image rm "$name" >/dev/null || fail "rm"
check "what is removed is told" until_true 10 images_are '.status.images | length' 0
stop_cluster
