#!/usr/bin/env python3
"""The numbers of orch beside its peers, measured in one run, as a table. Usage, as root: tests/bench/run [ROW...]

Run through tests/bench/run, which builds, makes the image and enters private namespaces. Each row is a function row_NAME()
returning (what, orch's figure, the peer's figure, ratio, what we want). Medians; nothing here passes or fails."""
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time

BUILD = os.environ['ORCH_BUILD']
WORK = os.environ['BENCH_WORK']
SRC = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = ('orchd', 'orchd-server', 'orchd-node', 'orch-dns')
ROWS = []


def row(function):
    ROWS.append(function)
    return function


def run(*args, **more):
    return subprocess.run(args, check=True, capture_output=True, text=True, **more).stdout


def until(seconds, condition, pause=0.002):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(condition)
        time.sleep(pause)


def pids_named(*names):
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/comm') as f:
                if f.read().strip() in [n[:15] for n in names]:
                    found.append(int(pid))
        except OSError:
            pass
    return found


def pss_kib(pids):
    total = 0
    for pid in pids:
        try:
            with open(f'/proc/{pid}/smaps_rollup') as f:
                total += int(re.search(r'^Pss:\s+(\d+)', f.read(), re.M).group(1))
        except OSError:
            pass
    return total


def io_written(pids):
    total = 0
    for pid in pids:
        with open(f'/proc/{pid}/io') as f:
            total += int(re.search(r'^write_bytes: (\d+)', f.read(), re.M).group(1))
    return total


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        try:
            for task in os.listdir(f'/proc/{pid}/task'):
                with open(f'/proc/{pid}/task/{task}/schedstat') as f:
                    total += int(f.read().split()[0]) / 1e9
        except OSError:
            pass
    return total


class Cluster:
    """One orchd on a folder of its own."""

    def __init__(self, state=None):
        self.dir = f'{WORK}/cluster-{time.monotonic_ns()}'
        self.state = state or f'{self.dir}/state'
        self.run = f'{self.dir}/run'
        self.sock = f'{self.run}/orch.sock'
        os.makedirs(self.dir)
        ready_r, ready_w = os.pipe()
        self.log = open(f'{self.dir}/orchd.log', 'w')
        self.process = subprocess.Popen(
            [f'{BUILD}/daemon/orchd', f'--state-dir={self.state}', f'--run-dir={self.run}', f'--libexec-dir={WORK}/libexec',
             '--node-name=bench', f'--ready-fd={ready_w}'], pass_fds=[ready_w], stdout=self.log, stderr=self.log)
        os.close(ready_w)
        if os.read(ready_r, 16) != b'ready\n':
            raise RuntimeError(open(self.log.name).read())
        os.close(ready_r)
        self.orch('image', 'load', f'{WORK}/image.tar')

    def orch(self, *args, text=None):
        return run(f'{BUILD}/cli/orch', '--socket', self.sock, *args, input=text)

    def pods(self):
        return json.loads(self.orch('get', 'pods', '-o', 'json'))['items']

    def programs(self):
        return pids_named(*PROGRAMS)

    def stop(self):
        self.orch('delete', 'deployments', '--all', '--wait=false')
        until(120, lambda: not self.pods(), 0.05)
        until(60, lambda: not pids_named('orch-pod'), 0.05)
        self.process.terminate()
        self.process.wait()


def manifest(n, image, probe=True, period=10):
    readiness = f'''
        readinessProbe: {{httpGet: {{path: /, port: 8080}}, periodSeconds: {period}}}''' if probe else ''
    return f'''apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {n}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: {image}
        imagePullPolicy: Never
        command: ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
        resources: {{limits: {{memory: 32Mi}}}}{readiness}
'''


def orch_up(cluster, n):
    began = time.monotonic()
    cluster.orch('apply', '--wait', '--timeout=120s', '-f', '-', text=manifest(n, 'bench:1'))
    return time.monotonic() - began


def podman_up(n):
    """podman kube play of the same pods; returns seconds until the command is back, the pods being up."""
    with open(f'{WORK}/podman.yaml', 'w') as f:
        f.write(manifest(n, 'localhost/bench:1', probe=False))
    began = time.monotonic()
    run('podman', 'kube', 'play', f'{WORK}/podman.yaml')
    seconds = time.monotonic() - began
    return seconds


def podman_down():
    run('podman', 'kube', 'down', f'{WORK}/podman.yaml')


def against_podman(n, rounds, wanted):
    ours, theirs = [], []
    for _ in range(rounds):
        cluster = Cluster()
        ours.append(orch_up(cluster, n))
        cluster.stop()
        theirs.append(podman_up(n))
        podman_down()
    a, b = statistics.median(ours), statistics.median(theirs)
    return f'{n} pods Ready', f'{a:.3f} s', f'podman {b:.2f} s', f'{b / a:.1f} x', wanted


@row
def row_pods1():
    return against_podman(1, 5, '>= 4 x')


@row
def row_pods100():
    return against_podman(100, 1, '>= 15 x')


