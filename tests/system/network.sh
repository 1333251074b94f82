#!/bin/sh
# Pods on the bridge, service addresses in the kernel, restart of the node: in a network namespace of its own.
if [ "${IN_NAMESPACE:-}" != 1 ] && [ "$(id -u)" = 0 ]; then
  IN_NAMESPACE=1 exec "$(dirname "$0")/../../scripts/in-namespaces" sh "$0" "$@" # all of it ends with the test
fi
. "$(dirname "$0")/lib.sh"
need_root
need ip nft python3 busybox unshare nsenter
ip link set lo up
mount -t sysfs sysfs /sys 2>/dev/null || true
DRIVE="$ORCH_BUILD/tests/system/network-drive"

mkfifo "$WORK/in" "$WORK/out"
"$DRIVE" <"$WORK/in" >"$WORK/out" & drive_pid=$!
exec 3>"$WORK/in" 4<"$WORK/out"
PODS=
CLEANUP='exec 3>&-; kill $PODS 2>/dev/null'
drive() { # drive words...: sends a command, expects ok
  echo "$*" >&3
  read -r answer <&4
  case $answer in ok*) return 0 ;; *) echo "$*: $answer" >&2; return 1 ;; esac
}
new_pod() { # new_pod NAME: a process in a network namespace of its own; its pid in POD_NAME
  unshare --net sleep 1000 & eval "POD_$1=$!"
  PODS="$PODS $!"
  until_true 10 sh -c "[ \$(readlink /proc/$!/ns/net) != \$(readlink /proc/$$/ns/net) ]" || fail "no namespace"
}
in_pod() { pid=$1; shift; nsenter -t "$pid" -n "$@"; }
reaches() { in_pod "$1" busybox ping -q -c1 -W20 "$2" >/dev/null; }
serve() { # serve PID PORT WORD: answers every TCP connection and UDP packet with the word and the client's address
  in_pod "$1" python3 - "$2" "$3" <<'P' & PODS="$PODS $!"
import socket, sys, threading
port, word = int(sys.argv[1]), sys.argv[2]
t = socket.socket(); t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); t.bind(('', port)); t.listen(64)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('', port))
def udp():
    while True:
        d, a = u.recvfrom(512); u.sendto((word + ' ' + a[0]).encode(), a)
threading.Thread(target=udp, daemon=True).start()
while True:
    c, a = t.accept(); c.sendall((word + ' ' + a[0] + '\n').encode()); c.close()
P
}
cat >"$WORK/ask.py" <<'P'
import socket, sys
proto, host, port, times = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for i in range(times):
    try:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if proto == 'udp' else socket.SOCK_STREAM)
        s.settimeout(60); s.connect((host, port))
        if proto == 'udp': s.send(b'x')
        print(s.recv(100).decode().strip())
    except socket.timeout: print('timeout')
    except OSError as e: print(e.strerror)
P
ask() { in_pod "$1" python3 "$WORK/ask.py" "$2" "$3" "$4" "${5:-1}"; }
ask_host() { python3 "$WORK/ask.py" "$@"; }
says() { # says WORDS command...: the output, sorted and without doubles, is exactly that
  want=$1; shift
  got=$("$@" | sort -u | tr '\n' ';')
  [ "$got" = "$want" ] || { echo "expected \"$want\", got \"$got\"" >&2; return 1; }
}
answers() { ask "$1" tcp "$2" "$3" | grep -q "^$4 "; }

check "bridge and first rules are made" drive setup
check "a second time changes nothing" drive setup
new_pod A; new_pod B; new_pod C
check "pod A is attached" drive attach $POD_A uid-a 10.244.0.2
check "pod B is attached" drive attach $POD_B uid-b 10.244.0.3
check "pod C is attached" drive attach $POD_C uid-c 10.244.0.4
check "attaching again is no error" drive attach $POD_A uid-a 10.244.0.2
check "a pod reaches the gateway" reaches $POD_A 10.244.0.1
check "a pod reaches a pod" reaches $POD_A 10.244.0.3
check "the host reaches a pod" busybox ping -q -c1 -W20 10.244.0.4
serve $POD_A 8080 a; serve $POD_B 8080 b; serve $POD_C 8080 c
until_true 10 answers $POD_A 10.244.0.2 8080 a || fail "nobody listens"
until_true 10 answers $POD_A 10.244.0.3 8080 b || fail "nobody listens"
until_true 10 answers $POD_A 10.244.0.4 8080 c || fail "nobody listens"

VIP=10.96.0.10
check "an unknown service refuses TCP at once" says "Connection refused;" ask $POD_A tcp $VIP 80
check "an unknown service refuses UDP at once" says "Connection refused;" ask $POD_A udp $VIP 80
check "an unknown service refuses the host, too" says "Connection refused;" ask_host tcp $VIP 80 1
cat >"$WORK/one" <<T
$VIP tcp 80 random 10.244.0.3:8080 10.244.0.4:8080
$VIP udp 53 random 10.244.0.3:8080
10.96.0.11 tcp 80 sticky 10.244.0.3:8080 10.244.0.4:8080
10.96.0.12 tcp 80 random
10.96.0.13 tcp 80 random 10.244.0.2:8080
T
check "rules are loaded" drive apply "$WORK/one"
check "a service balances over its endpoints and shows the client's address" \
  says "b 10.244.0.2;c 10.244.0.2;" ask $POD_A tcp $VIP 80 40
