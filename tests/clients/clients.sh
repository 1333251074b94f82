# Sourced by the tests with real clients: a whole cluster in namespaces of its own, the API over TLS, an administrator's kubeconfig,
# and, where a test asks for it with "record", a proxy in between that writes down every answer for check_answers.py.
. "$(dirname "$0")/../system/cluster.sh"
CLIENTS="${ORCH_CLIENTS:-$SRC/.cache/clients}"
[ -d "$CLIENTS" ] || skip "needs the clients: scripts/fetch-clients"
need jq python3 openssl
unset HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy
export HOME="$WORK/home" KUBECACHEDIR="$WORK/kube-cache" HELM_CACHE_HOME="$WORK/helm/cache" HELM_CONFIG_HOME="$WORK/helm/config" \
  HELM_DATA_HOME="$WORK/helm/data"
mkdir -p "$HOME"
HERE=$(cd "$(dirname "$0")" && pwd)

start_api() {
  start_cluster "$@"
  export KUBECONFIG="$STATE/admin.kubeconfig"
  [ -f "$KUBECONFIG" ] || fail "no $KUBECONFIG"
}

# An image with all of busybox, as tools:1.0.
load_tools() {
  root="$WORK/tools"
  mkdir -p "$root/bin" "$root/tmp" "$root/www" "$root/etc" "$root/root"
  cp "$(command -v busybox)" "$root/bin/busybox"
  for applet in $(busybox --list); do [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"; done
  echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
  echo hello >"$root/www/index.html"
  "$SRC/scripts/make-image" tools:1.0 "$root" "$WORK/tools.tar" /bin/sh -c "httpd -f -p 8080 -h /www"
  orch image load "$WORK/tools.tar" >/dev/null || fail "image load"
}

# record NAME: from now on KUBECONFIG goes through the recorder; stop_recorder checks what it wrote.
record() {
  "$CLIENTS/1.32/kubectl" --cache-dir "$WORK/kube-record" config view --raw --minify -o json >"$WORK/admin.json"
  RECORD="$WORK/answers.jsonl"
  mkfifo "$WORK/recorder.ready"
  python3 "$HERE/recorder.py" --kubeconfig "$WORK/admin.json" --out "$RECORD" --work "$WORK/recorder" >"$WORK/recorder.ready" 2>"$WORK/recorder.log" &
  RECORDER=$!
  read -r line <"$WORK/recorder.ready" || { cat "$WORK/recorder.log" >&2; fail "the recorder did not start"; }
  export KUBECONFIG="$WORK/recorder/kubeconfig"
}
stop_recorder() {
  kill "$RECORDER" && wait "$RECORDER" 2>/dev/null || true
  check "no answer breaks the OpenAPI document" python3 "$HERE/check_answers.py" --record "$RECORD" --documents "$WORK/recorder/openapi" --least "${1:-20}"
}

# fails "sentence" "words" command...: the command must fail and say the words.
fails() {
  sentence=$1 words=$2; shift 2
  if "$@" >"$WORK/out" 2>&1; then cat "$WORK/out" >&2; fail "$sentence: it succeeded"; fi
  grep -qF -e "$words" "$WORK/out" || { cat "$WORK/out" >&2; fail "$sentence: without the words \"$words\""; }
  echo "ok - $sentence"
}
# says "sentence" "words" command...: the command must succeed and say the words.
says() {
  sentence=$1 words=$2; shift 2
  "$@" >"$WORK/out" 2>&1 || { cat "$WORK/out" >&2; fail "$sentence: it failed"; }
  grep -qF -e "$words" "$WORK/out" || { cat "$WORK/out" >&2; fail "$sentence: without the words \"$words\""; }
  echo "ok - $sentence"
}
