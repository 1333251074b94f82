#!/bin/sh
# orch build, from the command line to a pod that runs what was built.
. "$(dirname "$0")/cluster.sh"
need busybox tar python3

# A base image of busybox and little else.
make_base() {
  root="$WORK/base"
  mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/var"
  cp "$(command -v busybox)" "$root/bin/busybox"
  for applet in sh cat echo ls id sleep touch mkdir rm ln chmod cp mv stat test true false env pwd wc grep head date tar ip; do
    ln -sf busybox "$root/bin/$applet"
  done
  printf 'root:x:0:0:root:/root:/bin/sh\napp:x:1001:1002:app:/:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\nstaff:x:50:\n' >"$root/etc/group"
  tar -C "$root" --sort=name --owner=0 --group=0 --numeric-owner -cf "$WORK/base.tar" .
}
layers_of() { # layers_of IMAGE: its layers' folders, lowest first
  python3 - "$STATE/images" "$1" <<'P'
import json, os, sys
store, name = sys.argv[1:]
ident = open(os.path.join(store, 'references', name)).read().strip()
record = json.load(open(os.path.join(store, 'images', ident[7:] + '.json')))
for layer in record['layers']:
    print(os.path.join(store, 'layers', layer[7:]))
P
}
config_of() { # config_of IMAGE PYTHON-EXPRESSION-OF-c
  python3 - "$STATE/images" "$1" "$2" <<'P'
import json, os, sys
store, name, what = sys.argv[1:]
ident = open(os.path.join(store, 'references', name)).read().strip()
c = json.load(open(os.path.join(store, 'images', ident[7:] + '.json')))['config']
print(eval(what))
P
}
build() { orch build "$@" >"$WORK/out" 2>"$WORK/err"; }
builds() { build "$@" || { cat "$WORK/err" >&2; return 1; }; }
refuses() { # refuses "words" arguments...
  words=$1; shift
  if build "$@"; then echo "built all the same: $*" >&2; return 1; fi
  grep -qF "$words" "$WORK/err" || { echo "\"$words\" is not in:" >&2; cat "$WORK/err" >&2; return 1; }
}

# What is posted to http://127.0.0.1:9099/hook lies in $WORK/hook, a line each.
python3 - "$WORK/hook" <<'P' &
import http.server, sys
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        with open(sys.argv[1], 'ab') as f:
            f.write(self.path.encode() + b' ' + self.headers['Content-Type'].encode() + b' ' + body + b'\n')
        self.send_response(204)
        self.end_headers()
    def log_message(self, *args):
        pass
http.server.HTTPServer(('127.0.0.1', 9099), Hook).serve_forever()
P
HOOK=$!
make_base
start_cluster --build-webhook=http://127.0.0.1:9099/hook
orch image import "$WORK/base.tar" base:1 --config '{"Cmd":["/bin/sh"],"Env":["PATH=/bin"]}' >/dev/null
C="$WORK/context"
mkdir -p "$C/sub" "$C/ignored"
echo hello >"$C/a.txt"; echo two >"$C/sub/b.txt"; echo no >"$C/ignored/x"; echo no >"$C/sub/c.log"
printf 'ignored\n**/*.log\n' >"$C/.dockerignore"

# ---- three stages; the last holds nothing but what was copied ----
cat >"$C/Dockerfile" <<'D'
ARG BASE=base:1
FROM $BASE AS build
ARG WHO=world
WORKDIR /src
COPY . .
RUN echo "hello $WHO" >out && ls -R /src >list
RUN <<EOF
set -e
mkdir -p /opt/app
chmod 750 /opt/app
ln -s ../out /opt/app/link
EOF
FROM build AS test
RUN grep -q hello out && echo tested
FROM base:1
COPY --from=build --chown=app:staff --chmod=0640 /src/out /app/out
COPY --from=build /opt /opt
ENV WHO=me PATH=$PATH:/opt
USER app
EXPOSE 80/udp
LABEL a="b c"
ENTRYPOINT ["/bin/cat"]
CMD ["/app/out"]
D
check "a file of three stages is built" builds -t app:1 --build-arg WHO=you "$C"
check "the command says what it did" grep -q 'build 3/4.*RUN echo' "$WORK/err"
check "a stage that nothing needs is skipped" sh -c '! grep -q tested "$0"' "$WORK/err"
check "the last stage holds only what was copied" sh -c '[ "$(cd "$0" && find . | sort | tr "\n" " ")" = ". ./app ./app/out " ]' "$(layers_of app:1 | sed -n 2p)"
check "owner and mode are those of the flags" sh -c '[ "$(stat -c %u:%g:%a "$0/app/out")" = 1001:50:640 ]' "$(layers_of app:1 | sed -n 2p)"
check "the configuration says all of it" [ "/bin/cat /app/out app b c 80/udp" = \
  "$(config_of app:1 '" ".join(c["config"]["Entrypoint"] + c["config"]["Cmd"] + [c["config"]["User"], c["config"]["Labels"]["a"]] + list(c["config"]["ExposedPorts"]))')" ]

