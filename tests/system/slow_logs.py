"""Readers of logs over TLS that don't read: slow_logs.py KUBECONFIG SERVER-PID NODE-PID"""
import http.client
import json
import sys
import threading

import tls_client
from tls_client import Others, ask, connect, descriptors, pss_kib, until

N = 40
LINE = b'0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqr\n'
LOG = '/api/v1/namespaces/default/pods/chatty/log'
server, node = int(sys.argv[2]), int(sys.argv[3])
tls_client.begin(sys.argv[1], server)


def whole(path):
    c = http.client.HTTPSConnection('127.0.0.1', 6443, context=tls_client.context, timeout=200)
    c.request('GET', path)
    answer = c.getresponse()
    data = answer.read()
    c.close()
    assert answer.status == 200, (answer.status, data[:200])
    return data


def open_log(path):
    s = connect(4096)
    s.sendall(f'GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
    got = s.recv(100)
    assert got.startswith(b'HTTP/1.1 200'), got
    return s, got


def body_of(s, head):
    """The rest of a chunked answer."""
    data = bytearray(head)
    while not data.endswith(b'0\r\n\r\n'):
        chunk = s.recv(1 << 20)
        assert chunk, 'cut off'
        data += chunk
    rest, out = memoryview(data)[data.index(b'\r\n\r\n') + 4:], bytearray()
    while True:
        at = bytes(rest[:20]).index(b'\r\n')
        size = int(bytes(rest[:at]), 16)
        if size == 0:
            return bytes(out)
        out += rest[at + 2:at + 2 + size]
        rest = rest[at + 4 + size:]


def orders(word):
    """The container writes some megabytes more, then the word."""
    path = '/api/v1/namespaces/default/configmaps/orders'
    assert ask('PATCH', path, json.dumps({'data': {'order': word}}), 'application/merge-patch+json') == 200


def tail_is(word):
    return whole(LOG + '?tailLines=1') == word.encode() + b'\n'


def main():
    assert ask('POST', tls_client.MAPS, json.dumps({'metadata': {'name': 'good'}})) == 201
    until(lambda: tail_is('first'), 'the pod has written')
    want = whole(LOG)
    assert want.count(LINE) * len(LINE) + len(b'first\n') == len(want), 'the log is what was written'
    first = descriptors(), descriptors(node)
    before = pss_kib(), pss_kib(node)
    with Others():
        lazy = [open_log(LOG + ('?follow=true' if i % 2 else '')) for i in range(N)]
        assert descriptors() >= first[0] + 2 * N - 4, ('each has a connection, and one of the node', first, descriptors())
        orders('second')
        until(lambda: tail_is('second'), 'who writes is not held up, and others read to the end')
        peak = pss_kib(), pss_kib(node)
        threads = [threading.Thread(target=whole, args=(LOG + '?tailLines=20000',)) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    for one, two, who in zip(before, peak, ('server', 'node')):
        # A block or two, and what TLS holds, for each: not the log of 20 MB.
        assert two - one < N * 1024, (who, one, two)
    print(f'ok - {N} readers of logs that stop (server {before[0]} KiB before, {peak[0]} with them; node {before[1]}, {peak[1]})', flush=True)
    got = body_of(*lazy[0])
    assert got.startswith(want) and got.replace(LINE, b'').replace(b'first\n', b'').replace(b'second\n', b'') == b'', len(got)
    print('ok - one that reads on misses nothing', flush=True)
    orders('third')
    until(lambda: tail_is('third'), 'the log is rotated away under those who stopped')
    s, head = lazy[2]
    rest = len(head)
    while chunk := s.recv(1 << 20):
        rest += len(chunk)
        if chunk.endswith(b'0\r\n\r\n'):
            break
    assert rest > 1 << 20, rest
    print('ok - one whose file is gone gets what it holds, and an end', flush=True)
    for s, _ in lazy:
        s.close()
    until(lambda: descriptors() <= first[0] + 2 and descriptors(node) <= first[1] + 2, 'descriptors come back')
    until(lambda: pss_kib() - before[0] < (peak[0] - before[0]) / 2 + 4096, f'memory comes back: {before} KiB before, {peak} with them')
    print(f'ok - nothing leaks (server {pss_kib()} KiB, node {pss_kib(node)})', flush=True)


main()
