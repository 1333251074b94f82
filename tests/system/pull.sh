#!/bin/sh
# Images come from real registries, however they are kept and guarded there.
. "$(dirname "$0")/registry.sh"
python3 "$SRC/tests/system/make_images.py" "$WORK" || fail "cannot make the test images"
make_certificates
start_registry 5000
cat >"$WORK/registries.yaml" <<Y
registries:
- host: 127.0.0.1:5000
  plainHTTP: true
Y
push_image "oci:$WORK/layout" 5000/team/two:1
push_image "oci:$WORK/layout" 5000/team/two:docker --format v2s2
push_image "oci-archive:$WORK/multi.tar" 5000/team/multi:1 --multi-arch all

check "an OCI image is pulled" sh -c '"$0" pull --store "$1" --registries "$2" 127.0.0.1:5000/team/two:1 >"$3"' "$IMAGE" "$STORE" "$WORK/registries.yaml" "$WORK/out"
id=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["images"][0]["id"])' "$WORK/out")
config=$(skopeo inspect --raw --tls-verify=false docker://127.0.0.1:5000/team/two:1 | python3 -c 'import json,sys; print(json.load(sys.stdin)["config"]["digest"])')
[ "$id" = "$config" ] || fail "the ID $id is not the configuration's digest $config"
pull 127.0.0.1:5000/team/two:1 >"$WORK/out"
grep -q '"fetched":0' "$WORK/out" || fail "layers that are here were asked for: $(cat "$WORK/out")"
echo "ok - layers that are here are not asked for again"
new_store
check "a Docker schema 2 image is pulled" pull 127.0.0.1:5000/team/two:docker
check "an index gives this machine's image" pull 127.0.0.1:5000/team/multi:1
check "another platform's by request" pull --platform linux/s390x 127.0.0.1:5000/team/multi:1
refuses "no image for platform linux/riscv64" pull --platform linux/riscv64 127.0.0.1:5000/team/multi:1
digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' docker://127.0.0.1:5000/team/two:1)
check "a digest is pulled" pull "127.0.0.1:5000/team/two@$digest"
"$IMAGE" tags --registries "$WORK/registries.yaml" 127.0.0.1:5000/team/two >"$WORK/out"
[ "$(jq -c '.tags | sort' "$WORK/out")" = '["1","docker"]' ] || fail "tags: $(cat "$WORK/out")"
echo "ok - tags are listed"

new_store
for tool in zstd raw; do
  python3 "$SRC/tests/system/put_image.py" 127.0.0.1:5000 "team/made-$tool" 1 $tool || fail "cannot put an image with $tool layers"
  check "$tool layers are pulled" pull "127.0.0.1:5000/team/made-$tool:1"
done
refuses "artifact (application/vnd.example.chart" sh -c 'python3 "$0/tests/system/put_image.py" 127.0.0.1:5000 team/chart 1 artifact && exec "$1" pull --store "$2" --registries "$3" 127.0.0.1:5000/team/chart:1' "$SRC" "$IMAGE" "$STORE" "$WORK/registries.yaml"

new_store
refuses "ENOENT cannot pull 127.0.0.1:5000/team/none:1: not found" pull 127.0.0.1:5000/team/none:1
refuses "names no registry" pull two:1
refuses "no such host" pull nosuch.invalid/two:1
refuses "connection refused" pull 127.0.0.1:9/two:1
check "failures leave nothing" store_is_empty

# ---- TLS and passwords ----
start_registry 5001 tls basic
push_image "oci:$WORK/layout" 5001/team/two:1 --dest-creds user:secret
refuses "x509" pull 127.0.0.1:5001/team/two:1
cat >"$WORK/registries.yaml" <<Y
registries:
- host: 127.0.0.1:5001
  ca: $WORK/ca.pem
Y
refuses "EACCES cannot pull 127.0.0.1:5001/team/two:1: unauthorized" pull 127.0.0.1:5001/team/two:1
auth() { # auth USER PASSWORD: a file of credentials as orch-image takes it
  printf '{"sources":[{"auths":{"127.0.0.1:%s":{"auth":"%s"}}}]}' "$1" "$(printf '%s:%s' "$2" "$3" | base64)" >"$WORK/auth.json"
}
auth 5001 user wrong
refuses "refuses the credentials" sh -c 'exec "$0" pull --store "$1" --registries "$2" --auth-fd 3 127.0.0.1:5001/team/two:1 3<"$3"' "$IMAGE" "$STORE" "$WORK/registries.yaml" "$WORK/auth.json"
auth 5001 user secret
pull --auth-fd 3 127.0.0.1:5001/team/two:1 >/dev/null 3<"$WORK/auth.json" || fail "with the password"
echo "ok - with TLS, its authority and the password it is pulled"
new_store
printf '{"sources":[{"auths":{"127.0.0.1:5001":{"username":"user","password":"old"}}},{"127.0.0.1:5001":{"username":"user","password":"secret"}}]}' >"$WORK/auth.json"
pull --auth-fd 3 127.0.0.1:5001/team/two:1 >/dev/null 3<"$WORK/auth.json" || fail "with the second of two passwords"
echo "ok - of several credentials each is tried"
new_store
printf '{"auths":{"127.0.0.1:5001/team":{"username":"user","password":"secret"}}}' >"$WORK/node-auth.json"
printf 'authFile: %s\nregistries:\n- host: 127.0.0.1:5001\n  skipVerify: true\n' "$WORK/node-auth.json" >"$WORK/registries.yaml"
check "the machine's own file of credentials and skipVerify do, too" pull 127.0.0.1:5001/team/two:1

# ---- tokens ----
start_registry 5002 token:5003
python3 "$SRC/tests/system/token_server.py" 5003 "$WORK/key.pem" "$WORK/ca.pem" "$WORK/tokens.log" &
until_true 5 curl -s -o /dev/null http://127.0.0.1:5003/token || fail "no token server"
push_image "oci:$WORK/layout" 5002/team/two:1 --dest-creds user:secret
push_image "oci:$WORK/layout" 5002/open/two:1 --dest-creds user:secret
printf 'registries:\n- host: 127.0.0.1:5002\n  plainHTTP: true\n' >"$WORK/registries.yaml"
new_store
check "a token for nobody opens what is open" pull 127.0.0.1:5002/open/two:1
refuses "unauthorized" pull 127.0.0.1:5002/team/two:1
auth 5002 user wrong
refuses "unauthorized" sh -c 'exec "$0" pull --store "$1" --registries "$2" --auth-fd 3 127.0.0.1:5002/team/two:1 3<"$3"' "$IMAGE" "$STORE" "$WORK/registries.yaml" "$WORK/auth.json"
auth 5002 user secret
new_store
: >"$WORK/tokens.log"
pull --auth-fd 3 127.0.0.1:5002/team/two:1 >/dev/null 3<"$WORK/auth.json" || fail "with a token for the user"
[ "$(grep -c . "$WORK/tokens.log")" = 1 ] || fail "more than one token for one pull: $(cat "$WORK/tokens.log")"
echo "ok - one token for the user does for the whole pull"
new_store
printf '{"sources":[{"auths":{"127.0.0.1:5002":{"identitytoken":"refresh-1"}}}]}' >"$WORK/auth.json"
pull --auth-fd 3 127.0.0.1:5002/team/two:1 >/dev/null 3<"$WORK/auth.json" || fail "with an identity token"
grep -q '^POST /token' "$WORK/tokens.log" || fail "the identity token was not exchanged"
echo "ok - an identity token is exchanged"

# ---- mirrors ----
new_store
cat >"$WORK/registries.yaml" <<Y
defaultRegistry: 127.0.0.1:5000
registries:
- host: 127.0.0.1:5000
  plainHTTP: true
  mirrors: [http://127.0.0.1:9, http://127.0.0.1:5002]
Y
push_image "oci:$WORK/layout" 5000/library/plain:1
check "mirrors that are down or refuse are passed over, short names get the default registry" pull plain:1
"$IMAGE" --store "$STORE" list | grep -q '"127.0.0.1:5000/library/plain:1"' || fail "the name is not whole: $("$IMAGE" --store "$STORE" list)"
push_image "oci:$WORK/layout" 5002/open/mirrored:1 --dest-creds user:secret
check "what the registry lacks a mirror has" pull 127.0.0.1:5000/open/mirrored:1