cat >"$WORK/pod.yaml" <<'D'
{apiVersion: v1, kind: Pod, metadata: {name: app}, spec: {restartPolicy: Never, containers: [{name: c, image: "app:1"}]}}
D
orch apply -f "$WORK/pod.yaml" >/dev/null
check "a pod runs what was built" until_true 10 sh -c '[ "$("$0" --socket "$1" logs app 2>/dev/null)" = "hello you" ]' "$ORCH_BUILD/cli/orch" "$SOCKET"

# ---- HEALTHCHECK says whether a pod is ready, where its manifest doesn't ----
printf 'FROM base:1\nHEALTHCHECK --interval=1s CMD test -e /tmp/well\nCMD ["sleep", "1000"]\n' >"$WORK/health"
builds -t health:1 -f "$WORK/health" "$C"
printf 'FROM health:1\nHEALTHCHECK NONE\n' >"$WORK/health"
builds -t health:2 -f "$WORK/health" "$C"
pod_of() { # pod_of NAME IMAGE [ANNOTATIONS]
  echo "{apiVersion: v1, kind: Pod, metadata: {name: $1, annotations: {${3:-}}}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: \"$2\"}]}}" | orch apply -f - >/dev/null
}
ready_is() { field_is pod "$1" '.status.conditions[] | select(.type == "Ready").status' "$2"; }
pod_of checked health:1
pod_of unchecked health:2
pod_of ignored health:1 '"orch.dev/image-healthcheck": ignore'
check "HEALTHCHECK NONE asks nothing" until_true 10 ready_is unchecked True
check "an annotation ignores the image's check" until_true 10 ready_is ignored True
check "a pod whose image's check fails is told" until_true 10 sh -c '"$0" --socket "$1" get events | grep -q "Readiness probe failed"' "$ORCH_BUILD/cli/orch" "$SOCKET"
check "and is not ready" ready_is checked False
orch exec checked -- touch /tmp/well
check "it is ready when the check passes" until_true 10 ready_is checked True
kill -9 "$(pgrep -x orchd-node)"
until_true 20 orch exec checked -- rm /tmp/well 2>/dev/null || fail "the node did not come back"
check "a node's program that began anew still asks" until_true 20 ready_is checked False
orch delete pod checked unchecked ignored --wait=false >/dev/null

# ---- the cache ----
check "the same again comes from the cache" builds -t app:1 --build-arg WHO=you "$C"
check "every step of it" sh -c '! grep -q "done in" "$0" && grep -q "cached RUN" "$0"' "$WORK/err"
touch "$C/a.txt"
builds -t app:1 --build-arg WHO=you "$C"
check "a file's time doesn't matter" sh -c '! grep -q "done in" "$0"' "$WORK/err"
echo changed >"$C/a.txt"
builds -t app:1 --build-arg WHO=you "$C"
check "its content does" grep -q 'build 2/4. done' "$WORK/err"
builds -t app:2 --no-cache --build-arg WHO=you "$C"
check "--no-cache carries out everything" sh -c '! grep -q cached "$0"' "$WORK/err"
builds -t t:1 --target test "$C"
check "--target builds another stage" grep -q tested "$WORK/err"

# ---- --output ----
check "--output writes an archive of OCI's" builds -t o:1 --target build -o "type=oci,dest=$WORK/oci.tar" "$C"
check "that is one" sh -c 'tar -tf "$0" | grep -qx "oci-layout"' "$WORK/oci.tar"
check "on standard output there is nothing else" sh -c '"$0" --socket "$1" build -t o:2 -o type=docker,dest=- "$2" 2>/dev/null | tar -tf - | grep -qx manifest.json' "$ORCH_BUILD/cli/orch" "$SOCKET" "$C"
check "an archive needs a name" refuses 'add -t NAME' -o type=oci,dest=x "$C"
check "a type that isn't there is refused by name" refuses 'type=local is not there' -t o:3 -o x "$C"

