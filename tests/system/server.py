"""orchd-server as a process: requests, bad clients, streams, stop, crash. Usage: server.py PROGRAM"""
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

PROGRAM = sys.argv[1]
PODS = '/api/v1/namespaces/default/pods'
OK = b'{"kind":"Status","status":"Success"}'
work = tempfile.mkdtemp(prefix='orch-server-')
programs = []
sock_path = work + '/run/orch.sock'


def start(*more, wait=True):
    ready_r, ready_w = os.pipe()
    p = subprocess.Popen([PROGRAM, '--state-dir', work + '/state', '--run-dir', work + '/run', '--listen', 'none',
                          '--ready-fd', str(ready_w), *more], pass_fds=[ready_w], stderr=subprocess.PIPE)
    programs.append(p)
    os.close(ready_w)
    if wait:
        assert os.read(ready_r, 16) == b'ready\n', p.stderr.read()
    os.close(ready_r)
    return p


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(120)
    s.connect(sock_path)
    return s


def read_all(s, until=None):
    """To the end, or until a word has come. A unix socket may tell first that the other end closed with something unread; what it said
    before can still be read."""
    data = b''
    while not until or until not in data:
        try:
            chunk = s.recv(65536)
        except ConnectionResetError:
            continue
        if not chunk:
            break
        data += chunk
    return data


def ask(method, path, body=b'', headers=''):
    """One request on a connection of its own: status and body."""
    s = connect()
    head = f'{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n'
    try:
        s.sendall((head + 'Content-Type: application/json\r\n' + headers + '\r\n').encode() + body)
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused before all of it was sent; the answer is there all the same
    data = read_all(s)
    head, _, rest = data.partition(b'\r\n\r\n')
    return int(head.split()[1]), rest


def pod(name, **spec):
    return json.dumps({'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': name},
                       'spec': {'containers': [{'name': 'c', 'image': 'busybox'}], **spec}}).encode()


def check(what, is_true, detail=''):
    if not is_true:
        raise AssertionError(f'{what}: {detail}')
    print('ok:', what)


# ---- a node ----

def frame(channel, data=b''):
    return struct.pack('>B3xI', channel, len(data)) + data


def frames(s):
    data = b''
    while True:
        while len(data) >= 8:
            channel, length = struct.unpack('>B3xI', data[:8])
            if len(data) < 8 + length:
                break
            yield channel, data[8:8 + length]
            data = data[8 + length:]
        chunk = s.recv(65536)
        if not chunk:
            return
        data += chunk


class Node:
    """Serves one stream with a function of (wanted, connection)."""

    def __init__(self, serve):
        self.watch = connect()
        self.watch.sendall(b'GET /apis/orch.dev/v1/nodes/n1/streams?watch=true HTTP/1.1\r\nHost: x\r\n\r\n')
        self.serve = serve
        self.error = None
        # The server answers requests in the order of their coming, so that after this one it knows the watch.
        while ask('GET', '/apis/orch.dev/v1/nodes/none/images')[0] != 503:
            pass
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            lines = self.watch.makefile('rb')
            line = b''
            while not line.startswith(b'{"type":"OPEN"'):
                line = lines.readline()
                if not line:
                    return
            wanted = json.loads(line)['object']
            s = connect()
            s.sendall(f'POST /apis/orch.dev/v1/nodes/n1/streams/{wanted["id"]} HTTP/1.1\r\nHost: x\r\n'
                      'Connection: Upgrade\r\nUpgrade: orch-stream/1\r\nContent-Length: 0\r\n\r\n'.encode())
            head = b''
            while not head.endswith(b'\r\n\r\n'):
                head += s.recv(1)
            assert b' 101 ' in head, head
            self.serve(wanted, s)
            s.close()
        except Exception as e:  # told by the main thread
            self.error = e

    def join(self):
        self.thread.join()
        self.watch.close()
        if self.error:
            raise self.error


def websocket_message(data, opcode=2):
    mask = b'abcd'
    return bytes([0x80 | opcode, 0x80 | len(data)]) + mask + bytes(x ^ mask[i % 4] for i, x in enumerate(data))


# ---- the tests ----

