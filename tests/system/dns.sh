#!/bin/sh
# orch-dns over UDP and TCP, its snapshot replaced, damaged and missing, other names passed on: in a network namespace.
if [ "${IN_NAMESPACE:-}" != 1 ] && [ "$(id -u)" = 0 ]; then
  IN_NAMESPACE=1 exec "$(dirname "$0")/../../scripts/in-namespaces" sh "$0" "$@" # all of it ends with the test
fi
. "$(dirname "$0")/lib.sh"
need_root
need ip unshare
PYTHON=/usr/bin/python3; [ -x $PYTHON ] || PYTHON=$(command -v python3) || skip "needs python3"
ip link set lo up
DNS="$ORCH_BUILD/daemon/dns/orch-dns"
DRIVE="$ORCH_BUILD/tests/system/network-drive"
PIDS=
CLEANUP='kill $PIDS 2>/dev/null'
chmod 755 "$WORK"; mkdir -p "$WORK/run"
names() { printf 'names %s %s\n' "$WORK/services" "$WORK/run/snapshot" | "$DRIVE" | grep -q ^ok; }

cat >"$WORK/upstream.py" <<'P'
# An upstream resolver: any name is 192.0.2.1; names that begin with "big" are cut by UDP, with "fail" fail, with "mute" get nothing.
import socket, struct, sys, threading
host, address = sys.argv[1], bytes(int(x) for x in sys.argv[2].split('.'))
def answer(q, tcp):
    end = 12
    while q[end]: end += 1 + q[end]
    first = q[13:13 + q[12]].lower()
    if first.startswith(b'mute'): return None
    rcode, n, flags = (2, 0, 0x81) if first.startswith(b'fail') else (0, 1, 0x81)
    if first.startswith(b'big') and not tcp: n, flags = 0, 0x83
    head = q[:2] + bytes([flags, 0x80 | rcode]) + struct.pack('>HHHH', 1, n, 0, 0)
    return head + q[12:end + 5] + (b'\xc0\x0c\0\1\0\1\0\0\0\7\0\4' + address) * n
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind((host, 53))
t = socket.socket(); t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); t.bind((host, 53)); t.listen(8)
def tcp():
    while True:
        c, _ = t.accept(); d = c.recv(4096); a = answer(d[2:], True)
        if a: c.sendall(struct.pack('>H', len(a)) + a)
        c.close()
threading.Thread(target=tcp, daemon=True).start()
print('up', flush=True)
while True:
    q, peer = u.recvfrom(4096); a = answer(q, False)
    if a: u.sendto(a, peer)
P
cat >"$WORK/ask.py" <<'P'
# ask.py udp|tcp NAME TYPE [PORT]: prints rcode, flags, number of answers and the last four bytes of the answer as an address
import random, socket, struct, sys
proto, name, kind = sys.argv[1:4]; port = int(sys.argv[4]) if len(sys.argv) > 4 else 53
q = struct.pack('>HHHHHH', random.randrange(65536), 0x100, 1, 0, 0, 0)
for l in name.split('.'): q += bytes([len(l)]) + l.encode()
q += struct.pack('>BHH', 0, {'A': 1, 'AAAA': 28, 'SRV': 33, 'PTR': 12, 'SOA': 6}[kind], 1)
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if proto == 'tcp' else socket.SOCK_DGRAM); s.settimeout(60); s.connect(('127.0.0.1', port))
if proto == 'tcp':
    s.sendall(struct.pack('>H', len(q))); s.sendall(q); d = b''
    while len(d) < 2 or len(d) < 2 + struct.unpack('>H', d[:2])[0]:
        x = s.recv(65536)
        if not x: sys.exit('closed')
        d += x
    d = d[2:]
else:
    s.send(q); d = s.recv(65536)
i, f, qd, an, ns, ar = struct.unpack('>HHHHHH', d[:12])
assert i == struct.unpack('>H', q[:2])[0] and d[12:len(q)] == q[12:], 'another question'
print('rcode=%d tc=%d aa=%d n=%d%s' % (f & 15, f >> 9 & 1, f >> 10 & 1, an, ' ' + '.'.join(map(str, d[-4:])) if an else ''))
P
ask() { "$PYTHON" "$WORK/ask.py" "$@"; }
says() { want=$1; shift; got=$("$@" 2>&1); [ "$got" = "$want" ] || { echo "expected \"$want\", got \"$got\"" >&2; return 1; }; }

echo "nameserver 127.0.0.1
nameserver 127.0.0.2
nameserver 127.0.0.3" >"$WORK/resolv.conf"
chmod 644 "$WORK/resolv.conf"
"$DNS" --snapshot "$WORK/run/snapshot" --listen 127.0.0.1 --resolv-conf "$WORK/resolv.conf" --user nobody 2>"$WORK/log" & dns=$!
PIDS="$PIDS $dns"
until_true 5 grep -q ready "$WORK/log" || fail "orch-dns does not start: $(cat "$WORK/log")"
check "it runs as an ordinary user" sh -c '[ "$(stat -c %U /proc/'$dns')" = nobody ] && grep -q "NoNewPrivs:.1" /proc/'$dns/status
check "without a snapshot the cluster's names fail" says "rcode=2 tc=0 aa=0 n=0" ask udp svc0.default.svc.cluster.local A
check "and without an upstream resolver all others do" says "rcode=2 tc=0 aa=0 n=0" ask udp www.example.org A

