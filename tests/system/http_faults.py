"""Clients that mean no good, against a real orchd-server. Usage: http_faults.py PROGRAM"""
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

PROGRAM = sys.argv[1]
IDLE_TIMEOUT_S = 8 # less, and a loaded machine is taken for a client that drips
MAPS = '/api/v1/namespaces/default/configmaps'
work = tempfile.mkdtemp(prefix='orch-faults-')
sock_path = work + '/run/orch.sock'


def start():
    ready_r, ready_w = os.pipe()
    p = subprocess.Popen([PROGRAM, '--state-dir', work + '/state', '--run-dir', work + '/run', '--listen', 'none',
                          '--idle-timeout', str(IDLE_TIMEOUT_S), '--ready-fd', str(ready_w)], pass_fds=[ready_w],
                         stderr=subprocess.PIPE)
    os.close(ready_w)
    assert os.read(ready_r, 16) == b'ready\n', p.stderr.read()
    os.close(ready_r)
    return p


def connect(small=False):
    s = socket.socket(socket.AF_UNIX)
    if small:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(120)
    end = time.monotonic() + 120
    while True:
        try:
            s.connect(sock_path)
            return s
        except BlockingIOError:  # so many wait to be accepted
            assert time.monotonic() < end, 'no connection in 120 s'
            time.sleep(0.001)


def read_all(s):
    """A unix socket tells first that the other end closed with something unread; what it said before can still be read."""
    data = b''
    while True:
        try:
            chunk = s.recv(65536)
        except ConnectionResetError:
            continue
        if not chunk:
            return data
        data += chunk


def send(s, data):
    """Whether all of it was taken."""
    try:
        s.sendall(data)
        return True
    except (BrokenPipeError, ConnectionResetError):
        return False


def answer_of(data):
    head, _, body = data.partition(b'\r\n\r\n')
    status = int(head.split(b' ')[1]) if head.startswith(b'HTTP/1.1 ') else 0
    headers = {line.split(b':')[0].lower().decode(): line.split(b':', 1)[1].strip().decode() for line in head.split(b'\r\n')[1:]}
    return status, headers, body


def raw(data, is_all=True):
    """What a connection of its own answers to these bytes; is_all: nothing more comes, which libmicrohttpd takes for a farewell."""
    with connect() as s:
        send(s, data)
        try:
            if is_all:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return answer_of(read_all(s))


def ask(method, path, body=b'', headers=''):
    return raw(f'{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n'
               f'Content-Type: application/json\r\n{headers}\r\n'.encode() + body, is_all=False)


def pss_kib():
    with open(f'/proc/{server.pid}/smaps_rollup') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('Pss:'))


def descriptors():
    return len(os.listdir(f'/proc/{server.pid}/fd'))


def until(condition, what):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def is_status(answer, code, reason):
    status, headers, body = answer
    assert status == code, (status, headers, body[:300])
    assert headers['content-type'] == 'application/json', headers
    told = json.loads(body)
    assert told['kind'] == 'Status' and told['code'] == code and told['reason'] == reason, told
    return True


class Others:
    """Another client's requests, one after another, while something bad goes on."""

    def __enter__(self):
        self.count, self.failed, self.stop = 0, [], False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def run(self):
        while not self.stop:
            for method, path, body, wanted in (('GET', MAPS + '/good', b'', 200), ('GET', '/healthz', b'', 200)):
                try:
                    status = ask(method, path, body)[0]
                except OSError as problem:
                    status = problem
                if status != wanted:
                    self.failed.append((path, status))
                self.count += 1

    def __exit__(self, *_):
        self.stop = True
        self.thread.join()
        assert not self.failed, self.failed[:3]
        assert self.count > 0


tests = []


def test(sentence):
    def add(function):
        tests.append((sentence, function))
        return function
    return add


@test('headers that are too large are a Status 431')
def _():
    assert ask('GET', '/healthz', headers='X-Long: ' + 'x' * 20000 + '\r\n')[0] == 200
    is_status(ask('GET', '/healthz', headers='X-Long: ' + 'x' * 30000 + '\r\n'), 431, 'RequestHeaderFieldsTooLarge')
    is_status(ask('GET', '/healthz', headers=''.join(f'X-{i}: {"y" * 100}\r\n' for i in range(240))), 431, 'RequestHeaderFieldsTooLarge')
    # What doesn't even fit into memory is refused by the HTTP library, with the same code.
    assert ask('GET', '/healthz', headers='X-Long: ' + 'x' * 200000 + '\r\n')[0] == 431


