# Sourced by the tests that speak with registries: Debian's docker-registry on loopback, in namespaces of its own without a way out,
# plain, with TLS, with passwords (basic) or with tokens; and skopeo as the peer that pushes. Everything dies with the test.
if [ -z "${ORCH_TEST_INSIDE:-}" ]; then
  [ "$(id -u)" = 0 ] || { echo "SKIP: needs root"; exit 77; }
  ORCH_TEST_INSIDE=1 exec "$(dirname "$0")/../../scripts/in-namespaces" sh "$0" "$@"
fi
. "$(dirname "$0")/../system/lib.sh"
need docker-registry skopeo python3 openssl jq htpasswd curl
unset http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY all_proxy
mount -t tmpfs tmpfs "$WORK"
CLEANUP='umount -l "$WORK"'
IMAGE="$ORCH_BUILD/daemon/image/orch-image"
STORE="$WORK/store"

# make_certificates: $WORK/ca.pem signs $WORK/server.pem for 127.0.0.1 and localhost; the registry's tokens are signed with the same key.
make_certificates() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout "$WORK/key.pem" -out "$WORK/ca.pem" -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1,DNS:localhost 2>/dev/null || fail "openssl"
}

# start_registry PORT [tls] [basic|token:PORT]: its data in $WORK/data-PORT, its log in $WORK/registry-PORT.log
start_registry() {
  port=$1; shift
  {
    echo "version: 0.1"
    echo "storage: {filesystem: {rootdirectory: $WORK/data-$port}, delete: {enabled: true}}"
    echo "log: {level: error, accesslog: {disabled: true}}"
    echo "http:"
    echo "  addr: 127.0.0.1:$port"
    for word in "$@"; do
      case $word in tls) echo "  tls: {certificate: $WORK/ca.pem, key: $WORK/key.pem}" ;; esac
    done
    for word in "$@"; do
      case $word in
      basic) htpasswd -Bbn user secret >"$WORK/htpasswd"; echo "auth: {htpasswd: {realm: test, path: $WORK/htpasswd}}" ;;
      token:*) echo "auth: {token: {realm: 'http://127.0.0.1:${word#token:}/token', service: test, issuer: orch-test, rootcertbundle: $WORK/ca.pem}}" ;;
      esac
    done
  } >"$WORK/registry-$port.yml"
  docker-registry serve "$WORK/registry-$port.yml" 2>&1 | grep -v 'blob unknown' >"$WORK/registry-$port.log" &
  until_true 10 curl -sk --max-time 20 -o /dev/null "http://127.0.0.1:$port/v2/" || fail "the registry did not start: $(tail -3 "$WORK/registry-$port.log")"
}
# push_image SOURCE PORT/NAME:TAG [skopeo options]
push_image() {
  source=$1 target=$2; shift 2
  skopeo --insecure-policy copy -q --dest-tls-verify=false "$@" "$source" "docker://127.0.0.1:$target" >"$WORK/skopeo.log" 2>&1 ||
    fail "skopeo cannot push $target: $(tail -2 "$WORK/skopeo.log")"
}
pull() { "$IMAGE" pull --store "$STORE" --registries "$WORK/registries.yaml" "$@"; }
# refuses "words" command...: it fails, with the words in one line.
refuses() {
  words=$1; shift
  if out=$("$@" 2>&1); then fail "accepted: $*"; fi
  case $out in *"$words"*) ;; *) fail "expected \"$words\", got: $out" ;; esac
  [ "$(printf '%s\n' "$out" | wc -l)" = 1 ] || fail "more than one line: $out"
}
new_store() { rm -rf "$STORE"; }
# store_is_empty: nothing of any image, nothing unfinished
store_is_empty() { [ -z "$(find "$STORE/layers" "$STORE/images" "$STORE/references" "$STORE/tmp" "$STORE/blobs" -mindepth 1 2>/dev/null)" ]; }
