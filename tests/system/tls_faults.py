"""Clients over TLS that mean no good, against a running server: tls_faults.py KUBECONFIG PID"""
import base64
import http.client
import json
import os
import resource
import socket
import ssl
import sys
import tempfile
import threading
import time

import yaml

CROWD = 2000
MAPS = '/api/v1/namespaces/default/configmaps'
config, pid = yaml.safe_load(open(sys.argv[1])), int(sys.argv[2])
user, cluster = config['users'][0]['user'], config['clusters'][0]['cluster']
context = ssl.create_default_context(cadata=base64.b64decode(cluster['certificate-authority-data']).decode())
with tempfile.TemporaryDirectory() as folder:
    for name in ('certificate', 'key'):
        with open(f'{folder}/{name}', 'wb') as out:
            out.write(base64.b64decode(user[f'client-{name}-data']))
    context.load_cert_chain(f'{folder}/certificate', f'{folder}/key')
resource.setrlimit(resource.RLIMIT_NOFILE, (CROWD + 500, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def connect(room=None):
    raw = socket.socket()
    if room:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    raw.settimeout(200)
    raw.connect(('127.0.0.1', 6443))
    return context.wrap_socket(raw, server_hostname='localhost')


def ask(method, path, body=None):
    c = http.client.HTTPSConnection('127.0.0.1', 6443, context=context, timeout=200)
    c.request(method, path, body, {'Content-Type': 'application/json'})
    answer = c.getresponse()
    answer.read()
    c.close()
    return answer.status


def pss_kib():
    with open(f'/proc/{pid}/smaps_rollup') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('Pss:'))


def descriptors():
    return len(os.listdir(f'/proc/{pid}/fd'))


def until(condition, what):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, (what, descriptors(), pss_kib())
        time.sleep(0.1)


class Others:
    """Another client's requests, one after another, while something bad goes on."""

    def __enter__(self):
        self.count, self.failed, self.stop = 0, [], False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stop:
            try:
                status = ask('GET', MAPS + '/good')
            except OSError as problem:
                status = problem
            self.count += 1
            if status != 200:
                self.failed.append(status)

    def __exit__(self, *_):
        self.stop = True
        self.thread.join()
        assert self.count > 0 and not self.failed, self.failed[:3]


def crowd_idles():
    """Idle TLS connections, half of which have asked something."""
    crowd, before = [], pss_kib()
    with Others():
        for i in range(CROWD):
            s = connect()
            if i % 2:
                s.sendall(b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
            crowd.append(s)
        peak = pss_kib()
    for s in crowd:
        s.close()
    until(lambda: descriptors() < 100, 'descriptors come back')
    return before, peak


def readers_stop(path, n, n_changes):
    """n readers that ask for path and don't read, while an object is written n_changes times."""
    lazy, before = [], pss_kib()
    with Others():
        for _ in range(n):
            s = connect(4096)
            s.sendall(f'GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
            lazy.append(s)
        for i in range(n_changes):
            body = {'metadata': {'name': 'large'}, 'data': {'x': 'y' * 100000, 'i': str(i)}}
            assert ask('PUT', MAPS + '/large', json.dumps(body)) == 200
        peak = pss_kib()
        got = lazy[0].recv(65536)
        assert got.startswith(b'HTTP/1.1 200'), got[:100]
    for s in lazy:
        s.close()
    return before, peak


assert ask('POST', MAPS, json.dumps({'metadata': {'name': 'good'}})) == 201
for i in range(20):
    assert ask('POST', MAPS, json.dumps({'metadata': {'name': f'l{i}'}, 'data': {'x': 'x' * 500000}})) == 201
assert ask('POST', MAPS, json.dumps({'metadata': {'name': 'large'}})) == 201
first = descriptors()

before, peak = crowd_idles()
assert peak - before < 160 << 10, (before, peak)
until(lambda: pss_kib() - before < (peak - before) / 3 + 2048, f'memory comes back: {before} KiB before, {peak} with them')
print(f'ok - {CROWD} idle connections over TLS ({before} KiB before, {peak} with them, {pss_kib()} after)', flush=True)
before, peak = readers_stop(MAPS, 50, 0)
assert peak - before < 64 << 10, (before, peak)
print(f'ok - readers of a list of 10 MB that stop ({before} KiB before, {peak} with them)', flush=True)
before, peak = readers_stop(MAPS + '?watch=1&resourceVersion=0', 50, 60)
assert peak - before < 64 << 10, (before, peak)
print(f'ok - readers of a watch that stop ({before} KiB before, {peak} with them)', flush=True)
until(lambda: descriptors() <= first + 2, 'descriptors come back')
print(f'ok - nothing leaks; {pss_kib()} KiB', flush=True)
