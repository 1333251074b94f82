#!/bin/sh
# A store as the first versions made it: layers without recipes, no blobs, no pins, records without manifest. It opens and runs; what can't
# be done with it says what to do, and that helps.
. "$(dirname "$0")/cluster.sh"
need jq python3
IMAGE="$ORCH_BUILD/daemon/image/orch-image"
"$SRC/scripts/make-user-service-image" "$WORK/image.tar" >/dev/null || fail "cannot make the image"
mkdir -p "$STATE/images/layers" "$STATE/images/images" "$STATE/images/references" "$STATE/images/tmp"
mkdir "$WORK/dir" && tar -C "$WORK/dir" -xf "$WORK/image.tar"
python3 - "$WORK/dir" "$STATE/images" <<'END' || fail "cannot make the store"
import hashlib, json, os, sys, tarfile, io
source, store = sys.argv[1:]
config_text = open(f"{source}/config.json", "rb").read()
layers, total = [], 0
for layer in json.load(open(f"{source}/manifest.json"))[0]["Layers"]:
    data = open(f"{source}/{layer}", "rb").read()
    digest = hashlib.sha256(data).hexdigest()
    with tarfile.open(fileobj=io.BytesIO(data)) as t:
        size = sum(m.size for m in t if m.isreg())
        t.extractall(f"{store}/layers/{digest}", numeric_owner=True)
    open(f"{store}/layers/{digest}.size", "w").write(str(size))
    layers.append("sha256:" + digest)
    total += size
image = "sha256:" + hashlib.sha256(config_text).hexdigest()
record = {"id": image, "layers": layers, "config": json.loads(config_text), "sizeBytes": total}
open(f"{store}/images/{image[7:]}.json", "w").write(json.dumps(record, separators=(",", ":")))
for name in "user-service:1.0", "old.example/team/app:1":
    open(f"{store}/references/" + name.replace("/", "%2F"), "w").write(image + "\n")
END
start_cluster
says() { words=$1; shift; if orch "$@" >"$WORK/said" 2>&1; then fail "done: $*"; fi; grep -q -- "$words" "$WORK/said" || fail "expected \"$words\": $(cat "$WORK/said")"; }
check "both names are listed" [ "$(orch image ls -o json | jq -c '.[0].images[0].names')" = '["old.example/team/app:1","user-service:1.0"]' ]
check "it can be looked at" [ "$(orch image inspect user-service:1.0 | jq -r '.[0].Config.Cmd[0]')" = /bin/user-service ]
orch apply -f "$SRC/manifests/user-service.yaml" >/dev/null || fail "apply"
check "it runs" until_true 60 n_ready_is user-service 3
orch image check --deep >"$WORK/said" || fail "check"
check "what has no recipe isn't damaged" grep -q " 0 damaged" "$WORK/said"
says "load its archive again, or remove the image and pull it" image save user-service:1.0 -o "$WORK/a.tar"
says "load its archive again, or remove the image and pull it" image push old.example/team/app:1 --to 127.0.0.1:9/team/app:1
inode() { stat -c %i "$STATE/images/layers"/*/bin/user-service; }
before=$(inode)
orch image load "$WORK/image.tar" >/dev/null || fail "load"
check "loading it again leaves the files alone that pods use" [ "$(inode)" = "$before" ]
orch image save user-service:1.0 -o "$WORK/a.tar" || fail "save after the load"
mkdir "$WORK/a" && tar -C "$WORK/a" -xf "$WORK/a.tar"
check "now it can be saved, its layer byte by byte the same" cmp "$WORK/dir/layer.tar" "$WORK/a/$(jq -r '.[0].Layers[0]' "$WORK/a/manifest.json")"
check "and the other name is still there" sh -c '"$0" --socket "$1" image inspect old.example/team/app:1 >/dev/null' "$ORCH_BUILD/cli/orch" "$SOCKET"
check "what runs goes on" n_ready_is user-service 3
says "used by a pod" image rm user-service:1.0
orch delete deployment user-service >/dev/null || fail "delete"
check "pods are gone" until_true 30 sh -c '[ -z "$("$0" --socket "$1" get pods -o name 2>/dev/null)" ]' "$ORCH_BUILD/cli/orch" "$SOCKET"
orch image rm user-service:1.0 >/dev/null && orch image rm old.example/team/app:1 >/dev/null || fail "rm"
check "the old layer goes with its image" [ -z "$(ls "$STATE/images/layers")" ]
stop_cluster