@row
def row_start():
    times = []
    for i in range(9):
        folder = f'{WORK}/start-{i}'
        os.makedirs(f'{folder}/state/server')
        os.makedirs(f'{folder}/run')
        began = time.monotonic()
        server = subprocess.Popen([f'{BUILD}/daemon/orchd-server', f'--state-dir={folder}/state', f'--run-dir={folder}/run',
                                   '--listen=127.0.0.1:8001'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def answers():
            with socket.socket(socket.AF_UNIX) as s:
                try:
                    s.connect(f'{folder}/run/orch.sock')
                    s.sendall(b'GET /version HTTP/1.1\r\nHost: x\r\n\r\n')
                    return s.recv(12) == b'HTTP/1.1 200'
                except OSError:
                    return False
        until(10, answers, 0.0005)
        times.append(time.monotonic() - began)
        server.terminate()
        server.wait()
    return 'start until the API answers', f'{statistics.median(times) * 1000:.1f} ms', '-', '-', '<= 30 ms'


@row
def row_idle():
    """Memory of everything but pods, then with 100 pods; disk writes and CPU with 100 probed pods. State on a real disk."""
    disk = subprocess.run(['mktemp', '-d', f'{os.environ["BENCH_DISK"]}/state-XXXXXX'], check=True, capture_output=True, text=True).stdout.strip()
    cluster = Cluster(state=disk)
    time.sleep(5)
    rows = []
    idle = {name: pss_kib(pids_named(name)) for name in PROGRAMS}
    rows.append(('PSS of all programs, idle', f'{sum(idle.values()) / 1024:.1f} MiB', ' '.join(f'{k} {v}' for k, v in idle.items()) + ' KiB', '-', '<= 14 MiB'))
    orch_up(cluster, 100)
    time.sleep(15)
    busy = {name: pss_kib(pids_named(name)) for name in PROGRAMS}
    pods = pids_named('orch-pod')
    rows.append(('the same with 100 pods', f'{sum(busy.values()) / 1024:.1f} MiB', ' '.join(f'{k} {v}' for k, v in busy.items()) + ' KiB', '-', '<= 30 MiB'))
    rows.append((f'PSS of orch-pod, of {len(pods)}', f'{pss_kib(pods) / max(len(pods), 1):.0f} KiB', 'podman 779 KiB', '-', '<= 150 KiB'))
    everyone = cluster.programs() + pods
    written, cpu, began = io_written(everyone), cpu_seconds(everyone), time.monotonic()
    time.sleep(60)
    passed = time.monotonic() - began
    rows.append(('bytes to disk in 60 s, 100 pods', str(io_written(everyone) - written), '-', '-', '0'))
    rows.append(('CPU with 100 pods probed every 10 s', f'{100 * (cpu_seconds(everyone) - cpu) / passed:.2f} %', '-', '-', '<= 1 %'))
    cluster.stop()
    run('rm', '-rf', disk)
    return rows


def kill_and_wait(pid, others):
    """kill -9 a main process; seconds until another httpd has been exec'ed."""
    def newcomer():
        for p in filter(str.isdigit, os.listdir('/proc')):
            if int(p) in others:
                continue
            try:
                with open(f'/proc/{p}/cmdline') as f:
                    if f.read().startswith('/bin/busybox\0httpd'):
                        return True
            except OSError:
                pass
        return False
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    until(20, newcomer, 0)
    return time.monotonic() - began


def httpd_pids():
    found = set()
    for p in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{p}/cmdline') as f:
                if f.read().startswith('/bin/busybox\0httpd'):
                    found.add(int(p))
        except OSError:
            pass
    return found


def restart_times(n):
    times = []
    victims = sorted(httpd_pids())
    for victim in victims[:n]:
        everybody = set(map(int, filter(str.isdigit, os.listdir('/proc'))))
        times.append(kill_and_wait(victim, everybody))
        time.sleep(0.3)
    return statistics.median(times)


@row
def row_restart():
    cluster = Cluster()
    orch_up(cluster, 10)
    time.sleep(1)
    ours = restart_times(10)
    cluster.stop()
    podman_up(5)
    time.sleep(11)
    theirs = restart_times(5)
    podman_down()
    return 'main process killed until it runs again', f'{ours * 1000:.1f} ms', f'podman {theirs * 1000:.0f} ms', f'{theirs / ours:.1f} x', '<= 6 ms'


def main():
    wanted = sys.argv[1:]
    table = []
    for function in ROWS:
        name = function.__name__[4:]
        if wanted and name not in wanted:
            continue
        try:
            result = function()
        except Exception as problem:  # one broken row must not hide the others
            output = getattr(problem, 'stderr', '') or ''
            result = (name, f'failed: {problem!r} {output[:300]}', '-', '-', '-')
        for line in result if isinstance(result, list) else [result]:
            table.append(line)
            print(f'... {" | ".join(line)}', file=sys.stderr, flush=True)
    table.insert(0, ('what', 'orch', 'beside it', 'ratio', 'wanted'))
    widths = [max(len(line[i]) for line in table) for i in range(5)]
    for line in table:
        print('  '.join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


main()
