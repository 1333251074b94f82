#!/bin/sh
# The API over TLS: who is let in, what a wrong credential gets, and that garbage harms nobody else.
. "$(dirname "$0")/cluster.sh"
need openssl curl jq python3

URL=https://127.0.0.1:6443
PKI="$STATE/server/pki"
AUDIT="$STATE/server/audit.log"
start_cluster --tls-san=api.example.test --audit-log="$AUDIT"

# ask [curl option...]: the body, then the status on a line of its own.
ask() { curl -s --max-time 100 --cacert "$PKI/ca.pem" -w '\n%{http_code}' "$@"; }
status_of() { ask "$@" | tail -1; }
message_of() { ask "$@" | head -1 | jq -r .message; }
answers() { [ "$1" = "$2" ] || fail "$3: $1 instead of $2"; echo "ok - $3"; }
as_admin() { ask --cert "$PKI/admin.pem" --key "$PKI/admin.pem" "$@"; }

# ---- keys ----
check "keys are for their owner alone" sh -c '[ "$(stat -c %a "$0"/*.pem "$0"/../admin.kubeconfig | sort -u)" = 600 ]' "$PKI"
check "the kubeconfig is where people look" sh -c '[ -f "$0/admin.kubeconfig" ]' "$STATE"
for name in localhost kubernetes.default.svc.cluster.local node-1 api.example.test; do
  check "the certificate is for $name" sh -c 'openssl s_client -connect 127.0.0.1:6443 -CAfile "$0/ca.pem" -verify_hostname '$name' -verify_return_error </dev/null >/dev/null 2>&1' "$PKI"
done
ip address add 192.0.2.7/32 dev lo
check "and for an address that came later" sh -c 'openssl s_client -connect 192.0.2.7:6443 -CAfile "$0/ca.pem" -verify_ip 192.0.2.7 -verify_return_error </dev/null >/dev/null 2>&1' "$PKI"
check "TLS 1.1 is not spoken" sh -c '! openssl s_client -connect 127.0.0.1:6443 -tls1_1 -cipher DEFAULT:@SECLEVEL=0 </dev/null >/dev/null 2>&1'

# ---- who is let in ----
answers "$(status_of $URL/healthz)" 200 "health is for everybody"
answers "$(status_of $URL/version)" 200 "the version, too"
answers "$(status_of $URL/api/v1/pods)" 401 "nobody may list pods"
answers "$(ask $URL/api/v1/pods | head -1 | jq -r .reason)" Unauthorized "and is told so by a Status"
answers "$(as_admin $URL/api/v1/namespaces/default | tail -1)" 200 "the administrator's certificate is let in"
answers "$(status_of -H 'Authorization: Basic YTpi' $URL/version)" 401 "passwords are not known here"

# certificate NAME SUBJECT [x509 option...]: a client certificate by our authority.
certificate() {
  name=$1 subject=$2; shift 2
  openssl ecparam -name prime256v1 -genkey -noout -out "$WORK/$name.key" 2>/dev/null
  openssl req -new -key "$WORK/$name.key" -subj "$subject" -out "$WORK/$name.csr"
  printf 'extendedKeyUsage=clientAuth\n' >"$WORK/client.ext"
  openssl x509 -req -in "$WORK/$name.csr" -extfile "$WORK/client.ext" "$@" -out "$WORK/$name.crt" 2>/dev/null
}
as() { name=$1; shift; ask --cert "$WORK/$name.crt" --key "$WORK/$name.key" "$@"; }
certificate jane /O=ops/O=dev/CN=jane -CA "$PKI/ca.pem" -CAkey "$PKI/ca.pem" -CAcreateserial -days 2
REVIEW='{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
WHOAMI=$URL/apis/authentication.k8s.io/v1/selfsubjectreviews
answers "$(as jane -H 'Content-Type: application/json' -d "$REVIEW" $WHOAMI | head -1 | jq -c '.status.userInfo | [.username, .groups]')" \
  '["jane",["ops","dev","system:authenticated"]]' "a certificate's CN is the user, its O are the groups"
answers "$(as jane $URL/api/v1/pods | tail -1)" 403 "who is known and has no right gets 403"