# ---- a failed build goes on where it failed ----
cat >"$C/fails" <<'D'
FROM base:1
RUN echo once >/once
RUN test -e /no || { echo why not; exit 3; }
D
check "a step that fails names its place, its words and its code" refuses 'fails:3:1: RUN test -e /no || { echo why not; exit 3; }: exit code 3' -f "$C/fails" -t f:1 "$C"
check "and what it printed" grep -q 'why not' "$WORK/err"
r=0; orch build -f "$C/fails" -t f:1 "$C" 2>/dev/null || r=$?
check "its exit code is 1" [ $r = 1 ]
check "the node's events tell of it" until_true 10 sh -c '"$0" --socket "$1" get events | grep "node/node-1" | grep -q "BuildFailed.*fails:3:1: .*exit code 3"' "$ORCH_BUILD/cli/orch" "$SOCKET"
check "a webhook is told, too" sh -c 'grep -F "/hook application/json {" "$0" | grep -F "\"event\":\"BuildFailed\",\"node\":\"node-1\",\"names\":[\"f:1\"]" | grep -q "exit code 3"' "$WORK/hook"
check "a wrong URL is told at the start" sh -c '! "$0" --build-webhook nowhere >"$1" 2>&1 && grep -q "write a URL like" "$1"' "$ORCH_BUILD/daemon/orchd-node" "$WORK/out"
sed -i 's/exit 3/exit 0/' "$C/fails"
builds -f "$C/fails" -t f:1 "$C"
check "what was good before isn't done again" grep -q 'cached RUN echo once' "$WORK/err"

# ---- mistakes are told with their place, before anything is sent ----
printf 'FROM base:1 AS build\nFROM scratch\nCOPY --from=builder / /\nRNU x\n' >"$C/wrong"
check "a stage that isn't there" refuses 'wrong:3:6: there is no stage "builder"; did you mean "build"?' -f "$C/wrong" "$C"
check "and all else at once" grep -q 'wrong:4:1: unknown instruction "RNU"; did you mean RUN?' "$WORK/err"
printf 'FROM base:1\nCOPY nosuch /\n' >"$C/wrong"
check "a source that isn't there" refuses '"nosuch" is not there' -f "$C/wrong" "$C"
printf 'FROM nosuch:1\n' >"$C/wrong"
check "an image that isn't there" refuses "wrong:1:6: image nosuch:1 is not on this node, and can't be pulled: " -f "$C/wrong" "$C"

# ---- mounts, secrets, network ----
echo sesame >"$WORK/secret"
cat >"$C/mounts" <<'D'
FROM base:1 AS tools
RUN mkdir /tools && echo tool >/tools/t
FROM base:1
RUN --mount=type=cache,target=/cache test ! -e /cache/n && echo 1 >/cache/n
RUN --mount=type=cache,target=/cache test "$(cat /cache/n)" = 1
RUN --mount=from=tools,source=/tools,target=/t --mount=target=/ctx test "$(cat /t/t)" = tool && test -f /ctx/sub/b.txt && ! touch /t/x
RUN --mount=target=/ctx,rw touch /ctx/new
RUN --mount=type=tmpfs,target=/scratch touch /scratch/x
RUN --mount=type=secret,id=door,required=true --mount=type=secret,id=door,env=DOOR test "$(wc -c </run/secrets/door)${#DOOR}" = 77
RUN --network=none ! ip -o addr | grep -q eth0
RUN ip -o addr | grep -q eth0
D
check "mounts, secrets and networks are there for a step" builds -f "$C/mounts" -t m:1 --secret "id=door,src=$WORK/secret" "$C"
check "and leave nothing in the image" [ "$(layers_of m:1 | wc -l)" = 1 ]
check "no secret is anywhere in the store" sh -c '! grep -rq sesame "$0/layers" "$0/builds" "$0/images"' "$STATE/images"
printf 'FROM base:1\nRUN --mount=type=secret,id=door,required=true true\n' >"$C/secret"
check "a secret that is required" refuses 'secret "door" is required' -f "$C/secret" -t m:2 "$C"
printf 'FROM base:1\nRUN ! ip -o addr | grep -q eth0\n' >"$C/offline"
check "--network none takes every step off the network" builds --network none -t n:1 -f "$C/offline" "$C"

# ---- the same layer twice ----
printf 'FROM base:1 AS a\nRUN mkdir /o && echo 1 >/o/f\nFROM a\nRUN rm -r /o\nCOPY --from=a /o /o\nRUN test -f /o/f\nCMD ["cat", "/o/f"]\n' >"$C/twice"
check "a layer that comes twice counts once" builds -t twice:1 -f "$C/twice" "$C"
sed 's/name: app/name: twice/; s/app:1/twice:1/' "$WORK/pod.yaml" | orch apply -f - >/dev/null
check "in pods, too" until_true 10 sh -c '[ "$("$0" --socket "$1" logs twice 2>/dev/null)" = 1 ]' "$ORCH_BUILD/cli/orch" "$SOCKET"

# ---- equal files, equal image ----
printf 'FROM base:1\nCOPY sub /sub\nRUN echo x >/x && mkdir /y\n' >"$C/same"
first=$(SOURCE_DATE_EPOCH=1700000000 orch build -q --no-cache -t s:1 -f "$C/same" "$C")
touch "$C/sub/b.txt"
check "the same input gives the same digest" [ "$(SOURCE_DATE_EPOCH=1700000000 orch build -q --no-cache -t s:2 -f "$C/same" "$C")" = "$first" ]