check "the host reaches the service" says "b 10.244.0.1;c 10.244.0.1;" ask_host tcp $VIP 80 40
check "UDP works" says "b 10.244.0.2;" ask $POD_A udp $VIP 53 3
check "client affinity stays with one endpoint" sh -c '[ "$(nsenter -t '$POD_A' -n python3 '"$WORK"'/ask.py tcp 10.96.0.11 80 20 | sort -u | wc -l)" = 1 ]'
check "a service without endpoints refuses" says "Connection refused;" ask $POD_A tcp 10.96.0.12 80
check "a pod reaches itself through its service, masqueraded" says "a 10.244.0.1;" ask $POD_A tcp 10.96.0.13 80 3

cat >"$WORK/flow.py" <<'P'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 4000)); s.settimeout(60); s.connect((sys.argv[1], 53))
for line in sys.stdin:
    s.send(b'x'); print(s.recv(100).decode(), flush=True)
P
mkfifo "$WORK/fin" "$WORK/fout"
in_pod $POD_A python3 "$WORK/flow.py" $VIP <"$WORK/fin" >"$WORK/fout" & PODS="$PODS $!"
exec 5>"$WORK/fin" 6<"$WORK/fout"
echo >&5; read -r first <&6
[ "$first" = "b 10.244.0.2" ] || fail "a UDP flow begins at b, not $first"
sed "s/^$VIP tcp.*/$VIP tcp 80 random 10.244.0.4:8080/; s/^$VIP udp.*/$VIP udp 53 random 10.244.0.4:8080/" "$WORK/one" >"$WORK/two"
check "an endpoint is removed" drive apply "$WORK/two"
check "the removed endpoint gets nothing more" says "c 10.244.0.2;" ask $POD_A tcp $VIP 80 20
echo >&5; read -r second <&6
check "a UDP flow of an open socket moves to the other endpoint" [ "$second" = "c 10.244.0.2" ]
exec 5>&- 6<&-

nft list table ip orch >"$WORK/before"
cat >"$WORK/talk.py" <<'P'
import socket, sys
s = socket.create_connection((sys.argv[1], 9000)); s.settimeout(60)
for line in sys.stdin:
    s.sendall(b'x'); print(s.recv(1).decode(), flush=True)
P
in_pod $POD_C python3 -c '
import socket
t = socket.socket(); t.bind(("", 9000)); t.listen(1); print("up", flush=True); c = t.accept()[0]
while True:
    d = c.recv(1)
    if not d: break
    c.sendall(d)' >"$WORK/up" & PODS="$PODS $!"
until_true 10 grep -q up "$WORK/up" || fail "nobody listens"
echo "10.96.0.14 tcp 9000 random 10.244.0.4:9000" >>"$WORK/two"
check "a service is added" drive apply "$WORK/two"
mkfifo "$WORK/tin" "$WORK/tout"
in_pod $POD_A python3 "$WORK/talk.py" 10.96.0.14 <"$WORK/tin" >"$WORK/tout" & PODS="$PODS $!"
exec 5>"$WORK/tin" 6<"$WORK/tout"
echo >&5; read -r x <&6
check "the node comes back after a crash" drive restart
check "it adopts the bridge" drive setup
check "rules in force stay until the first load" says "c 10.244.0.2;" ask $POD_A tcp $VIP 80 3
check "it loads the rules anew" drive apply "$WORK/two"
echo >&5; read -r x <&6
check "a connection lives through the restart" [ "$x" = x ]
exec 5>&- 6<&-
check "the table is as it was" sh -c 'nft list table ip orch | grep -v 10.96.0.14 | sort >"$1/l1"; sort "$1/before" >"$1/l2"; grep -c 10.96.0.10 "$1/l1" >/dev/null' sh "$WORK"
check "an endpoint of a restarted node's service still answers" says "c 10.244.0.2;" ask $POD_A tcp $VIP 80 3

nft delete table ip orch
cp "$WORK/one" "$WORK/three"
check "rules that somebody flushed are loaded anew by the next change" drive apply "$WORK/three"
check "and work" says "b 10.244.0.2;c 10.244.0.2;" ask $POD_A tcp $VIP 80 40

new_pod D
check "a pod whose namespace was replaced is attached anew" drive attach $POD_D uid-a 10.244.0.9
check "and reaches others" reaches $POD_D 10.244.0.3
check "a pod is detached" drive detach uid-b
check "twice is no error" drive detach uid-b
if in_pod $POD_A busybox ping -q -c1 -W1 10.244.0.3 >/dev/null; then fail "a detached pod still answers"; fi
check "everything is removed" drive teardown
check "nothing is left" sh -c '! ip link show orch0 2>/dev/null && ! nft list table ip orch 2>/dev/null'
echo "all passed"
