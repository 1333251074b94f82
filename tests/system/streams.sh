#!/bin/sh
# exec, attach, port-forward, cp and logs as orch and real kubectls meet them, over TLS; and what bad clients do to them.
# kubectl: of ${ORCH_CLIENTS:-.cache/clients} (scripts/fetch-clients); without it those parts are skipped, loudly.
. "$(dirname "$0")/cluster.sh"
. "$(dirname "$0")/pods.sh"
need jq python3 curl
CLIENTS=${ORCH_CLIENTS:-$SRC/.cache/clients}
export ORCH="$ORCH_BUILD/cli/orch --socket $SOCKET" WORK
start_cluster
import_box box:1
apply <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: p}, annotations: {kubectl.kubernetes.io/default-container: main}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: "box:1"
    ports: [{name: http, containerPort: 8080}]
    command: [sh, -c, "mkdir -p /srv/www; echo hello >/srv/www/index.html; httpd -p 127.0.0.1:8080 -h /srv/www; nc -ll -p 7000 -e sh -c 'wc -c' & sleep 1000"]
  - {name: side, image: "box:1", stdin: true, command: [sh, -c, "while read line; do echo got $line; echo err $line >&2; done; sleep 1000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: term}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "box:1", stdin: true, tty: true, command: [sh]}]
---
apiVersion: v1
kind: Pod
metadata: {name: done}
spec: {restartPolicy: Never, containers: [{name: main, image: "box:1", command: ["true"]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: p}, ports: [{name: web, port: 80, targetPort: http}]}
Y
check "the pods run" until_true 20 pod_ready p
check "with a terminal, too" until_true 20 pod_ready term
check "or have run" until_true 20 phase_is done Succeeded
SERVER=$(pgrep -x orchd-server) NODE=$(pgrep -x orchd-node)
fds() { ls /proc/"$1"/fd | wc -l; }
processes() { pgrep -x cat | wc -l; }
settled() { [ "$(fds "$SERVER")" -le $((SERVER_FDS + 2)) ] && [ "$(fds "$NODE")" -le $((NODE_FDS + 2)) ] && [ "$(processes)" = 0 ]; }
$ORCH get pods >/dev/null
SERVER_FDS=$(fds "$SERVER") NODE_FDS=$(fds "$NODE")
head -c 50000000 /dev/urandom >"$WORK/data"
sum() { sha256sum "$1" | cut -d' ' -f1; }
SUM=$(sum "$WORK/data")

# ---- what every client sees ----
# exercise: exec, exit codes, 50 MB both ways, cp of a tree, port-forward
code() { set +e; "$@" >/dev/null 2>&1; got=$?; set -e; echo $got; }
listens() { curl -s -o /dev/null --max-time 2 "http://127.0.0.1:$1/index.html"; }
exercise() { # exercise NAME PORT
  name=$1 port=$2
  check "$name: exit codes" [ "$(code client exec p -- true)/$(code client exec p -- sh -c 'exit 42')" = 0/42 ]
  check "$name: standard output and error stay apart" [ "$(client exec p -c main -- sh -c 'echo out; echo err >&2' 2>"$WORK/err"; cat "$WORK/err")" = "out
err" ]
  client exec -i p -- sh -c 'cat >/tmp/data; sha256sum /tmp/data' <"$WORK/data" >"$WORK/out" || fail "$name: exec -i"
  check "$name: 50 MB in, unharmed" grep -q "^$SUM" "$WORK/out"
  client exec p -- cat /tmp/data >"$WORK/out" || fail "$name: exec cat"
  check "$name: 50 MB out, unharmed" [ "$(sum "$WORK/out")" = "$SUM" ]
  check "$name: both at once" [ "$(client exec -i p -- cat <"$WORK/data" | sha256sum | cut -d' ' -f1)" = "$SUM" ]
  check "$name: a missing pod, in words" client_fails 'pods "nosuch" not found' exec nosuch -- true
  check "$name: a wrong container" client_fails 'nosuch' exec p -c nosuch -- true
  check "$name: a pod that is done" client_fails 'completed pod' exec done -- true
  client exec p -- rm -rf /tmp/tree >/dev/null
  client cp "$WORK/tree" p:/tmp/tree >/dev/null || fail "$name: cp there"
  rm -rf "$WORK/back"
  client cp p:/tmp/tree "$WORK/back" >/dev/null || fail "$name: cp back"
  check "$name: cp of a tree, there and back" diff -r "$WORK/tree" "$WORK/back"
  client port-forward p "$port:8080" $((port + 1)):7000 >"$WORK/forward" 2>&1 &
  forward=$!
  check "$name: port-forward reaches what listens on the pod's loopback" until_true 10 listens "$port"
  check "$name: keep-alive" [ "$(curl -s "http://127.0.0.1:$port/index.html" "http://127.0.0.1:$port/index.html" | tr '\n' ,)" = hello,hello, ]
  check "$name: half-close, 5 MB" [ "$(head -c 5000000 "$WORK/data" | python3 "$WORK/half.py" $((port + 1)))" = 5000000 ]
  check "$name: 50 connections at once" sh -c 'python3 "$WORK/many.py" "$0" 50 || { tail -60 "$WORK/forward"; false; }' "$port"
  kill $(pgrep -P $forward) $forward 2>/dev/null # timeout passes it on to its child
  wait $forward 2>/dev/null || true
}
client_fails() { words=$1; shift; ! client "$@" >"$WORK/out" 2>&1 && grep -q "$words" "$WORK/out"; }
mkdir -p "$WORK/tree/sub/deep" "$WORK/tree/empty"
head -c 3000000 "$WORK/data" >"$WORK/tree/sub/big"
echo small >"$WORK/tree/a file"
: >"$WORK/tree/sub/deep/nothing"
cat >"$WORK/half.py" <<'P'
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 60)
s.settimeout(120)
s.sendall(sys.stdin.buffer.read())
s.shutdown(socket.SHUT_WR)
out = b''
while chunk := s.recv(65536): out += chunk
print(out.decode().strip())
P
cat >"$WORK/many.py" <<'P'
import socket, sys
port, n = int(sys.argv[1]), int(sys.argv[2])
all = [socket.create_connection(('127.0.0.1', port), 120) for _ in range(n)]
for s in all: s.sendall(b'GET /index.html HTTP/1.0\r\n\r\n')
for s in all:
    s.settimeout(120)
    out = b''
    while chunk := s.recv(65536): out += chunk
    assert out.endswith(b'hello\n'), out
P

client() { timeout 240 $ORCH "$@"; }
exercise orch 18000
$ORCH port-forward svc/web :80 >"$WORK/forward" &
forward=$!
says_hello() { port=$(sed -n 's/.*127.0.0.1:\([0-9]*\) -> 8080/\1/p' "$WORK/forward"); [ "$(curl -s --max-time 20 "http://127.0.0.1:$port/index.html")" = hello ]; }
check "orch: of a service, by its port's number" until_true 10 says_hello
kill $forward
$ORCH port-forward p 18010:81 >"$WORK/forward" 2>&1 &
forward=$!
nobody_listens() { curl -s --max-time 20 http://127.0.0.1:18010/ || true; grep -q "failed to connect to localhost:81" "$WORK/forward"; }
check "orch: a port that nobody listens on, in words" until_true 10 nobody_listens
kill $forward
client() { timeout 240 "$ORCH_BUILD/cli/orch" --kubeconfig "$STATE/admin.kubeconfig" "$@"; }
exercise "orch over TLS" 18050
port=18100
for version in 1.20 1.32 1.35; do
  port=$((port + 10))
  [ -x "$CLIENTS/$version/kubectl" ] || { echo "SKIP: no kubectl $version in $CLIENTS: run scripts/fetch-clients"; continue; }
  client() { HOME="$WORK/home" timeout 240 "$CLIENTS/$version/kubectl" --cache-dir "$WORK/cache-$version" --kubeconfig "$STATE/admin.kubeconfig" "$@"; }
  exercise "kubectl $version" $port
  check "kubectl $version: run -i --rm ends with what its input said, and the exit code" sh -c '[ "$1" = 5 ] && grep -q "^hello there$" "$2"' - "$(set +e; echo 'hello there' | client run -i --rm --restart=Never --image=box:1 "run-$(echo $version | tr . -)" --command -- sh -c 'sleep 0.3; cat; exit 5' >"$WORK/out" 2>&1; echo $?)" "$WORK/out"
done
check "nothing is left of all that: descriptors, processes" until_true 30 settled

# ---- attach ----
mkfifo "$WORK/words"
$ORCH attach -i p -c side <"$WORK/words" >"$WORK/out" 2>"$WORK/err" &
attached=$!
exec 5>"$WORK/words"
echo one >&5
check "attach brings input to the container and its output back" until_true 10 grep -qx 'got one' "$WORK/out"
echo two >&5
check "both kinds" until_true 10 grep -qx 'err two' "$WORK/err"
exec 5>&-
kill $attached 2>/dev/null || true
wait $attached 2>/dev/null || true
export PYTHONPATH="$SRC/tests/system" PYTHONDONTWRITEBYTECODE=1
cat >"$WORK/shell.py" <<'P'
import sys
from terminal import Terminal
t = Terminal(sys.argv[1:])
t.send(b'\n'); t.wait(b'# ')
t.says_size(33, 77)
t.kill()
P
check "attach -it is the container's terminal, with its size" python3 "$WORK/shell.py" $ORCH attach -it term
check "exec -it over TLS resizes, too" sh -c '[ ! -x "$1/1.20/kubectl" ] || python3 "$3/shell.py" "$1/1.20/kubectl" --cache-dir "$3/cache-1.20" --kubeconfig "$2/admin.kubeconfig" exec -it term -- sh' - "$CLIENTS" "$STATE" "$WORK"

# ---- bad clients ----
cat >"$WORK/bad.py" <<'P'
import base64, http.client, os, socket, ssl, struct, subprocess, sys, time, zlib
sock, server, node = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
POD = '/api/v1/namespaces/default/pods/p'
def rss(pid): return int([l for l in open(f'/proc/{pid}/status') if l.startswith('VmRSS')][0].split()[1])
def dial(path, protocol='portforward.k8s.io'):
    s = socket.socket(socket.AF_UNIX); s.settimeout(120); s.connect(sock)
    s.sendall((f'POST {POD}/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n'
               f'X-Stream-Protocol-Version: {protocol}\r\n\r\n').encode())
    head = b''
    while b'\r\n\r\n' not in head: head += s.recv(1)
    assert b' 101 ' in head, head
    return s
class Streams:
    def __init__(self): self.z = zlib.compressobj(0)
    def open(self, id, **headers):
        b = struct.pack('>I', len(headers))
        for k, v in headers.items(): b += struct.pack('>I', len(k)) + k.encode() + struct.pack('>I', len(v)) + v.encode()
        b = self.z.compress(b) + self.z.flush(zlib.Z_SYNC_FLUSH)
        b = struct.pack('>IIH', id, 0, 0) + b
        return b'\x80\x03\0\1\0' + len(b).to_bytes(3, 'big') + b
def data(id, d): return struct.pack('>I', id) + b'\0' + len(d).to_bytes(3, 'big') + d
def ends(s):
    try:
        while s.recv(65536): pass
    except ConnectionResetError: pass
    return True
def check(what, ok):
    assert ok, what
    print('ok -', what)

before = rss(server)
s, t = dial('portforward'), Streams()
s.sendall(b''.join(t.open(2 * i + 1, streamtype='error', port='8080', requestid=str(i)) for i in range(10000)))
refused, buf = 0, b''
while refused < 10000 - 512:
    buf += s.recv(65536)
    while len(buf) >= 8 and len(buf) >= 8 + int.from_bytes(buf[5:8], 'big'):
        n = 8 + int.from_bytes(buf[5:8], 'big')
        refused += buf[:4] == b'\x80\x03\0\3'
        buf = buf[n:]
check('of 10,000 streams 512 are taken', refused == 10000 - 512)
check('in bounded memory', rss(server) - before < 20000)
s.close()
s, t = dial('portforward'), Streams()
s.sendall(t.open(1, streamtype='error', port='8080', requestid='1') + t.open(1, streamtype='data', port='8080', requestid='1'))
check('a stream id that repeats ends the connection', ends(s))
s = dial('portforward'); s.sendall(b'GET / HTTP/1.1\r\n\r\n')
check('what is no SPDY ends it', ends(s))

# Never reads: cat's output fills what may wait, and no more.
before = rss(server), rss(node)
s, t = dial('exec?command=cat&command=/dev/zero&stdout=true', 'v4.channel.k8s.io'), Streams()
s.sendall(t.open(1, streamtype='error') + t.open(3, streamtype='stdout'))
time.sleep(2)
check('a client that never reads costs no memory', rss(server) - before[0] < 8000 and rss(node) - before[1] < 8000)
pings = b''.join(b'\x80\x03\0\6\0\0\0\4' + struct.pack('>I', 2 * i + 1) for i in range(200000))
s.settimeout(2)
try: s.sendall(pings)
except (socket.timeout, TimeoutError): pass
check('nor do its pings', rss(server) - before[0] < 10000)
s.close()

# Nobody reads over there: what the client sends waits with the client.
before = rss(server), rss(node)
s, t = dial('exec?command=sleep&command=1000&stdin=true', 'v4.channel.k8s.io'), Streams()
s.sendall(t.open(1, streamtype='error') + t.open(3, streamtype='stdin'))
s.settimeout(1.5)
sent = 0
try:
    while True: s.sendall(data(3, b'x' * 60000)); sent += 60000
except (socket.timeout, TimeoutError): pass
check('a program that never reads: input waits with the client', sent < 16000000 and rss(server) - before[0] < 8000 and rss(node) - before[1] < 8000)
s.close() # while the server doesn't read it
P
timeout 400 python3 "$WORK/bad.py" "$SOCKET" "$SERVER" "$NODE" || fail "bad clients"
check "what they started is gone with them, and their descriptors" until_true 30 settled

# ---- the server dies in between ----
$ORCH exec -i p -- cat </dev/zero >/dev/null 2>"$WORK/err" &
exec_pid=$!
$ORCH port-forward p 18020:8080 >"$WORK/forward" 2>&1 &
forward=$!
check "a command and a forwarded port are under way" until_true 10 listens 18020
check "really" until_true 10 pgrep -x cat
kill -9 "$SERVER"
ended() { ! kill -0 $exec_pid 2>/dev/null; }
check "the server is killed: the client's command ends" until_true 10 ended
wait $exec_pid && fail "exec said that all was well" || true
server_is_back() { SERVER=$(pgrep -x orchd-server) && [ -n "$SERVER" ] && $ORCH get pods >/dev/null 2>&1; }
check "the server comes back" until_true 20 server_is_back
no_cat() { [ "$(processes)" = 0 ]; }
check "and the program in the pod is gone" until_true 20 no_cat
check "the port is forwarded again, by the same orch" until_true 20 listens 18020
kill $forward
NODE_NOW() { [ "$(fds "$NODE")" -le $((NODE_FDS + 3)) ]; }
check "the node has closed what was open" until_true 20 NODE_NOW
stop_cluster