@test('a path or query that is too long is refused')
def _():
    assert ask('GET', '/api/v1/pods/' + 'x' * 60000)[0] in (414, 431)
    assert ask('GET', '/api/v1/pods?labelSelector=' + 'x' * 20000)[0] in (400, 414)


@test('what is no HTTP is refused or closed')
def _():
    for data in (b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + b'\0' * 200, b'GARBAGE\r\n\r\n', b'\0' * 1000, b'GET\r\n\r\n',
                 b'GET / HTTP/9.9\r\n\r\n', b'\r\n' * 1000, b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'):
        status, headers, body = raw(data)
        assert status in (0, 400, 404, 405, 505), (data[:40], status)


@test('lengths that make no sense are refused')
def _():
    for length in ('-1', '99999999999999999999999', 'abc', '1e3', '0x10'):
        answer = raw(f'POST {MAPS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{{}}'.encode())
        assert answer[0] in (0, 400, 413), (length, answer)


@test('a body that is too large is a 413, whether its length is told or not')
def _():
    is_status(ask('POST', MAPS, b'{"a":"' + b'x' * (4 << 20) + b'"}'), 413, 'RequestEntityTooLarge')
    with connect() as s:
        send(s, f'POST {MAPS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'.encode())
        for _ in range(80):
            if not send(s, b'10000\r\n' + b'x' * 65536 + b'\r\n'):
                break
        send(s, b'0\r\n\r\n')
        is_status(answer_of(read_all(s)), 413, 'RequestEntityTooLarge')


@test('bodies that never end do not fill the memory')
def _():
    before = pss_kib()
    with Others():
        crowd = [connect() for _ in range(200)]
        for s in crowd:
            send(s, f'POST {MAPS} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n'.encode())
            s.settimeout(0.2)
        for _ in range(60):
            for s in crowd:
                try:
                    s.sendall(b'10000\r\n' + b'x' * 65536 + b'\r\n')
                except OSError:
                    pass
        peak = pss_kib()
        for s in crowd:
            s.close()
    assert peak - before < 400 << 10, (before, peak)
    until(lambda: pss_kib() - before < 48 << 10, 'memory of endless bodies comes back')


@test('invalid UTF-8, deep JSON and broken JSON are a 400')
def _():
    for body in (b'{"metadata":{"name":"\xff\xfe"}}', b'{"a":' * 5000, b'[' * 100000, b'{"metadata":{"name":"x"}', b'\0\0\0', b'{"a":1e999}',
                 b'{"a":"\\ud800"}'):
        is_status(ask('POST', MAPS, body), 400, 'BadRequest')
    deep = json.loads('{"metadata":{"name":"deep"},"data":' + '{"a":' * 60 + '1' + '}' * 60 + '}')
    assert ask('POST', MAPS, json.dumps(deep).encode())[0] in (400, 422)


@test('invalid UTF-8 in a path, a query or a header is no harm')
def _():
    assert raw(b'GET /api/v1/namespaces/\xff\xfe/pods HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')[0] in (200, 400, 404)
    assert raw(b'GET /api/v1/namespaces/%ff%fe/pods HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')[0] in (200, 400, 404)
    assert raw(b'GET /api/v1/pods?labelSelector=%ff%00%fe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')[0] == 400
    assert raw(b'GET /healthz HTTP/1.1\r\nHost: localhost\r\nUser-Agent: \xff\xfe\x01\r\nConnection: close\r\n\r\n')[0] in (200, 400)


@test('who drips a request is closed, and nobody else waits')
def _():
    with Others():
        crowd = [connect() for _ in range(300)]
        began = time.monotonic()
        alive = set(crowd)
        while alive and time.monotonic() - began < 120:
            for s in list(alive):
                try:
                    s.send(b'G' if time.monotonic() - began < 0.1 else b'E')
                    if time.monotonic() - began > IDLE_TIMEOUT_S:
                        s.setblocking(False)
                        if s.recv(1000) == b'':
                            alive.discard(s)
                except BlockingIOError:
                    pass
                except OSError:
                    alive.discard(s)
            time.sleep(0.1)
        assert not alive, len(alive)
        for s in crowd:
            s.close()


@test('who drips a body is closed')
def _():
    with connect() as s:
        send(s, f'POST {MAPS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n'.encode())
        began = time.monotonic()
        while send(s, b'x') and time.monotonic() - began < 120:
            time.sleep(0.1)
        assert time.monotonic() - began < 120


@test('half-closed and silent connections end')
def _():
    before = descriptors()
    half = [connect() for _ in range(100)]
    for s in half:
        send(s, b'GET /healthz HTT')
        s.shutdown(socket.SHUT_WR)
    silent = [connect() for _ in range(100)]
    until(lambda: descriptors() <= before + 1, 'their descriptors come back')
    for s in half + silent:
        s.close()


@test('10,000 idle connections leave room for others, in bounded memory')
def _():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 12000) if hard != resource.RLIM_INFINITY else 12000, hard))
    n = min(10000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    before, crowd = pss_kib(), []
    with Others():
        for i in range(n):
            s = connect()
            if i % 2:  # half of them have asked something before
                send(s, b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
            crowd.append(s)
        peak = pss_kib()
    for s in crowd:
        s.close()
    assert peak - before < 96 << 10, (n, before, peak)
    until(lambda: descriptors() < 60, 'their descriptors come back')


def make_large(n):
    for i in range(n):
        body = json.dumps({'metadata': {'name': f'large-{i}'}, 'data': {'a': 'x' * 500000}}).encode()
        assert ask('POST', MAPS, body)[0] == 201


@test('slow readers of lists cost no copy of the list')
def _():
    make_large(20)
    before = pss_kib()
    with Others():
        crowd = [connect(small=True) for _ in range(100)]
        for s in crowd:
            send(s, f'GET {MAPS} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
        time.sleep(0.5)
        peak = pss_kib()
        for s in crowd:
            s.close()
    # 100 lists of 10 MB each: a block of each is in memory, not the list.
    assert peak - before < 100 << 10, (before, peak)


@test('slow readers of watches are told to begin anew, or closed')
def _():
    before = pss_kib()
    crowd = [connect(small=True) for _ in range(50)]
    with Others():
        for s in crowd:
            send(s, f'GET {MAPS}?watch=1&resourceVersion=0 HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
        for i in range(60):
            body = json.dumps({'data': {'a': str(i) + 'y' * 400000}}).encode()
            answer = raw(f'PATCH {MAPS}/large-0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n'
                       f'Content-Type: application/merge-patch+json\r\n\r\n'.encode() + body, is_all=False)
            assert answer[0] == 200, answer
        peak = pss_kib()
        said = b''
        s = crowd[0]
        s.settimeout(120)
        while b'"code":410' not in said[-4000:]:
            chunk = s.recv(1 << 20)
            if not chunk:
                break
            said += chunk
        assert b'"code":410' in said[-4000:] or said.endswith(b'0\r\n\r\n') or not chunk, said[-200:]
        for s in crowd:
            s.close()
    assert peak - before < 96 << 10, (before, peak)


@test('a client beyond its share is told 429 and when to come again')
def _():
    # Watches of nothing: one that has something to say and no reader ends, and is no share any more.
    code = ('import socket,sys\nsocks=[]\nfor i in range(2300):\n s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n'
            ' s.send(b"GET ' + MAPS + '?watch=1&fieldSelector=metadata.name%3Dnone HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"); socks.append(s)\n'
            'for s in reversed(socks):\n s.settimeout(120); told=s.recv(4000)\n if b" 429 " in told:\n'
            '  while len(told.split(b"\\r\\n\\r\\n")[-1]) < 100: told += s.recv(4000)\n  sys.stdout.buffer.write(told); break\n')
    with Others():
        told = subprocess.run(['python3', '-c', 'import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (4000, resource.getrlimit('
                               'resource.RLIMIT_NOFILE)[1]))\n' + code, sock_path], capture_output=True, timeout=300)
    assert told.returncode == 0, told.stderr
    told = told.stdout
    is_status(answer_of(told), 429, 'TooManyRequests')
    assert answer_of(told)[1]['retry-after'] == '1'


@test('requests in a row and a closed end are answered or dropped')
def _():
    one = b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
    status, _, body = raw(one * 50)
    assert status == 200 and body.count(b'HTTP/1.1 200') == 49, body.count(b'HTTP/1.1 200')
    with Others():
        for _ in range(300):
            s = connect()
            send(s, f'GET {MAPS} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
            s.close()


server = start()
try:
    assert ask('POST', MAPS, b'{"metadata":{"name":"good"}}')[0] == 201
    first = descriptors()
    for sentence, function in tests:
        function()
        assert server.poll() is None, sentence
        print('ok:', sentence, flush=True)
    until(lambda: descriptors() <= first + 2, ('no descriptor leaks', first, descriptors()))
    print('ok: nothing leaks')
finally:
    server.terminate()
    errors = server.communicate(timeout=120)[1].decode()
    shutil.rmtree(work)
    if server.returncode:
        print(errors[-3000:], file=sys.stderr)
assert server.returncode == 0, (server.returncode, errors[-2000:])
assert 'Sanitizer' not in errors, errors[-4000:]
