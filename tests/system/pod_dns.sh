#!/bin/sh
# Names and services as a pod finds them: search path, headless, SRV, PTR, foreign names, UDP, several ports, hairpin, nobody there.
. "$(dirname "$0")/cluster.sh"
. "$(dirname "$0")/pods.sh"
need jq nsenter
PYTHON=/usr/bin/python3; [ -x $PYTHON ] || PYTHON=$(command -v python3) || skip "needs python3"

cat >"$WORK/upstream.py" <<'P'
import socket, struct
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.9', 53)); print('up', flush=True)
while True:
    q, peer = u.recvfrom(4096); end = 12
    while q[end]: end += 1 + q[end]
    n = 1 if q[end + 1:end + 3] == b'\0\1' else 0
    u.sendto(q[:2] + b'\x81\x80' + struct.pack('>HHHH', 1, n, 0, 0) + q[12:end + 5] + (b'\xc0\x0c\0\1\0\1\0\0\0\7\0\4\xc0\0\2\x2a') * n, peer)
P
cat >"$WORK/ask.py" <<'P'
# ask.py SERVER NAME TYPE: prints "rcode count: answers, sorted", one line
import socket, struct, sys
server, name, kind = sys.argv[1:4]
q = struct.pack('>HHHHHH', 4242, 0x100, 1, 0, 0, 0)
for l in name.split('.'): q += bytes([len(l)]) + l.encode()
q += struct.pack('>BHH', 0, {'A': 1, 'AAAA': 28, 'SRV': 33, 'PTR': 12}[kind], 1)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(20); s.sendto(q, (server, 53)); m = s.recv(4096)
def label(at):
    out = []
    while m[at]:
        if m[at] >= 0xc0: return '.'.join(out + [label(((m[at] & 63) << 8) | m[at + 1])])
        out.append(m[at + 1:at + 1 + m[at]].decode()); at += 1 + m[at]
    return '.'.join(out)
def skip(at):
    while m[at]:
        if m[at] >= 0xc0: return at + 2
        at += 1 + m[at]
    return at + 1
at = skip(12) + 4; out = []
for _ in range(struct.unpack('>H', m[6:8])[0]):
    at = skip(at); t, _, _, n = struct.unpack('>HHIH', m[at:at + 10]); at += 10
    if t == 1: out.append(socket.inet_ntoa(m[at:at + 4]))
    elif t == 33: out.append('%d %s' % (struct.unpack('>H', m[at + 4:at + 6])[0], label(at + 6)))
    elif t == 12: out.append(label(at))
    at += n
print(m[3] & 15, ', '.join(sorted(out)))
P
cat >"$WORK/udp.py" <<'P'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
if sys.argv[1] == 'serve':
    s.bind(('', 9999)); open(sys.argv[2], 'w').close()
    while True:
        d, peer = s.recvfrom(1000); s.sendto(b'udp ' + d, peer)
s.settimeout(20); s.connect((sys.argv[2], int(sys.argv[3]))); s.send(b'hello')
try: print(s.recv(1000).decode())
except ConnectionRefusedError: print('refused')
P
cat >"$WORK/tcp.py" <<'P'
import socket, sys
s = socket.socket(); s.settimeout(10)
try: s.connect((sys.argv[1], int(sys.argv[2]))); print('connected')
except ConnectionRefusedError: print('refused')
except TimeoutError: print('timeout')
P
$PYTHON "$WORK/upstream.py" >"$WORK/upstream" &
HELPERS=$!
until_true 10 grep -q up "$WORK/upstream" || fail "no upstream"
start_cluster --dns-upstream=127.0.0.9
import_box box:1

orch create -f - >/dev/null <<'Y' || fail "namespace"
apiVersion: v1
kind: Namespace
metadata: {name: far}
Y
apply <<'Y'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: box:1
        command: [sh, -c, "mkdir -p /www /admin; hostname >/www/index.html; echo admin >/admin/index.html; httpd -p 9090 -h /admin; exec httpd -f -p 8080 -h /www"]
        ports: [{name: http, containerPort: 8080}, {name: admin, containerPort: 9090}]
        readinessProbe: {httpGet: {path: /index.html, port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}, {name: admin, port: 81, targetPort: admin}]}
