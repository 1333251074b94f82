#!/bin/sh
# What people do with the images of a node, through the command line, the server and the node: orch image ls, inspect, tag, pin, prune, …
. "$(dirname "$0")/cluster.sh"
need jq skopeo
start_cluster
load_image
name=$(orch image ls -o json | jq -r '.[0].images[0].names[0]')
id=$(orch image ls -q | head -1)
[ -n "$name" ] && [ "$id" = "$(orch image inspect "$name" | jq -r '.[0].Id')" ] || fail "ls and inspect differ"
echo "ok - ls has names and IDs, inspect the same"
has() { orch image inspect "$1" >/dev/null; }
refuses() { words=$1; shift; if orch "$@" >"$WORK/said" 2>&1; then fail "accepted: $*"; fi; grep -q -- "$words" "$WORK/said" || fail "expected \"$words\": $(cat "$WORK/said")"; }
refuses "is not on this node" image inspect nosuch:1
refuses "is no\|not an image reference" image tag "$name" 'UPPER Case'
refuses "takes no names" image prune x
check "history has its columns" sh -c '"$0" --socket "$1" image history "$2" | head -1 | grep -q "CREATED  *CREATED BY"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$name"
orch image tag "$name" again.example/team/app:2 || fail "tag"
check "a tag is a name of the same image" [ "$(orch image inspect again.example/team/app:2 | jq -r '.[0].Id')" = "$id" ]
orch image pin again.example/team/app:2 || fail "pin"
refuses "orch image unpin" image rm again.example/team/app:2
check "a pinned image says so" [ "$(orch image inspect "$name" | jq -r '.[0].Pinned')" = true ]
orch image prune --all >"$WORK/said" || fail "prune"
check "prune leaves what is pinned" has "$name"
orch image check --deep >"$WORK/said" || fail "check"
check "the deep check finds nothing" grep -q " 0 damaged" "$WORK/said"

orch image save "$name" again.example/team/app:2 -o "$WORK/a.tar" || fail "save"
check "skopeo reads what is saved" sh -c 'skopeo inspect --raw "docker-archive:$0:again.example/team/app:2" >/dev/null' "$WORK/a.tar"
orch image save "$name" --format oci-archive >"$WORK/o.tar" || fail "save to a pipe"
check "and the other form, too" sh -c 'skopeo inspect --raw "oci-archive:$0" >/dev/null' "$WORK/o.tar"
refuses "unknown format" image save "$name" --format zip -o "$WORK/z"
refuses "is not on this node" image save nosuch:1 -o "$WORK/z"
[ ! -e "$WORK/z" ] || fail "a failed save left a file"
orch image unpin again.example/team/app:2 || fail "unpin"
orch image prune -a >"$WORK/said" || fail "prune"
check "unpinned and unused it goes" [ "$(orch image ls -q | wc -l)" = 0 ]
orch image load "$WORK/a.tar" >/dev/null || fail "load"
check "what was saved loads, with the same ID" [ "$(orch image inspect again.example/team/app:2 | jq -r '.[0].Id')" = "$id" ]
orch image tag "$id" "$name" || fail "tag by ID"
orch apply -f "$SRC/manifests/user-service.yaml" >/dev/null || fail "apply"
check "and runs" until_true 30 n_ready_is user-service 3
orch image prune -a >/dev/null || fail "prune"
check "prune spares what pods use" has "$id"
stop_cluster
