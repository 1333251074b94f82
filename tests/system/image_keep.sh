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

# The last use counts, where a mark tells it; and younger uses than the least age stay.
run unpin multi:latest >/dev/null
hex() { run inspect "$1" | jq -r .Id | cut -c8-; }
mkdir "$WORK/used"
touch -d '3 hours ago' "$STORE"/images/*.json
touch -d '5 hours ago' "$STORE/images/$(hex docker:a).json" # came first …
touch -d '1 hour ago' "$WORK/used/$(hex docker:a)"          # … but was used last
touch "$WORK/used/$(printf '%064d' 7)" "$WORK/used/notes"
run gc --high 0 --low 0 --used "$WORK/used" --min-age 7200 >"$WORK/said" || fail "gc"
check "what was used an hour ago stays, what came three hours ago goes" answer_is '.removed | index("docker:a") == null and index("multi:latest") != null'
check "marks of images that are gone go, too" [ "$(ls "$WORK/used" | sort | tr '\n' ' ')" = "$(printf '%s\n' "$(hex docker:a)" notes | sort | tr '\n' ' ')" ]
run load "$WORK/made/multi.tar" >/dev/null || fail "load"
touch -d '3 hours ago' "$STORE"/images/*.json
run gc --high 0 --low 0 --used "$WORK/used" --min-age 0 >"$WORK/said" || fail "gc"
check "the longest unused goes first" answer_is '(.removed | index("multi:latest")) < (.removed | index("docker:a"))'
run load "$WORK/made/docker.tar" >/dev/null || fail "load"
run gc --high 0 --low 0 >"$WORK/said" || fail "gc"
check "what came a moment ago stays" answer_is '.removed == []'
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
check "the end of a pod leaves a mark in memory" until_true 30 sh -c '[ -n "$(find "$0/node/images-used" -type f -size 0)" ]' "$RUN"
check "pods are gone" until_true 30 sh -c '[ -z "$("$0" --socket "$1" get pods -o name 2>/dev/null)" ]' "$ORCH_BUILD/cli/orch" "$SOCKET"
stop_cluster
rm "$RUN/node/images-checked" || fail "no mark says that the images were looked at"
file=$(find "$STATE/images/layers" -type f -path '*/bin/*' -size +100k | head -1)
truncate -s 100 "$file"
start_cluster
check "a damaged layer is found after a start and comes again" until_true 60 sh -c '[ "$(stat -c %s "$0" 2>/dev/null)" -gt 100000 ]' "$file"
check "which is said" grep -q "a layer is damaged" "$WORK/orchd.log"
stop_cluster

# Thresholds are options; what can't be is refused before anything starts.
for bad in --image-gc-low-threshold-percent=90 --image-gc-high-threshold-percent=101 --image-minimum-gc-age=soon; do
  if timeout 20 "$ORCH_BUILD/daemon/orchd" --state-dir="$WORK/s" --run-dir="$WORK/r" "$bad" >"$WORK/said" 2>&1; then fail "accepted: $bad"; fi
  grep -q -- "${bad%%=*}" "$WORK/said" || fail "$bad: $(cat "$WORK/said")"
done
echo "ok - thresholds that can't be are refused"
start_cluster --image-gc-high-threshold-percent=70 --image-gc-low-threshold-percent=60 --image-minimum-gc-age=1h
node_is_told() { tr '\0' ' ' <"/proc/$(pgrep -x -P $ORCHD orchd-node)/cmdline" | grep -q -- "--image-gc-high-threshold-percent=70 --image-gc-low-threshold-percent=60 --image-minimum-gc-age=1h"; }
check "the node is told its thresholds" node_is_told
stop_cluster
