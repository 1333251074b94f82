#!/bin/sh
# orch image mount: an image of this machine's node as a read-only folder, which nothing collects.
. "$(dirname "$0")/cluster.sh"
need jq python3
IMAGE="$ORCH_BUILD/daemon/image/orch-image"
start_cluster
load_image
name=$(orch image ls -o json | jq -r '.[0].images[0].names[0]')
id=$(orch image inspect "$name" | jq -r '.[0].Id')
refuses() { words=$1; shift; if orch "$@" >"$WORK/said" 2>&1; then fail "accepted: $*"; fi; grep -q -- "$words" "$WORK/said" || fail "expected \"$words\": $(cat "$WORK/said")"; }

path=$(orch image mount "$name") || fail "mount"
check "the image's files are there, the layers' folders in one" [ -x "$path/bin/user-service" ]
check "nobody writes there" sh -c '! touch "$0/x" 2>/dev/null' "$path"
check "nor are devices or rights of files in force" sh -c 'grep -q " $0 ro,nosuid,nodev" /proc/self/mountinfo' "$path"
check "the same again is the same place" [ "$(orch image mount "$id")" = "$path" ]
mkdir "$WORK/here at"
check "another place is printed as it is" [ "$(cd "$WORK" && orch image mount "$name" "here at")" = "$WORK/here at" ]
check "and shows the same" [ "$(ls "$WORK/here at")" = "$(ls "$path")" ]
orch image mount >"$WORK/said" || fail "list"
check "both are listed" [ "$(grep -c "^$name  *$WORK/" "$WORK/said")" = 2 ]
check "ls tells them, too" [ "$(orch image ls -o json | jq -c '[.[0].images[].mounts[]?] | sort')" = "$(jq -cn '[$ARGS.positional[]] | sort' --args "$path" "$WORK/here at")" ]

refuses "is mounted at" image rm "$name"
refuses "is not on this node" image mount nosuch:1
refuses "isn't on this machine" image mount "$name" --node elsewhere
refuses "cannot use" image mount "$name" "$WORK/nosuch"
refuses "no image is mounted at" image unmount "$WORK"
orch image prune --all >/dev/null || fail "prune"
orch image inspect "$name" >/dev/null || fail "prune took a mounted image"
"$IMAGE" --store "$STATE/images" gc --high 0 --low 0 --min-age 0 | jq -e '.removed == []' >/dev/null || fail "a mounted image was collected"
rm "$STATE"/images/references/* # as if a newer image had taken all names
check "a nameless image is listed while it is mounted" [ "$(orch image ls --filter dangling=true -q)" = "$id" ]
orch image prune >/dev/null || fail "prune"
check "and its layers stay" sh -c 'ls "$0" | grep -q .' "$path"
orch image tag "$id" "$name" || fail "tag"

stop_cluster
start_cluster
check "a restart of the node leaves mounts alone" [ "$(orch image mount | grep -c "$WORK/")" = 2 ]
refuses "is mounted at" image rm "$name"
(cd "$path" && refuses "is in use" image unmount "$path") || exit 1
(cd "$WORK" && orch image unmount "./here at") >"$WORK/said" || fail "unmount: $(cat "$WORK/said")"
check "one place is unmounted" [ "$(cat "$WORK/said")" = "$WORK/here at" ] && [ -z "$(ls "$WORK/here at")" ]
orch image unmount "$name" >"$WORK/said" || fail "unmount"
check "the other by the image's name, and its folder goes" [ "$(cat "$WORK/said")" = "$path" ] && [ ! -e "$path" ]
refuses "is not mounted" image unmount "$name"
orch image rm "$name" >/dev/null || fail "rm"
check "now it goes" [ "$(orch image ls -q | wc -l)" = 0 ]

# More layers than mount(2) takes in one page.
python3 - "$WORK/many.tar" <<'END' || fail "cannot make the image"
import hashlib, io, json, sys, tarfile
def tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()
layers = [tar([(f"f{i}", b"%d" % i), ("last", b"%d" % i)]) for i in range(80)]
config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"many": "yes"}}, "created": "2024-01-01T00:00:00Z",
                     "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(l).hexdigest() for l in layers]}}).encode()
manifest = json.dumps([{"Config": "c.json", "RepoTags": ["many:1"], "Layers": [f"{i}.tar" for i in range(80)]}]).encode()
open(sys.argv[1], "wb").write(tar([("manifest.json", manifest), ("c.json", config)] + [(f"{i}.tar", l) for i, l in enumerate(layers)]))
END
orch image load "$WORK/many.tar" >/dev/null || fail "load"
if many=$(orch image mount many:1 2>"$WORK/said"); then
  check "80 layers are mounted, the last one above" [ "$(ls "$many" | wc -l) $(cat "$many/last") $(cat "$many/f0")" = "81 79 0" ]
  orch image unmount "$many" >/dev/null || fail "unmount"
else
  grep -q "this kernel takes about" "$WORK/said" || fail "$(cat "$WORK/said")"
  echo "ok - 80 layers are too many for this kernel, which is said"
fi
many_id=$(orch image ls -q)
check "labels choose" [ "$(orch image ls -q --filter label=many=yes)" = "$many_id" ] && [ -z "$(orch image ls -q --filter label=few)" ]
check "names choose" [ "$(orch image ls -q -f reference='m*:1')" = "$many_id" ] && [ -z "$(orch image ls -q -f reference=few)" ]
check "whole IDs on request" sh -c '"$0" --socket "$1" image ls --no-trunc | grep -q "$2"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$many_id"
check "digests have a column" sh -c '"$0" --socket "$1" image ls --digests | grep -q "^NAME  *DIGEST  *ID  *SIZE"' "$ORCH_BUILD/cli/orch" "$SOCKET"
refuses "are known" image ls --filter size=3
stop_cluster