def test_objects():
    # Pods of a node that there isn't are collected after a while.
    check('creates a node', ask('POST', '/api/v1/nodes', b'{"metadata":{"name":"n1"}}')[0] == 201)
    check('creates', ask('POST', PODS, pod('web', nodeName='n1'))[0] == 201)
    check('gets', ask('GET', PODS + '/web')[0] == 200)
    check('health', ask('GET', '/readyz') == (200, b'ok'))
    s = connect()
    s.sendall(b'GET /api/v1/pods?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n')
    lines = s.makefile('rb')
    while not (line := lines.readline()).startswith(b'{'):
        pass
    check('a watch begins with what is there', json.loads(line)['type'] == 'ADDED')
    ask('POST', PODS, pod('second'))
    while not (line := lines.readline()).startswith(b'{'):
        pass
    check('a watch goes on with changes', json.loads(line)['object']['metadata']['name'] == 'second')
    s.close()


def test_long_lists():
    """More pieces than one sendmsg() takes."""
    n, n_clients, failed = 1100, 11, []

    def make(first):  # side by side: a slow disk syncs once for all of them
        s = connect()
        for i in range(first, n, n_clients):
            body = b'{"metadata":{"name":"c%d"}}' % i
            s.sendall(b'POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
                      b'Content-Length: %d\r\n\r\n' % len(body) + body)
            answer = s.recv(65536)
            if b' 201 ' not in answer:
                failed.append(answer)
        s.close()
    threads = [threading.Thread(target=make, args=(i,)) for i in range(n_clients)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed, failed[0]
    status, body = ask('GET', '/api/v1/configmaps')
    ours = [c for c in json.loads(body)['items'] if c['metadata']['name'].startswith('c')]
    check('a long list is whole', status == 200 and len(ours) == n, (status, len(ours)))
    status, _ = ask('DELETE', '/api/v1/namespaces/default/configmaps')
    left = [c for c in json.loads(ask('GET', '/api/v1/configmaps')[1])['items'] if c['metadata']['name'].startswith('c')]
    check('and goes at once', status == 200 and not left, (status, left[:2]))


def test_bad_clients():
    slow = connect()  # never sends the rest
    slow.sendall(b'GET /version HTTP/1.1\r\nX-Slow: ')
    s = connect()
    try:
        s.sendall(b'GET / HTTP/1.1\r\nX: ' + b'a' * 200000 + b'\r\n\r\n')
    except (BrokenPipeError, ConnectionResetError):
        pass
    check('oversized headers are refused', b' 431 ' in read_all(s)[:40])
    check('oversized bodies are refused', ask('POST', PODS, b'x' * 4000000)[0] == 413)
    s = connect()
    s.sendall(b'POST ' + PODS.encode() + b' HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
    try:
        for _ in range(256):
            s.sendall(b'4000\r\n' + b'x' * 0x4000 + b'\r\n')
        s.sendall(b'0\r\n\r\n')
    except (BrokenPipeError, ConnectionResetError):
        pass
    check('bodies without a length are bounded, too', b' 413 ' in read_all(s, b'\r\n\r\n')[:40])
    s = connect()
    s.sendall(b'\x16\x03\x01\x02\x00\x01\x00\r\n\r\n')
    check('what is no HTTP is closed or refused', b' 200 ' not in read_all(s)[:40])
    s = connect()
    s.sendall(b'GET /version HTTP/1.1\r\nHost: x\r\n\r\n')
    s.shutdown(socket.SHUT_WR)
    check('a half-closed client gets its answer', b' 200 ' in read_all(s, b'\r\n\r\n')[:40])
    check('deep JSON is refused', ask('POST', PODS, b'[' * 100000)[0] == 400)
    check('broken escapes are refused', ask('GET', '/api/v1/pods?labelSelector=%zz')[0] == 400)
    check('others are served meanwhile', ask('GET', '/version')[0] == 200)
    slow.close()


def test_streams():
    check('a missing node is told', ask('GET', PODS + '/web/log')[0] == 503)
    code, text = ask('GET', PODS + '/nope/log')
    check('a missing pod is told', code == 404)
    check('and named', json.loads(text)['details'] == {'name': 'nope', 'kind': 'pods'}, text)
    check('a wrong container is told', ask('GET', PODS + '/web/log?container=x')[0] == 400)

    def log(wanted, s):
        assert wanted['verb'] == 'log' and wanted['container'] == 'c' and wanted['query']['follow'] is True, wanted
        s.sendall(frame(1, b'one\n') + frame(1, b'two\n') + frame(3, OK))
    node = Node(log)
    status, body = ask('GET', PODS + '/web/log?follow=True')
    check('logs flow', status == 200 and b'one\n' in body and b'two\n' in body, body)
    node.join()

    def refuse(wanted, s):
        s.sendall(frame(3, b'{"status":"Failure","reason":"BadRequest","message":"no","code":400}'))
    node = Node(refuse)
    check("the node's refusal is the answer", ask('GET', PODS + '/web/log')[0] == 400)
    node.join()

    def load(wanted, s):
        n = 0
        for channel, data in frames(s):
            n += len(data)
            if channel == 5:
                break
        s.sendall(frame(1, b'%d' % n) + frame(3, OK))
    node = Node(load)
    check('an image flows through', ask('POST', '/apis/orch.dev/v1/nodes/n1/images', b'x' * 20000000) == (200, b'20000000'))
    node.join()

    def run(wanted, s):
        assert wanted['query']['command'] == ['sh', '-c'], wanted
        s.sendall(frame(1, b''))
        for channel, data in frames(s):
            if channel == 0:
                s.sendall(frame(1, b'<' + data + b'>'))
            if channel == 5:
                s.sendall(frame(3, b'{"metadata":{},"status":"Success"}'))
                return
    node = Node(refuse)
    s = connect()
    s.sendall((f'POST {PODS}/web/exec?command=sh&stdout=true HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: Upgrade\r\n'
               'Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v5.channel.k8s.io\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n').encode())
    check("the node's refusal comes before an upgrade", b' 400 ' in read_all(s, b'\r\n\r\n')[:40])
    s.close()
    node.join()
    node = Node(run)
    s = connect()
    s.sendall((f'GET {PODS}/web/exec?command=sh&command=-c&stdin=true&stdout=true HTTP/1.1\r\nHost: x\r\n'
               'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
               'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n').encode())
    s.sendall(websocket_message(b'\x00hi') + websocket_message(b'\xff\x00'))
    data = b''
    while b'\x03{"metadata"' not in data:
        chunk = s.recv(65536)
        assert chunk, data
        data += chunk
    check('a command runs over a WebSocket', b's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' in data and b'\x01<hi>' in data, data)
    s.sendall(websocket_message(struct.pack('>H', 1000), opcode=8))
    check('and ends with its good-bye', not s.recv(4096).strip(b'\x88\x02\x03\xe8') and s.recv(4096) == b'')
    node.join()


def test_slow_reader():
    """A node says everything and leaves while the user's side is full: nothing of it may be lost."""
    size = 8000000

    def say_and_leave(wanted, s):
        s.sendall(frame(1, b''))
        for at in range(0, size, 50000):
            s.sendall(frame(1, b'x' * 50000))
        s.sendall(frame(3, b'{"metadata":{},"status":"Success"}'))
    node = Node(say_and_leave)
    s = connect()
    s.sendall((f'GET {PODS}/web/exec?command=sh&stdout=true HTTP/1.1\r\nHost: x\r\n'
               'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
               'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n').encode())
    data = b''
    while size and b'"status":"' not in data[-4096:]:
        time.sleep(0.001)  # slower than the node
        chunk = s.recv(60000)
        assert chunk, len(data)
        data += chunk
    check('what a leaving node said comes whole', b'"Success"' in data[-4096:] and data.count(b'x') >= size, data[-200:])
    s.close()
    node.join()


def test_processes(server):
    other = start(wait=False)
    _, text = other.communicate()
    check('a second server is refused in one sentence', other.returncode != 0 and b'in use' in text, text)
    other = subprocess.run([PROGRAM, '--state-dir', work + '/x', '--run-dir', work + '/y', '--listen', 'none', '--insecure-listen', '0.0.0.0:8001'],
                           stderr=subprocess.PIPE, check=False)
    check('without TLS only loopback is listened on', other.returncode != 0 and b'loopback' in other.stderr, other.stderr)
    server.kill()
    server.wait()
    server = start()
    check('objects outlive a crash', ask('GET', PODS + '/web')[0] == 200)
    watcher = connect()
    watcher.sendall(b'GET /api/v1/pods?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n')
    watcher.recv(4096)
    server.send_signal(signal.SIGTERM)
    _, text = server.communicate()
    check('a stop is clean', server.returncode == 0, text)
    watcher.close()


def main():
    server = start()
    try:
        test_objects()
        test_long_lists()
        test_bad_clients()
        test_streams()
        test_slow_reader()
        test_processes(server)
    finally:
        for p in programs:
            if p.poll() is None:
                p.kill()
                p.wait()
        shutil.rmtree(work)


main()
