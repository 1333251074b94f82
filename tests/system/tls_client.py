"""What the tests of clients over TLS that mean no good have in common: begin(KUBECONFIG, PID) first."""
import base64
import http.client
import os
import socket
import ssl
import tempfile
import threading
import time

import yaml

MAPS = '/api/v1/namespaces/default/configmaps'
context = None
server_pid = None


def begin(kubeconfig, pid):
    """The administrator's certificate; the server's process."""
    global context, server_pid
    config, server_pid = yaml.safe_load(open(kubeconfig)), pid
    user, cluster = config['users'][0]['user'], config['clusters'][0]['cluster']
    context = ssl.create_default_context(cadata=base64.b64decode(cluster['certificate-authority-data']).decode())
    with tempfile.TemporaryDirectory() as folder:
        for name in ('certificate', 'key'):
            with open(f'{folder}/{name}', 'wb') as out:
                out.write(base64.b64decode(user[f'client-{name}-data']))
        context.load_cert_chain(f'{folder}/certificate', f'{folder}/key')


def connect(room=None):
    raw = socket.socket()
    if room:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    raw.settimeout(200)
    raw.connect(('127.0.0.1', 6443))
    return context.wrap_socket(raw, server_hostname='localhost')


def ask(method, path, body=None, kind='application/json'):
    c = http.client.HTTPSConnection('127.0.0.1', 6443, context=context, timeout=200)
    c.request(method, path, body, {'Content-Type': kind})
    answer = c.getresponse()
    answer.read()
    c.close()
    return answer.status


def pss_kib(pid=None):
    with open(f'/proc/{pid or server_pid}/smaps_rollup') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('Pss:'))


def descriptors(pid=None):
    return len(os.listdir(f'/proc/{pid or server_pid}/fd'))


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
