#!/bin/sh
# What orch pushes, others pull: the same files, the same image ID, and the same digest where nothing had to be packed anew.
. "$(dirname "$0")/registry.sh"
need umoci podman buildah
python3 "$SRC/tests/system/make_images.py" "$WORK" || fail "cannot make the test images"
make_certificates
start_registry 5000
start_registry 5001 tls basic
start_registry 5002 token:5003
python3 "$SRC/tests/system/token_server.py" 5003 "$WORK/key.pem" "$WORK/ca.pem" "$WORK/tokens.log" &
until_true 5 curl -s -o /dev/null http://127.0.0.1:5003/token || fail "no token server"
cat >"$WORK/registries.yaml" <<Y
registries:
- host: 127.0.0.1:5000
  plainHTTP: true
- host: 127.0.0.1:5001
  ca: $WORK/ca.pem
- host: 127.0.0.1:5002
  plainHTTP: true
Y
push() { "$IMAGE" push --store "$STORE" --registries "$WORK/registries.yaml" "$@"; }
field_of() { jq -r ".images[0].$1" "$WORK/out"; }
digest_of() { skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://127.0.0.1:$1"; }

"$IMAGE" --store "$STORE" load "$WORK/layout" >/dev/null || fail "load"
push --to 127.0.0.1:5000/team/loaded:1 two:1 >"$WORK/out" || fail "push: $(cat "$WORK/out")"
[ "$(digest_of 5000/team/loaded:1)" = "$(field_of digest)" ] || fail "another digest"
echo "ok - a loaded image is pushed"
id=$(field_of id)
skopeo copy -q --insecure-policy --src-tls-verify=false docker://127.0.0.1:5000/team/loaded:1 "oci:$WORK/back:1" || fail "skopeo cannot pull it"
[ "$(skopeo inspect --raw "oci:$WORK/back:1" | jq -r .config.digest)" = "$id" ] || fail "another image ID"
umoci unpack --image "$WORK/back:1" "$WORK/back-files" >"$WORK/umoci.log" 2>&1 || fail "umoci: $(tail -2 "$WORK/umoci.log")"
umoci unpack --image "$WORK/layout:$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' "$WORK/layout/index.json")" "$WORK/first-files" >"$WORK/umoci.log" 2>&1 || fail "umoci: $(tail -2 "$WORK/umoci.log")"
(cd "$WORK/first-files/rootfs" && find . -printf '%p %y %m %U %G %s %l\n' | sort) >"$WORK/first.txt"
(cd "$WORK/back-files/rootfs" && find . -printf '%p %y %m %U %G %s %l\n' | sort) >"$WORK/back.txt"
cmp "$WORK/first.txt" "$WORK/back.txt" || fail "other files: $(diff "$WORK/first.txt" "$WORK/back.txt" | head -5)"
[ "$(wc -l <"$WORK/back.txt")" -gt 3 ] || fail "no files"
echo "ok - skopeo and umoci find the same image ID and the same files"

push --to 127.0.0.1:5000/team/loaded:2 two:1 >"$WORK/out" || fail "second push"
push_image "oci:$WORK/layout" 5000/base/two:1
pull 127.0.0.1:5000/base/two:1 >/dev/null || fail "pull"
push --to 127.0.0.1:5000/other/two:1 127.0.0.1:5000/base/two:1 >"$WORK/out" || fail "push with mounting"
[ "$(field_of sent)" = 0 ] || fail "layers were sent that the registry had: $(cat "$WORK/out")"
[ "$(digest_of 5000/other/two:1)" = "$(digest_of 5000/base/two:1)" ] || fail "another digest"
echo "ok - within a registry layers are mounted, and the manifest stays"

refuses "unauthorized" push --to 127.0.0.1:5001/team/two:1 two:1
printf '{"user":"user","password":"secret"}' >"$WORK/auth.json"
push --to 127.0.0.1:5001/team/two:1 --auth-fd 3 two:1 >"$WORK/out" 3<"$WORK/auth.json" || fail "push with a password"
skopeo inspect --tls-verify=false --creds user:secret docker://127.0.0.1:5001/team/two:1 >/dev/null || fail "skopeo does not see it"
echo "ok - with TLS and a password"
refuses "unauthorized" push --to 127.0.0.1:5002/open/two:1 two:1
push --to 127.0.0.1:5002/open/two:1 --auth-fd 3 two:1 >"$WORK/out" 3<"$WORK/auth.json" || fail "push with a token"
echo "ok - with tokens"
new_store
check "and orch pulls what it pushed" pull 127.0.0.1:5000/team/loaded:1
refuses "is not on this node" push --to 127.0.0.1:5000/team/x:1 nosuch:1
refuses "connection refused" push --to 127.0.0.1:9/team/x:1 127.0.0.1:5000/team/loaded:1

# ---- podman and buildah ----
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
store_of() { echo "--root $WORK/peer --runroot $WORK/peer-run"; }
mkdir -p "$WORK/etc" "$WORK/context/app"
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$WORK/etc/policy.json"
echo hello >"$WORK/context/app/hello"
chmod 750 "$WORK/context/app"
# shellcheck disable=SC2046
peer() { tool=$1; shift; $tool $(store_of) "$@" >"$WORK/peer.log" 2>&1 || fail "$tool $*: $(tail -2 "$WORK/peer.log")"; }
peer podman pull -q --signature-policy "$WORK/etc/policy.json" --tls-verify=false 127.0.0.1:5000/team/loaded:1
[ "$(tail -1 "$WORK/peer.log")" = "${id#sha256:}" ] || fail "podman sees another ID: $(cat "$WORK/peer.log")"
echo "ok - podman pulls what orch pushed"
peer buildah from --name made scratch
peer buildah copy made "$WORK/context" /
peer buildah config --cmd /app/hello --env A=b made
peer buildah commit -q --signature-policy "$WORK/etc/policy.json" made built
peer buildah push -q --signature-policy "$WORK/etc/policy.json" --tls-verify=false built docker://127.0.0.1:5000/team/built:1
pull 127.0.0.1:5000/team/built:1 >"$WORK/out" || fail "orch cannot pull it"
layer=$(find "$STORE/layers" -name hello -path '*/app/*')
[ "$(cat "$layer")" = hello ] && [ "$(stat -c %a "$(dirname "$layer")")" = 750 ] || fail "its files are not there"
push --to 127.0.0.1:5000/copy/built:1 127.0.0.1:5000/team/built:1 >"$WORK/out" || fail "orch cannot push it"
[ "$(digest_of 5000/copy/built:1)" = "$(digest_of 5000/team/built:1)" ] || fail "another digest"
echo "ok - orch pulls what buildah built, and pushes it on as it was"