# ---- side by side ----
cat >"$C/beside" <<'D'
FROM base:1 AS one
RUN echo begun && sleep 1000
FROM base:1 AS two
RUN sleep 1 && false
FROM scratch
COPY --from=one /etc /1
COPY --from=two /etc /2
D
check "a stage that fails ends the one beside it" refuses 'beside:4:1: RUN sleep 1 && false: exit code 1' -f "$C/beside" -t b:1 "$C"
check "which was under way" grep -q '   begun' "$WORK/err"

# ---- long names ----
long=$(printf 'n%.0s' $(seq 120))
mkdir -p "$C/long/$long"; echo far >"$C/long/$long/$long"; ln -s "$long/$long" "$C/long/link"
printf 'FROM base:1\nCOPY long /long\nRUN test "$(cat /long/link)" = far\n' >"$C/names"
check "long names and links arrive whole" builds -t long:1 -f "$C/names" "$C"

# ---- what builds remember outlives other images ----
builds -t gone:1 -f "$C/same" "$C"
orch image rm gone:1 >/dev/null
builds -t gone:2 -f "$C/same" "$C"
check "steps are remembered when an image goes" sh -c '! grep -q "done in" "$0"' "$WORK/err"

# ---- whoever leaves ends the build ----
printf 'FROM base:1\nRUN echo waiting && sleep 1000\n' >"$C/waits"
"$ORCH_BUILD/cli/orch" --socket "$SOCKET" build -t waits:1 -f "$C/waits" "$C" >"$WORK/out" 2>"$WORK/err" &
client=$!
until_true 10 grep -q '   waiting' "$WORK/err" || fail "the build did not begin"
kill "$client"
check "a build ends with its client" until_true 10 sh -c '! pgrep -x orch-build && ! pgrep -f "^sleep 1000"'
builds -t again:1 -f "$C/names" "$C"

# ---- the node's program dies, or the build's own ----
ids= # of builds that did not end by themselves; other tests may build beside this one
begin_waiting() {
  : >"$WORK/err"
  "$ORCH_BUILD/cli/orch" --socket "$SOCKET" build -t waits:1 -f "$C/waits" "$C" >"$WORK/out" 2>"$WORK/err" &
  client=$!
  until_true 10 grep -q '   waiting' "$WORK/err" || fail "the build did not begin"
  ids="$ids $(ls "$RUN/builds")"
}
no_build_runs() { ! pgrep -x orch-build >/dev/null && ! pgrep -f "^sleep 1000" >/dev/null; }
no_group_is_left() {
  for id in $ids; do
    [ -z "$(find /sys/fs/cgroup -maxdepth 8 -type d -name "orch-build-$id" 2>/dev/null)" ] || return 1
  done
}
nothing_is_left() {
  [ -z "$(ls "$STATE/images/tmp")$(ls "$RUN/builds" 2>/dev/null)" ] && no_group_is_left && return 0
  ls -R "$STATE/images/tmp" "$RUN/builds"
  for id in $ids; do find /sys/fs/cgroup -maxdepth 8 -type d -name "orch-build-$id"; done
  return 1
}
kill "$HOOK"
check "a webhook that can't be told is told" refuses 'exit code 1 (and the webhook http://127.0.0.1:9099/hook was not told: connection refused' -f "$C/beside" -t b:1 "$C"
begin_waiting
kill -9 "$(pgrep -x orchd-node)"
check "a build ends with the node's program" until_true 10 no_build_runs
check "and leaves nothing" until_true 10 nothing_is_left
r=0; wait "$client" || r=$?
check "its client is told" [ "$r" = 1 ]
until_true 20 build -t again:2 -f "$C/names" "$C"
begin_waiting
for pid in $(pgrep -x orch-build); do kill -9 "$pid" 2>/dev/null || true; done
check "a build whose program is killed ends" until_true 10 no_build_runs
r=0; wait "$client" || r=$?
check "its client is told, too" [ "$r" = 1 ]
builds -t again:3 -f "$C/names" "$C"
check "the next build sweeps what it left" until_true 10 nothing_is_left

# ---- nothing is left behind ----
check "no build's folders are left" [ -z "$(ls "$STATE/images/tmp")$(ls "$RUN/builds" 2>/dev/null)" ]
# Builds of other tests have groups there, too, where control groups of both versions lie side by side: those have processes, and go.
no_empty_groups() {
  for group in $(find /sys/fs/cgroup -maxdepth 8 -type d -name 'orch-build-*' 2>/dev/null); do
    [ -n "$(find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null)" ] || { echo "$group"; return 1; }
  done
}
check "no build's groups are left" until_true 10 no_empty_groups
stop_cluster
