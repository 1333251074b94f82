#!/bin/sh
# What the node does with images by itself: archives in STATE/images.d are loaded at start and pinned; when the disk fills, images go that
# nobody needs, and only those.
. "$(dirname "$0")/cluster.sh"
need jq python3
IMAGE="$ORCH_BUILD/daemon/image/orch-image"
STORE="$WORK/store"
answer_is() { jq -e "$1" "$WORK/said" >/dev/null; }
run() { "$IMAGE" --store "$STORE" "$@"; }
mkdir "$WORK/made" && python3 "$SRC/tests/system/make_images.py" "$WORK/made" || fail "cannot make the images"

mkdir "$WORK/folder"
cp "$WORK/made/docker.tar" "$WORK/folder/a.tar"
cp "$WORK/made/cut.tar" "$WORK/folder/b.tar"
printf x >"$WORK/folder/notes.txt"
run sync "$WORK/folder" >"$WORK/said" || fail "sync"
check "good archives are loaded, a bad one is named" answer_is '.loaded == ["a.tar"] and (.failed | length) == 1 and .failed[0].file == "b.tar"'
rm "$WORK/folder/b.tar"
run sync "$WORK/folder" >"$WORK/said" || fail "sync again"
check "what hasn't changed isn't loaded again" answer_is '.loaded == [] and .unchanged == 1'
check "it is pinned" sh -c '! "$0" --store "$1" remove docker:a 2>/dev/null' "$IMAGE" "$STORE"
id=$(run inspect docker:a | jq -r .Id)
rm -r "$STORE/layers/$(run inspect docker:a | jq -r '.RootFS.Layers[0]' | cut -c8-)"
run sync "$WORK/folder" >"$WORK/said" || fail "sync of a damaged image"
check "an image that lost a layer is loaded again" answer_is '.loaded == ["a.tar"]'
rm "$WORK/folder/a.tar"
run sync "$WORK/folder" >/dev/null || fail "sync of nothing"
check "what left the folder isn't pinned any more" [ "$(run inspect docker:a | jq .Pinned)" = false ]

run load "$WORK/made/multi.tar" >/dev/null && run import --name old:1 "$WORK/made/rootfs.tar.gz" >/dev/null || fail "load"
touch -d '2 hours ago' "$STORE"/images/*.json
touch -d '5 hours ago' "$STORE/images/$(run inspect old:1 | jq -r .Id | cut -c8-).json"
run pin multi:latest >/dev/null
run gc --high 100 --low 0 >"$WORK/said" || fail "gc"
check "nothing goes while there is room" answer_is '.removed == []'
run gc --high 0 --low 0 --in-use docker:b >"$WORK/said" || fail "gc"
check "the oldest goes, not what is used by name or pinned" answer_is '.removed == ["old:1"]'
check "the used one is whole" sh -c '"$0" --store "$1" inspect docker:a >/dev/null && "$0" --store "$1" check --deep | grep -q "\"damaged\":\[\]"' "$IMAGE" "$STORE"
(
  exec 9<"$STORE/lock"
  flock -s 9
  if run gc --high 0 --low 0 >"$WORK/said" 2>&1; then fail "collected while a writer was there"; fi
  grep -q "being pulled or loaded" "$WORK/said" || fail "$(cat "$WORK/said")"
) || exit 1
echo "ok - nothing is collected while images are pulled or loaded"

mkdir -p "$WORK/state/images.d"
"$SRC/scripts/make-user-service-image" "$WORK/state/images.d/user-service.tar" >/dev/null || fail "cannot make the image"
start_cluster
orch apply -f "$SRC/manifests/user-service.yaml" >/dev/null || fail "apply"
check "a pod's image comes from the folder of archives" until_true 60 n_ready_is user-service 3
check "and is pinned" sh -c '! "$0" --socket "$1" image rm user-service:1.0 >/dev/null 2>&1' "$ORCH_BUILD/cli/orch" "$SOCKET"

# A machine that starts again looks at its images first.
orch delete deployment user-service >/dev/null || fail "delete"
check "pods are gone" until_true 30 sh -c '[ -z "$("$0" --socket "$1" get pods -o name 2>/dev/null)" ]' "$ORCH_BUILD/cli/orch" "$SOCKET"
stop_cluster
rm "$RUN/node/images-checked" || fail "no mark says that the images were looked at"
file=$(find "$STATE/images/layers" -type f -path '*/bin/*' -size +100k | head -1)
truncate -s 100 "$file"
start_cluster
check "a damaged layer is found after a start and comes again" until_true 60 sh -c '[ "$(stat -c %s "$0" 2>/dev/null)" -gt 100000 ]' "$file"
check "which is said" grep -q "a layer is damaged" "$WORK/orchd.log"
stop_cluster