certificate old /CN=old -CA "$PKI/ca.pem" -CAkey "$PKI/ca.pem" -days 1
python3 - "$WORK" "$PKI" <<'PY'
import subprocess, sys
# openssl x509 knows no past: "ca" does.
work, pki = sys.argv[1:]
open(f'{work}/index', 'w').close()
open(f'{work}/serial', 'w').write('01')
open(f'{work}/ca.conf', 'w').write(f'''[ca]\ndefault_ca=x\n[x]\ndatabase={work}/index\nserial={work}/serial\nnew_certs_dir={work}
default_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]\nextendedKeyUsage=clientAuth\n''')
subprocess.run(['openssl', 'ca', '-batch', '-notext', '-config', f'{work}/ca.conf', '-cert', f'{pki}/ca.pem', '-keyfile', f'{pki}/ca.pem',
                '-startdate', '200101000000Z', '-enddate', '210101000000Z', '-in', f'{work}/old.csr', '-out', f'{work}/old.crt'],
               check=True, stderr=subprocess.DEVNULL)
PY
answers "$(as old $URL/version | tail -1)" 401 "an expired certificate is refused"
check "and the reason is told" sh -c 'echo "$0" | grep -q "it has expired at 2021-01-01T00:00:00Z"' "$(as old $URL/version | head -1)"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/other.key" -out "$WORK/other.pem" -subj /CN=other -days 2 2>/dev/null
certificate foreign /O=system:masters/CN=foreign -CA "$WORK/other.pem" -CAkey "$WORK/other.key" -CAcreateserial -days 2
answers "$(as foreign $URL/version | tail -1)" 401 "a certificate of another authority is refused"
# One whose name claims our authority.
subject=$(openssl x509 -in "$PKI/ca.pem" -noout -subject -nameopt multiline | sed -n 's/.*commonName *= //p')
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/fake.key" -out "$WORK/fake.pem" -subj "/CN=$subject" -days 2 2>/dev/null
certificate forged /O=system:masters/CN=kubernetes-admin -CA "$WORK/fake.pem" -CAkey "$WORK/fake.key" -CAcreateserial -days 2
answers "$(as forged $URL/version | tail -1)" 401 "one of an authority with our authority's name, too"
answers "$(ask --cert "$PKI/server.pem" --key "$PKI/server.pem" $URL/version | tail -1)" 401 "a server's certificate is none for clients"

# ---- tokens ----
json() { as_admin -H 'Content-Type: application/json' "$@"; }
json -d '{"metadata":{"name":"robot"}}' $URL/api/v1/namespaces/default/serviceaccounts >/dev/null
token() { json -d "{\"spec\":{$1}}" $URL/api/v1/namespaces/default/serviceaccounts/robot/token | head -1 | jq -r .status.token; }
bearer() { token=$1; shift; ask -H "Authorization: Bearer $token" "$@"; }
T=$(token '"expirationSeconds":600')
answers "$(bearer "$T" -H 'Content-Type: application/json' -d "$REVIEW" $WHOAMI | head -1 | jq -r .status.userInfo.username)" \
  system:serviceaccount:default:robot "a token is its service account"
answers "$(bearer "$T" $URL/api/v1/pods | tail -1)" 403 "without a role it may nothing"
answers "$(bearer "${T%?????}AAAAA" $URL/version | tail -1)" 401 "a changed signature is refused"
answers "$(bearer "$(echo "$T" | cut -d. -f2-)" $URL/version | tail -1)" 401 "half a token, too"
answers "$(bearer "eyJhbGciOiJub25lIn0.$(echo "$T" | cut -d. -f2)." $URL/version | tail -1)" 401 "and one that needs no signature"
answers "$(bearer "$(token '"audiences":["elsewhere"]')" $URL/version | tail -1)" 401 "and one that is meant for somebody else"
answers "$(bearer "$(head -c 20000 /dev/zero | tr '\0' a)" $URL/version | tail -1)" 401 "and one of 20 kB"
as_admin -X DELETE $URL/api/v1/namespaces/default/serviceaccounts/robot >/dev/null
answers "$(bearer "$T" $URL/version | tail -1)" 401 "a token dies with its account"
json -d '{"metadata":{"name":"robot"}}' $URL/api/v1/namespaces/default/serviceaccounts >/dev/null
answers "$(bearer "$T" $URL/version | tail -1)" 401 "and stays dead when the name comes again"

