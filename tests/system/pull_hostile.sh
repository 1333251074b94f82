#!/bin/sh
# Registries that are broken or mean no good: one clear sentence, nothing left behind, little memory; and those that are only
# unreliable are coped with.
. "$(dirname "$0")/registry.sh"
python3 "$SRC/tests/system/hostile_registry.py" 5000 "$WORK/requests.log" &
until_true 10 curl -s -o /dev/null http://127.0.0.1:5000/ || fail "no registry"
printf 'registries:\n- host: 127.0.0.1:5000\n  plainHTTP: true\n' >"$WORK/registries.yaml"
mkdir -p "$STORE"
# Only who says nothing is waited for shortly: else a loaded machine is taken for a registry that stalls.
stall=60
hostile() { # hostile NAME "words": the pull fails with the words, within the memory, and leaves nothing
  refuses "$2" prlimit --as=400000000 "$IMAGE" pull --store "$STORE" --registries "$WORK/registries.yaml" --stall $stall "127.0.0.1:5000/$1:1"
  store_is_empty || fail "$1 left something: $(find "$STORE" -mindepth 2)"
  echo "ok - $1: $2"
}
hostile many "E2BIG"
hostile some "10000 layers"
hostile nojson "not JSON"
hostile deep "not JSON"
hostile list "schemaVersion"
hostile empty "not JSON"
hostile schema1 "schema 1"
hostile foreign "foreign layer"
hostile chart "artifact (application/vnd.example.chart.v1+json)"
hostile index "no usable digest"
hostile noindex "no image for platform"
hostile redirects "more than 5 redirects"
hostile down "answered HTTP 503"
hostile limited "too many requests"
hostile headers "head is larger"
hostile endless "more than 4194304 bytes"
hostile wrongdigest "checksum differs"
hostile words "not found: evil  [2J words"
hostile wrong "layer 1 of 1"
hostile bigger "size differs"
hostile smaller "size differs"
hostile notar "layer 1 of 1"
hostile bomb "layer 1 of 1"
hostile otherdiff "layer 1 of 1"
hostile endlessblob "more than"
hostile wrongrange "another part"
hostile nothing "127.0.0.1:5000"
stall=2
hostile silent "timed out"
hostile stall "timed out"

copes() { # copes NAME "sentence"
  check "$2" pull --stall 60 "127.0.0.1:5000/$1:1" >"$WORK/out"
  grep '^ok' "$WORK/out"
  new_store
}
: >"$WORK/requests.log"
copes cut "a download that is cut again and again goes on where it was"
grep -q 'range=bytes=524288-' "$WORK/requests.log" || fail "no part was asked for: $(cat "$WORK/requests.log")"
copes norange "where no parts are given what is here is passed over"
copes busy "a rate limit is waited for"
: >"$WORK/requests.log"
printf '{"user":"u","password":"p"}' >"$WORK/auth.json"
pull --auth-fd 3 127.0.0.1:5000/elsewhere:1 >/dev/null 3<"$WORK/auth.json" || fail "a redirect to another host"
! grep '^/sha256:' "$WORK/requests.log" | grep -v 'auth=None' || fail "credentials went to another host"
echo "ok - a redirect to another host is followed, without credentials"


# A mirror whose blob is damaged: the registry itself has a good one.
start_registry 5001
new_store
pull 127.0.0.1:5000/good:1 >/dev/null || fail "the good image"
printf 'registries:\n- host: 127.0.0.1:5001\n  plainHTTP: true\n- host: 127.0.0.1:5000\n  plainHTTP: true\n' >"$WORK/registries.yaml"
skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false docker://127.0.0.1:5000/good:1 docker://127.0.0.1:5001/wrong:1 >/dev/null 2>&1 || fail "copy"
new_store
printf 'registries:\n- host: 127.0.0.1:5001\n  plainHTTP: true\n  mirrors: [http://127.0.0.1:5000]\n' >"$WORK/registries.yaml"
: >"$WORK/requests.log"
check "what a mirror has damaged comes from the registry itself" pull 127.0.0.1:5001/wrong:1
grep -q /v2/wrong/blobs "$WORK/requests.log" || fail "the mirror was not asked"

new_store
printf 'registries:\n- host: far.invalid\n  plainHTTP: true\n' >"$WORK/registries.yaml"
refuses "no such host" pull far.invalid/good:1
check "behind a proxy by option" pull --proxy http://127.0.0.1:5000 far.invalid/good:1
new_store
export http_proxy=http://127.0.0.1:5000
check "and by the environment" pull far.invalid/good:1