echo "10.96.0.10 tcp 80 random 10.244.0.3:8080" >"$WORK/services"
check "a snapshot is written" names
check "it is noticed, and answers by UDP" until_true 5 says "rcode=0 tc=0 aa=1 n=1 10.96.0.10" ask udp svc0.default.svc.cluster.local A
check "and by TCP" says "rcode=0 tc=0 aa=1 n=1 10.96.0.10" ask tcp svc0.default.svc.cluster.local A
check "an unknown name does not exist" says "rcode=3 tc=0 aa=1 n=0" ask udp www.example.org.default.svc.cluster.local A
check "nor does it by TCP" says "rcode=3 tc=0 aa=1 n=0" ask tcp nobody.default.svc.cluster.local A
echo "10.96.0.11 tcp 80 random 10.244.0.3:8080" >"$WORK/services"
check "the snapshot is replaced" names
check "the new one answers" until_true 5 says "rcode=0 tc=0 aa=1 n=1 10.96.0.11" ask udp svc0.default.svc.cluster.local A
cp "$WORK/run/snapshot" "$WORK/run/bad"; printf x | dd of="$WORK/run/bad" bs=1 seek=200 conv=notrunc 2>/dev/null; mv "$WORK/run/bad" "$WORK/run/snapshot"
until_true 5 grep -q "checksum differs; the names before stay" "$WORK/log" || fail "no word of a damaged snapshot: $(cat "$WORK/log")"
check "a damaged one is refused and the old one goes on" says "rcode=0 tc=0 aa=1 n=1 10.96.0.11" ask udp svc0.default.svc.cluster.local A
rm "$WORK/run/snapshot"; kill -HUP $dns
check "a missing one, too" says "rcode=0 tc=0 aa=1 n=1 10.96.0.11" ask udp svc0.default.svc.cluster.local A
rm -r "$WORK/run"; mkdir "$WORK/run"; chmod 755 "$WORK/run"
echo "10.96.0.12 tcp 80 random 10.244.0.3:8080" >"$WORK/services"
names
check "its folder may go and come again" until_true 5 says "rcode=0 tc=0 aa=1 n=1 10.96.0.12" ask udp svc0.default.svc.cluster.local A

"$PYTHON" "$WORK/upstream.py" 127.0.0.3 192.0.2.3 >"$WORK/up3" & PIDS="$PIDS $!"
until_true 5 grep -q up "$WORK/up3" || fail "no upstream"
check "other names go to the upstream that answers" until_true 10 says "rcode=0 tc=0 aa=0 n=1 192.0.2.3" ask udp www.example.org A
check "by TCP as well" until_true 10 says "rcode=0 tc=0 aa=0 n=1 192.0.2.3" ask tcp www.example.org A
check "what upstream cuts is cut" until_true 10 says "rcode=0 tc=1 aa=0 n=0" ask udp big.example.org A
check "and comes whole by TCP" until_true 10 says "rcode=0 tc=0 aa=0 n=1 192.0.2.3" ask tcp big.example.org A
"$PYTHON" "$WORK/upstream.py" 127.0.0.2 192.0.2.2 >"$WORK/up2" & PIDS="$PIDS $!"
until_true 5 grep -q up "$WORK/up2" || fail "no upstream"
check "an upstream that fails is not the last word, but its failure is" says "rcode=2 tc=0 aa=0 n=0" ask udp fail.example.org A
check "silence ends as a failure" says "rcode=2 tc=0 aa=0 n=0" ask udp mute.example.org A
echo "nameserver 127.0.0.2" >"$WORK/resolv.conf"
check "a changed resolv.conf is noticed" until_true 8 says "rcode=0 tc=0 aa=0 n=1 192.0.2.2" ask udp www.example.org A

cat >"$WORK/abuse.py" <<'P'
import os, socket, struct
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.connect(('127.0.0.1', 53)); u.setblocking(False)
for i in range(3000):
    try: u.send(os.urandom(i % 700)); u.recv(4096)
    except OSError: pass
keep = []
for i in range(200):
    c = socket.create_connection(('127.0.0.1', 53)); keep.append(c)
    try: c.sendall([b'', b'\0', b'\xff\xff', b'\0\x20' + os.urandom(32), b'\0\x0c' + b'\0' * 5][i % 5])
    except OSError: pass
P
check "nonsense and 200 idle connections do no harm" "$PYTHON" "$WORK/abuse.py"
check "it answers UDP as before" says "rcode=0 tc=0 aa=1 n=1 10.96.0.12" ask udp svc0.default.svc.cluster.local A
check "it answers TCP as before" says "rcode=0 tc=0 aa=1 n=1 10.96.0.12" ask tcp svc0.default.svc.cluster.local A
check "a second one says why it can't start" sh -c '"$0" --listen 127.0.0.1 2>&1 | grep -q "is in use by another program; stop it"' "$DNS"
check "a user who doesn't exist is named" sh -c '"$0" --listen 127.0.0.1:5353 --user nobody-here 2>&1 | grep -q "useradd"' "$DNS"
kill $dns; wait $dns && rc=0 || rc=$?
check "it ends on SIGTERM" [ "$rc" = 0 ]
echo "all passed"