# ---- in somebody else's name ----
impersonated() { as_admin -H 'Content-Type: application/json' -d "$REVIEW" "$@" $WHOAMI | head -1; }
answers "$(impersonated -H 'Impersonate-User: joe' -H 'Impersonate-Group: a' -H 'Impersonate-Group: b' -H 'Impersonate-Extra-acme.com%2Fx: y' | jq -c '.status.userInfo | [.username, .groups, .extra]')" \
  '["joe",["a","b","system:authenticated"],{"acme.com/x":["y"]}]' "the administrator acts as somebody else"
answers "$(as jane -H 'Impersonate-User: kubernetes-admin' -H 'Impersonate-Group: system:masters' $URL/api/v1/pods | tail -1)" 403 "others may not"
answers "$(impersonated -H 'Impersonate-Group: a' | jq -r .code)" 400 "a group needs a user"

# ---- faults ----
server=$(pgrep -f "^$LIBEXEC/orchd-server" | head -1)
descriptors() { ls /proc/"$server"/fd | wc -l; }
before=$(descriptors)
cat >"$WORK/faults.py" <<'PY'
import os, socket, ssl, sys, time
def connect():
    s = socket.create_connection(('127.0.0.1', 6443)); s.settimeout(200); return s
def ended(s):  # the server has closed, or reset
    try:
        while s.recv(4096): pass
    except ConnectionError: pass
    return True
for garbage in [b'GET / HTTP/1.1\r\n\r\n', os.urandom(300), b'\x16\x03\x01\xff\xff' + os.urandom(2000), b'\x16\x03\x01\x00\x05\x01\x00\xff\xff\xff', b'\x80\x2e\x01' + bytes(60)]:
    s = connect()
    s.sendall(garbage)
    try: s.shutdown(socket.SHUT_WR)
    except OSError: pass  # closed already
    assert ended(s)
print('garbage ends', flush=True)
silent = [connect() for _ in range(300)]
for i, s in enumerate(silent):
    if i % 2: s.sendall(b'\x16\x03\x01\x02\x00\x01')  # a handshake that goes on no further
began = time.monotonic()
context = ssl.create_default_context(cafile=sys.argv[1])
with context.wrap_socket(connect(), server_hostname='localhost') as s:
    s.sendall(b'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    assert b'200 OK' in s.recv(4096)
print('others are answered meanwhile', flush=True)
quiet = context.wrap_socket(connect(), server_hostname='localhost')  # through with its handshake: may be silent
for s in silent: assert ended(s)
print('unfinished handshakes end after %d s' % (time.monotonic() - began), flush=True)
quiet.sendall(b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
assert b'200 OK' in quiet.recv(4096)
print('a finished one is kept', flush=True)
PY
check "garbage and half handshakes end, others are served" python3 "$WORK/faults.py" "$PKI/ca.pem"
check "nothing stays open" until_true 5 sh -c "[ \$(ls /proc/$server/fd | wc -l) -le $((before + 2)) ]"

# ---- the audit log ----
told() { [ "$(jq -c "select($1)" "$AUDIT" | head -1)" ]; }
check "the log says who was refused" until_true 5 told '.user.username == "jane" and .verb == "list" and .responseStatus.code == 403'
check "and in whose name somebody acted" until_true 5 told '.user.username == "kubernetes-admin" and .impersonatedUser.username == "joe" and .sourceIPs == ["127.0.0.1"]'
check "no token is in it" sh -c '! grep -qF "$1" "$0" && ! grep -qi bearer "$0"' "$AUDIT" "$(echo "$T" | cut -d. -f3)"

# ---- a restart ----
sum=$(cat "$PKI"/*.pem | sha256sum)
stop_cluster
start_cluster --tls-san=api.example.test
answers "$(cat "$PKI"/*.pem | sha256sum)" "$sum" "a restart makes no new keys"
answers "$(as_admin $URL/api/v1/namespaces/default | tail -1)" 200 "the kubeconfig is still good"
stop_cluster
printf x >"$PKI/server.pem"
rm "$PKI/admin.pem"
start_cluster --tls-san=api.example.test
answers "$(as_admin $URL/api/v1/namespaces/default | tail -1)" 200 "damaged and lost files are made again"
stop_cluster
