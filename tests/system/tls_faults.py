"""Clients over TLS that mean no good, against a running server: tls_faults.py KUBECONFIG PID"""
import json
import re
import resource
import socket
import sys
import threading

import tls_client
from tls_client import MAPS, Others, ask, connect, descriptors, pss_kib, until

CROWD = 2000
tls_client.begin(sys.argv[1], int(sys.argv[2]))
resource.setrlimit(resource.RLIMIT_NOFILE, (CROWD + 500, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


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


def begins_anew(s):
    """What was overrun ends with 410, or with the connection."""
    said = b''
    while True:
        chunk = s.recv(1 << 20)
        if not chunk:
            break
        said = (said + chunk)[-4000:]
        if b'"code":410' in said:
            break
    assert b'"code":410' in said or not chunk, said[-200:]


class Watcher:
    """Another client's watch, which is read: it sees every change."""

    def __init__(self, path):
        self.seen, self.s = set(), connect()
        self.s.sendall(f'GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        rest = b''
        while chunk := self.s.recv(1 << 20):
            rest += chunk
            self.seen.update(re.findall(rb'"i":"([0-9]+)"', rest))
            rest = rest[-100:]

    def close(self):
        self.s.shutdown(socket.SHUT_RDWR)
        self.thread.join()


def readers_stop(path, n, n_changes, after=None):
    """n readers that ask for path and don't read, while an object is written n_changes times, and one who watches that and does."""
    lazy, before = [], pss_kib()
    watcher = Watcher(MAPS + '?watch=1&fieldSelector=metadata.name%3Dlarge&resourceVersion=0')
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
        until(lambda: len(watcher.seen) == n_changes, f'the reading watcher sees all {n_changes} changes, not {len(watcher.seen)}')
        if after:
            after(lazy[0])
    watcher.close()
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
before, peak = readers_stop(MAPS + '?watch=1&resourceVersion=0', 50, 60, begins_anew)
assert peak - before < 64 << 10, (before, peak)
print(f'ok - readers of a watch that stop ({before} KiB before, {peak} with them)', flush=True)
until(lambda: descriptors() <= first + 2, 'descriptors come back')
print(f'ok - nothing leaks; {pss_kib()} KiB', flush=True)