---
apiVersion: v1
kind: Service
metadata: {name: heads}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: named}
spec: {clusterIP: None, selector: {app: named}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: unready}
spec: {clusterIP: None, publishNotReadyAddresses: true, selector: {app: unready}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: ready-only}
spec: {clusterIP: None, selector: {app: unready}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: nobody}, ports: [{name: t, port: 80}, {name: u, port: 53, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: udp}
spec: {selector: {app: named}, ports: [{port: 53, targetPort: 9999, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {type: ExternalName, externalName: www.example.org}
---
apiVersion: v1
kind: Pod
metadata: {name: named, labels: {app: named}}
spec:
  hostname: host-a
  subdomain: named
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "box:1", command: [sleep, "5551"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: unready, labels: {app: unready}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "box:1", command: [sleep, "1000"], readinessProbe: {exec: {command: ["false"]}, periodSeconds: 1}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: remote, namespace: far}
spec:
  replicas: 1
  selector: {matchLabels: {app: remote}}
  template:
    metadata: {labels: {app: remote}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: main, image: "box:1", command: [sh, -c, "mkdir /www; echo from afar >/www/index.html; exec httpd -f -p 80 -h /www"]}]}
---
apiVersion: v1
kind: Service
metadata: {name: remote, namespace: far}
spec: {selector: {app: remote}, ports: [{port: 80}]}
Y
check "the web is ready" until_true 20 n_ready_is web 2
check "the pod that asks, too" until_true 20 pod_ready named
check "one stays unready" until_true 20 phase_is unready Running
main=$(pgrep -f '^sleep 5551' | head -1)
inside() { nsenter -t "$main" -n "$@"; }
DNS=$(in_pod named sed -n 's/^nameserver //p' /etc/resolv.conf)
domain=svc.cluster.local
ask() { inside "$PYTHON" "$WORK/ask.py" "$DNS" "$@"; }
answers() { [ "$(ask "$1" "$2")" = "$3" ]; }
service_ip() { field service "$1" .spec.clusterIP; }
fetch() { in_pod named wget -q -O - "http://$1"; }

check "a service by its full name" until_true 10 answers web.default.$domain A "0 $(service_ip web)"
for name in web web.default web.default.svc web.default.$domain; do check "reached as $name" until_true 5 fetch "$name"; done
from_afar() { [ "$(fetch remote.far)" = "from afar" ]; }
check "another namespace's by NAME.NAMESPACE" until_true 20 from_afar
check "but not by its name alone" sh -c '! "$0" --socket "$1" exec named -- wget -q -O - http://remote 2>/dev/null' "$ORCH_BUILD/cli/orch" "$SOCKET"
check "busybox nslookup agrees" sh -c '"$0" --socket "$1" exec named -- nslookup web.default.svc.cluster.local | grep -q "Address.*$2"' "$ORCH_BUILD/cli/orch" "$SOCKET" "$(service_ip web)"
ips=$(orch get pods -l app=web -o json | jq -r '[.items[].status.podIP] | sort | join(", ")')
check "a headless service gives every ready pod" until_true 10 answers heads.default.$domain A "0 $ips"
named_ip=$(field pod named .status.podIP)
check "hostname and subdomain name a pod" until_true 10 answers host-a.named.default.$domain A "0 $named_ip"
check "who can be reached so by its own full name" [ "$(in_pod named hostname -f)" = host-a.named.default.$domain ]
check "SRV names port and pod" until_true 10 answers _http._tcp.named.default.$domain SRV "0 8080 host-a.named.default.$domain"
check "SRV of a service" until_true 10 answers _http._tcp.web.default.$domain SRV "0 80 web.default.$domain"
reverse() { echo "$1" | awk -F. '{print $4 "." $3 "." $2 "." $1 ".in-addr.arpa"}'; }
check "PTR of a service" until_true 10 answers "$(reverse "$(service_ip web)")" PTR "0 web.default.$domain"
check "PTR of a pod" until_true 10 answers "$(reverse "$named_ip")" PTR "0 host-a.named.default.$domain"
check "what isn't: NXDOMAIN" until_true 10 answers nosuch.default.$domain A "3 "
check "what has no IPv6: no error" until_true 10 answers web.default.$domain AAAA "0 "
check "publishNotReadyAddresses shows the unready" until_true 10 answers unready.default.$domain A "0 $(field pod unready .status.podIP)"
check "else they are left out" [ "$(ask ready-only.default.$domain A | cut -d' ' -f2)" = "" ]
check "other names come from upstream" until_true 10 answers www.example.com A "0 192.0.2.42"

check "each port has its target" [ "$(fetch web:81)" = admin ]
both() { for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do fetch web; done | sort -u | wc -l | grep -qx 2; }
check "both pods answer" until_true 20 both
# The udp service leads to the pod itself: hairpin.
inside "$PYTHON" "$WORK/udp.py" serve "$WORK/udp-up" &
HELPERS="$HELPERS $!"
check "a UDP server is up in the pod" until_true 10 [ -e "$WORK/udp-up" ]
udp() { [ "$(inside "$PYTHON" "$WORK/udp.py" ask "$(service_ip udp)" 53)" = "udp hello" ]; }
check "a UDP service, to oneself" until_true 10 udp
web=$(first_pod web)
only_self() { orch scale deployment/web --replicas=1 >/dev/null && n_ready_is web 1; }
check "one web pod is left" until_true 20 only_self
hairpin() { [ "$(orch exec "$(first_pod web)" -- wget -q -O - http://web/)" = "$(first_pod web)" ]; }
check "which reaches itself by its service (hairpin)" until_true 20 hairpin
refused() { [ "$(inside "$PYTHON" "$@")" = refused ]; }
check "who offers nothing is refused at once: TCP" until_true 10 refused "$WORK/tcp.py" "$(service_ip nobody)" 80
check "and UDP" until_true 10 refused "$WORK/udp.py" ask "$(service_ip nobody)" 53
check "and a port that the service doesn't have" [ "$(inside "$PYTHON" "$WORK/tcp.py" "$(service_ip web)" 4444)" != connected ]
check "from the machine, too" sh -c '[ "$("$0" "$1" "$2" 80)" = refused ]' "$PYTHON" "$WORK/tcp.py" "$(service_ip nobody)"
check "deleting a service" orch delete service web
check "takes its name away" until_true 10 answers web.default.$domain A "3 "
kill $HELPERS 2>/dev/null || true
stop_cluster
