#!/bin/sh
# Layers of every form: unpacked as umoci does, put together again byte by byte; hostile ones refused, with nothing left and nothing outside.
. "$(dirname "$0")/lib.sh"
need_root
need python3 tar bsdtar gzip xz zstd bzip2 umoci skopeo
IMAGE="$ORCH_BUILD/daemon/image/orch-image"
STORE="$WORK/store"
python3 "$SRC/tests/system/make_layers.py" "$WORK" || fail "cannot make the layers"

# The tar inside whatever compression, for its digest.
plain() {
  case $1 in
    *.gz) gzip -dc "$1" ;; *.xz) xz -dc "$1" ;; *.zstd) zstd -dcq "$1" ;; *.bzip2) bzip2 -dc "$1" ;; *) cat "$1" ;;
  esac
}
for file in "$WORK"/good/*; do
  name=$(basename "$file" | tr 'A-Z' 'a-z' | tr -c 'a-z0-9\n' -)
  "$IMAGE" --store "$STORE" import --name "t:$name" "$file" >"$WORK/said" || fail "$name is not taken"
  hex=$(plain "$file" | sha256sum | cut -d' ' -f1)
  [ -d "$STORE/layers/$hex" ] || fail "$name: its diff ID is not the tar's digest: $(ls "$STORE/layers")"
  "$IMAGE" --store "$STORE" tar "sha256:$hex" >"$WORK/again.tar" || fail "$name can't be put together again"
  plain "$file" | cmp - "$WORK/again.tar" || fail "$name: another tar came out"
done
echo "ok - $(ls "$WORK/good" | wc -l) forms of tar go in and come out byte by byte the same"
check "all of it stands the deep check" sh -c '"$0" --store "$1" check --deep | grep -q "\"damaged\":\[\]"' "$IMAGE" "$STORE"
[ ! -e /tmp/orch-escaped ] || fail "a link led out of the layer"

# umoci's view of the same layers; of files with holes, which it doesn't read in all forms, GNU tar's.
for file in "$WORK"/good/*.tar "$WORK"/good/*.gz; do
  case $(basename "$file") in empty.tar) continue ;; esac
  rm -rf "$WORK/layout" "$WORK/bundle"
  hex=$(plain "$file" | sha256sum | cut -d' ' -f1)
  case $(basename "$file") in sparse-*)
    mkdir -p "$WORK/bundle" && tar --numeric-owner -C "$WORK/bundle" -xpf "$file" || fail "tar"
    python3 "$SRC/tests/system/compare_trees.py" "$WORK/bundle" "$STORE/layers/$hex" >"$WORK/differ.log" || fail "$(basename "$file") is unpacked differently"
    continue ;;
  esac
  umoci init --layout "$WORK/layout" && umoci new --image "$WORK/layout:x" || fail "umoci"
  plain "$file" >"$WORK/plain.tar"
  umoci raw add-layer --image "$WORK/layout:x" "$WORK/plain.tar" >/dev/null 2>&1 || fail "umoci doesn't take $file"
  umoci unpack --keep-dirlinks --image "$WORK/layout:x" "$WORK/bundle" >"$WORK/umoci.log" 2>&1 || fail "umoci doesn't unpack $file"
  python3 "$SRC/tests/system/compare_trees.py" "$WORK/bundle/rootfs" "$STORE/layers/$hex" . no no/parents a a/b tmp \
    a-folder-with-a-name $(python3 -c 'print(" ".join("/".join(["a-folder-with-a-name"] * n) for n in range(2, 31)))') >"$WORK/differ.log" ||
    fail "$(basename "$file") is unpacked differently"
done
echo "ok - files, modes, owners, links, holes, capabilities and times are those of umoci"

before=$(find "$STORE" | sort | sha256sum)
for file in "$WORK"/bad/* "$WORK/deep.tar"; do
  if "$IMAGE" --store "$STORE" import --name bad:1 "$file" >"$WORK/said" 2>&1; then fail "taken: $file"; fi
  [ "$(wc -l <"$WORK/said")" = 1 ] || fail "$file: more than one line: $(cat "$WORK/said")"
  grep -Eq "worker ended|out of memory" "$WORK/said" && fail "$file: $(cat "$WORK/said")"
  [ "$(find "$STORE" | sort | sha256sum)" = "$before" ] || fail "$file left something behind: $(find "$STORE/tmp" | head)"
  [ ! -e /tmp/orch-escaped ] || fail "$file got out"
done
echo "ok - $(ls "$WORK/bad" | wc -l) hostile layers are refused in one line, nothing is left, nothing got out"

# Bombs: endless output is cut off by the room that is left, endless input of zeros behind the end by a bound.
mkdir "$WORK/small"
unshare -m sh -c '
  mount -t tmpfs -o size=64m,nr_inodes=20000 none "$1" || exit 9
  { printf "x"; head -c 300000000 /dev/zero; } >"$2/big"; tar -C "$2" -cf - big | gzip -1 >"$2/bomb.tar.gz"; rm "$2/big"
  "$0" --store "$1/s" import --name bomb:1 "$2/bomb.tar.gz" 2>"$2/said" && exit 1
  grep -q "nearly full" "$2/said" || exit 2
  python3 -c "
import tarfile,sys
t = tarfile.open(sys.argv[1], \"w\")
for i in range(25000): t.addfile(tarfile.TarInfo(\"f%d\" % i))
t.close()" "$2/count.tar"
  "$0" --store "$1/s" import --name bomb:1 "$2/count.tar" 2>"$2/said" && exit 3
  grep -q "inodes" "$2/said" || exit 4
  [ -z "$(ls "$1/s/layers" "$1/s/tmp" | grep -v :)" ] || [ "$(find "$1/s/layers" "$1/s/tmp" -mindepth 1 | wc -l)" = 0 ] || exit 5
' "$IMAGE" "$WORK/small" "$WORK" || fail "a bomb: $? $(cat "$WORK/said")"
echo "ok - bombs of size and of count end while the disk has room, and leave nothing"

# Saved archives are what others read.
printf '{"Cmd":["/bin/x"]}' >"$WORK/config"
"$IMAGE" --store "$STORE" import --name save.example/app:1 --config '{"Cmd":["/bin/x"],"Env":["A=<b>"]}' "$WORK/good/pax.tar" >/dev/null
id=$("$IMAGE" --store "$STORE" inspect save.example/app:1 | python3 -c 'import json,sys; print(json.load(sys.stdin)["Id"])')
"$IMAGE" --store "$STORE" save save.example/app:1 t:gnu-tar >"$WORK/d.tar" || fail "save"
"$IMAGE" --store "$STORE" save --format oci-archive save.example/app:1 >"$WORK/o.tar" || fail "save"
for from in docker-archive:"$WORK/d.tar":save.example/app:1 oci-archive:"$WORK/o.tar"; do
  rm -rf "$WORK/copy"
  skopeo copy -q "$from" dir:"$WORK/copy" >"$WORK/skopeo.log" 2>&1 || fail "skopeo doesn't read $from"
  grep -q "$id" "$WORK/copy/manifest.json" || fail "$from has another ID"
done
echo "ok - docker-archive and oci-archive are read by skopeo, with the same ID"
check "and load again" sh -c 'rm -rf "$1.2"; "$0" --store "$1.2" load "$2/d.tar" >/dev/null && "$0" --store "$1.2" load "$2/o.tar" >/dev/null && "$0" --store "$1.2" inspect save.example/app:1 | grep -q "$3"' "$IMAGE" "$STORE" "$WORK" "$id"

# Damage is found, and repaired by taking the layer away.
hex=$(sha256sum <"$WORK/good/pax.tar" | cut -d' ' -f1)
damaged() { "$IMAGE" --store "$STORE" check $1 | grep -q "$2"; }
printf y | dd of="$STORE/layers/$hex/usr/bin/tool" bs=1 seek=65000 conv=notrunc 2>/dev/null
touch -d @1600000000 "$STORE/layers/$hex/usr/bin/tool"
check "a changed byte passes the quick check" damaged "" '"damaged":\[\]'
check "and is found by the deep one, which names the file" damaged --deep "usr/bin/tool"
truncate -s 10 "$STORE/layers/$hex/usr/bin/tool"
check "a short file is found by the quick check" damaged "" "usr/bin/tool has another size"
check "repair takes the layer away" damaged --repair "usr/bin/tool"
check "the image is absent then" sh -c '! "$0" --store "$1" inspect save.example/app:1 2>"$2/said" && grep -q "load it again" "$2/said"' "$IMAGE" "$STORE" "$WORK"
"$IMAGE" --store "$STORE" import --name save.example/app:1 --config '{"Cmd":["/bin/x"],"Env":["A=<b>"]}' "$WORK/good/pax.tar" >/dev/null
check "and whole when it has come again" damaged --deep '"damaged":\[\]'

# Names and pins.
run() { "$IMAGE" --store "$STORE" "$@"; }
run tag save.example/app:1 other:2 >/dev/null && run pin other:2 >/dev/null || fail "tag and pin"
check "a pinned name isn't removed" sh -c '! "$0" --store "$1" remove other:2 2>"$2/said" && grep -q "orch image unpin" "$2/said"' "$IMAGE" "$STORE" "$WORK"
run prune --all >/dev/null || fail "prune"
check "prune leaves what is pinned" [ "$(run list | python3 -c 'import json,sys; print([i["names"] for i in json.load(sys.stdin)["images"]])')" = "[['other:2', 'save.example/app:1']]" ]
run unpin other:2 >/dev/null && run prune --all >/dev/null || fail "unpin and prune"
[ -z "$(find "$STORE/layers" "$STORE/images" "$STORE/references" "$STORE/blobs" "$STORE/pins" "$STORE/tmp" -mindepth 1)" ] || fail "prune left files: $(find "$STORE")"
echo "ok - and all of it goes when nothing is"
