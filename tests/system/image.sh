#!/bin/sh
# The image store through its program: every kind of archive goes in whole, or not at all.
. "$(dirname "$0")/lib.sh"
need_root
need python3 tar gzip
IMAGE="$ORCH_BUILD/daemon/image/orch-image"
STORE="$WORK/store"
orch_image() { "$IMAGE" --store "$STORE" "$@"; }
refuses() { # refuses "words expected" args...: fails, says so, leaves the store as it was
  words=$1; shift
  before=$(find "$STORE" | sort)
  if out=$(orch_image "$@" 2>&1); then fail "accepted: $*"; fi
  case $out in *"$words"*) ;; *) fail "expected \"$words\", got: $out" ;; esac
  [ "$(printf '%s\n' "$out" | wc -l)" = 1 ] || fail "more than one line: $out"
  [ "$(find "$STORE" | sort)" = "$before" ] || fail "left something behind: $*"
}

python3 "$SRC/tests/system/make_images.py" "$WORK" || fail "cannot make the test images"

check "an OCI layout folder loads" orch_image load "$WORK/layout"
check "an OCI archive loads from standard input" sh -c '"$0" --store "$1" load --name fromtar:1 <"$2"' "$IMAGE" "$STORE" "$WORK/oci.tar"
check "a docker save archive loads" orch_image load "$WORK/docker.tar"
check "an index with several architectures gives this machine's" orch_image load "$WORK/multi.tar"
check "a root file system is imported" orch_image import --name rootfs:1 --config '{"Cmd":["/bin/x"]}' "$WORK/rootfs.tar.gz"
orch_image list >"$WORK/list"
for name in two:1 fromtar:1 docker:a docker:b multi:latest rootfs:1; do
  grep -q "\"$name\"" "$WORK/list" || fail "$name is not in the list: $(cat "$WORK/list")"
done
echo "ok - the list names them all"

upper=$(python3 - "$STORE" <<'P'
import json, glob, sys
for f in glob.glob(sys.argv[1] + '/images/*.json'):
    r = json.load(open(f))
    if len(r['layers']) == 2:
        print(r['layers'][1][7:])
        break
P
)
check "a whiteout is a character device 0:0" sh -c '[ "$(stat -c %F,%t,%T "$0")" = "character special file,0,0" ]' "$STORE/layers/$upper/gone"
check "an opaque folder is marked" sh -c 'python3 -c "import os,sys; sys.exit(os.getxattr(sys.argv[1], \"trusted.overlay.opaque\") != b\"y\")" "$0"' "$STORE/layers/$upper/opaque"
check "owners, modes and hard links are kept" sh -c '[ "$(stat -c %u:%g:%a:%h "$0")" = 1000:100:4755:2 ]' "$STORE/layers/$upper/owned"
check "overlay attributes of an archive are not taken" sh -c '! python3 -c "import os,sys; os.getxattr(sys.argv[1], \"trusted.overlay.redirect\")" "$0" 2>/dev/null' "$STORE/layers/$upper/sneaky"
check "a link out of the root stays inside" sh -c '[ ! -e /tmp/orch-escaped ] && [ -e "$0/tmp/orch-escaped" ]' "$STORE/layers/$upper"
check "device nodes are left out" sh -c '[ ! -e "$0" ]' "$STORE/layers/$upper/dev-node"

refuses "checksum" load "$WORK/bad-digest.tar"
refuses "checksum of the unpacked layer" load "$WORK/bad-diffid.tar"
refuses "forbidden path" load "$WORK/dotdot.tar"
refuses "numbers of layers" load "$WORK/bad-count.tar"
refuses "no image inside" load "$WORK/rootfs.tar.gz"
refuses "no image for linux/" load "$WORK/foreign.tar"
refuses "cut short" load "$WORK/cut.tar"
refuses "name" load "$WORK/nameless.tar"
refuses "is not an image reference" import --name 'UPPER Case' "$WORK/rootfs.tar.gz"
echo "ok - damaged, hostile and nameless archives are refused in one sentence"

id=$(python3 -c 'import json,sys; print([i["id"] for i in json.load(open(sys.argv[1]))["images"] if "rootfs:1" in i["names"]][0])' "$WORK/list")
refuses "is used by a pod" remove rootfs:1 --in-use "$id"
refuses "is not on this node" remove nosuch:1
for name in two:1 fromtar:1 docker:a docker:b multi rootfs:1; do
  check "$name is removed" sh -c '"$0" --store "$1" remove "$2" >/dev/null' "$IMAGE" "$STORE" "$name"
done
[ -z "$(find "$STORE/layers" "$STORE/images" "$STORE/references" "$STORE/tmp" -mindepth 1)" ] || fail "removal left files: $(find "$STORE")"
echo "ok - nothing is left"

# Killed at any moment, an image is whole or absent, and the next run cleans up.
i=0
while [ $i -lt 25 ]; do
  "$IMAGE" --store "$STORE" load "$WORK/big.tar" >/dev/null 2>&1 & pid=$!
  sleep "0.0$((i % 10))$((i % 7))"
  kill -9 "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  for f in "$STORE"/references/*; do
    [ -e "$f" ] || continue
    hex=$(cut -c8-71 "$f")
    python3 - "$STORE" "$hex" <<'P' || fail "a name without a whole image after kill $i"
import json, os, sys
store, hexid = sys.argv[1:]
record = json.load(open(f'{store}/images/{hexid}.json'))
for layer in record['layers']:
    files = [os.path.join(d, f) for d, _, fs in os.walk(f'{store}/layers/{layer[7:]}') for f in fs]
    assert len(files) == 2000, len(files)
P
  done
  i=$((i + 1))
done
echo "ok - 25 kills left no half image"
check "after them the same image loads" orch_image load "$WORK/big.tar"
check "and nothing unfinished is left" sh -c '[ -z "$(ls -A "$0/tmp")" ]' "$STORE"
