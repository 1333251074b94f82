#!/bin/sh
# Layers come from a neighbour's store before they come from the registry, and from the registry when the neighbour hasn't got them, lies, is cut or
# is gone. Two stores, a process that serves the one and one that pulls into the other.
. "$(dirname "$0")/registry.sh"
python3 "$SRC/tests/system/make_images.py" "$WORK" || fail "cannot make the test images"
start_registry 5000
cat >"$WORK/registries.yaml" <<Y
registries:
- host: 127.0.0.1:5000
  plainHTTP: true
Y
push_image "oci:$WORK/layout" 5000/team/two:1
python3 "$SRC/tests/system/put_image.py" 127.0.0.1:5000 team/other 1 zstd || fail "cannot put another image"
NAME=127.0.0.1:5000/team/two
GIVER="$WORK/giver"
SERVER=
serve() { # serve STORE: answers on $WORK/peer.sock
  "$IMAGE" --store "$1" serve "$WORK/peer.sock" >"$WORK/ready" 2>"$WORK/serve.log" &
  SERVER=$!
  until_true 10 grep -q ready "$WORK/ready" || fail "serve: $(cat "$WORK/serve.log")"
}
unserve() { kill "$SERVER"; wait "$SERVER" 2>/dev/null || true; }
from_peers() { [ "$(jq '.images[0].fromPeers' "$WORK/out")" = "$1" ]; }
fetched() { jq '.images[0].fetched' "$WORK/out"; }
tree() { (cd "$1/layers" && find . -not -name '*.recipe' -printf '%P %y %m %U %G %s %l\n' | grep -v ' d ' | sort; find . -type f -not -name '*.recipe' -exec sha256sum {} + | sort); }

"$IMAGE" pull --store "$GIVER" --registries "$WORK/registries.yaml" "$NAME:1" >"$WORK/out" || fail "the first pull"
from_peers 0 || fail "nobody was there to give"
n=$(fetched)
[ "$n" -ge 2 ] || fail "the test wants an image with layers, it has $n"
digest=$(jq -r '.images[0].digest' "$WORK/out")
echo precious >"$WORK/file"
refuses "Address already in use" "$IMAGE" --store "$GIVER" serve "$WORK/file"
check "a file isn't taken for an old socket" grep -q precious "$WORK/file"
serve "$GIVER"

pull --peer "$WORK/peer.sock" "$NAME:1" >"$WORK/out" || fail "pull with a neighbour"
from_peers "$n" || fail "not all layers came from the neighbour: $(cat "$WORK/out")"
echo "ok - all layers come from the neighbour"
[ "$(tree "$GIVER")" = "$(tree "$STORE")" ] || fail "the files differ"
echo "ok - every file is the same"
check "what came can be given again" "$IMAGE" --store "$STORE" check --deep
new_store
"$IMAGE" pull --store "$STORE" --registries "$WORK/registries.yaml" --peer "$WORK/none.sock" --peer "$WORK/peer.sock" "$NAME:1" >"$WORK/out" || fail "pull with two neighbours"
from_peers "$n" || fail "the second neighbour wasn't asked: $(cat "$WORK/out")"
echo "ok - a neighbour that is gone is passed over for the next"

# Without the registry: a digest says all, a tag only its registry knows.
sed 's/5000/9/' "$WORK/registries.yaml" >"$WORK/nowhere.yaml"
new_store
"$IMAGE" pull --store "$STORE" --registries "$WORK/nowhere.yaml" --peer "$WORK/peer.sock" "127.0.0.1:9/team/two@$digest" >"$WORK/out" || fail "a digest without a registry"
from_peers "$n" || fail "not from the neighbour"
echo "ok - an image by digest comes without any registry"
refuses "connection refused" "$IMAGE" pull --store "$STORE" --registries "$WORK/nowhere.yaml" --peer "$WORK/peer.sock" 127.0.0.1:9/team/two:1
echo "ok - a tag is nothing that a neighbour may say"

new_store
pull --peer "$WORK/peer.sock" 127.0.0.1:5000/team/other:1 >"$WORK/out" || fail "an image that the neighbour hasn't got"
from_peers 0 || fail "the neighbour gave what it hasn't: $(cat "$WORK/out")"
echo "ok - what the neighbour hasn't got comes from the registry"

# What it is asked is a digest and nothing else.
status() { curl -s --path-as-is --max-time 10 -o /dev/null -w '%{http_code}' --unix-socket "$WORK/peer.sock" "$@"; }
for path in / /v1/blobs/ /v1/blobs/../../../etc/passwd "/v1/layers/sha256:../../x" /v2/ "/v1/blobs/$digest/x"; do
  [ "$(status "http://neighbour$path")" = 400 ] || fail "$path was not refused"
done
[ "$(status -X POST "http://neighbour/v1/blobs/$digest")" = 400 ] || fail "POST was not refused"
[ "$(status "http://neighbour/v1/blobs/$digest")" = 200 ] || fail "a manifest isn't given"
[ "$(status "http://neighbour/v1/blobs/sha256:0000000000000000000000000000000000000000000000000000000000000000")" = 404 ] || fail "a strange blob"
[ "$(status "http://neighbour/v1/layers/$digest")" = 404 ] || fail "a strange layer"
echo "ok - the neighbour refuses what is no digest"

# A file of the giver's is damaged: its tar is cut, or has another sum.
big=$(find "$GIVER/layers" -type f -path '*/*/*' -not -path '*.kept/*' -size +0 | head -1)
[ -n "$big" ] || fail "no file to damage"
cp -a "$big" "$WORK/kept"
printf X | dd of="$big" bs=1 conv=notrunc 2>/dev/null
cmp -s "$big" "$WORK/kept" && printf Y | dd of="$big" bs=1 conv=notrunc 2>/dev/null
new_store
pull --peer "$WORK/peer.sock" "$NAME:1" >"$WORK/out" || fail "pull from a damaged neighbour: $(cat "$WORK/out")"
from_peers $((n - 1)) || fail "a damaged layer was taken: $(cat "$WORK/out")"
check "a damaged layer comes from the registry, whole" "$IMAGE" --store "$STORE" check --deep
cp -a "$WORK/kept" "$big"
[ "$(tree "$GIVER")" = "$(tree "$STORE")" ] || fail "the files differ"
echo "ok - nothing of the damaged one is left"
unserve

# Neighbours that mean no good.
for how in lie cut nothing endless silent; do
  python3 "$SRC/tests/system/hostile_peer.py" "$WORK/peer.sock" "$how" >"$WORK/ready" &
  SERVER=$!
  until_true 10 grep -q ready "$WORK/ready" || fail "the hostile neighbour did not start"
  new_store
  timeout 100 "$IMAGE" pull --store "$STORE" --registries "$WORK/registries.yaml" --peer "$WORK/peer.sock" "$NAME@$digest" >"$WORK/out" || fail "a neighbour can make a pull fail: $how"
  from_peers 0 || fail "something was taken from a liar: $how"
  [ "$(tree "$GIVER")" = "$(tree "$STORE")" ] || fail "the files differ: $how"
  unserve
  echo "ok - a neighbour that does this spoils nothing: $how"
done
check "nothing unfinished is left" sh -c '[ -z "$(find "$0/tmp" -mindepth 1)" ]' "$STORE"
