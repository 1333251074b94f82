#!/usr/bin/env python3
"""The numbers of orch beside its peers, measured in one run, as a table. Usage, as root: tests/bench/run [ROW...]

Run through tests/bench/run, which builds, makes the image and enters private namespaces. Each row is a function row_NAME()
returning (what, orch's figure, the peer's figure, ratio, what we want), or a list of these. Medians; nothing here passes or fails.
ROUNDS: how often what has a peer is measured, in turns (default 3). PEERS=0: orch alone, for work on it."""
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

BUILD = os.environ['ORCH_BUILD']
WORK = os.environ['BENCH_WORK']
SRC = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DISK = os.environ['BENCH_DISK']
PROGRAMS = ('orchd', 'orchd-server', 'orchd-node', 'orch-dns')
ROUNDS = int(os.environ.get('ROUNDS', '3'))
PEERS = os.environ.get('PEERS', '1') != '0'
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
    """One orchd on a folder of its own; to be used in a with statement, which leaves nothing behind."""

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

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.orch('delete', 'deployments', '--all', '--wait=false')
            until(60, lambda: not self.pods(), 0.05)
            until(60, lambda: not pids_named('orch-pod'), 0.05)
        finally:
            for pid in pids_named('orch-pod'):
                os.kill(pid, signal.SIGKILL)
            self.process.terminate()
            self.process.wait()
            self.log.close()

    def orch(self, *args, text=None):
        return run(f'{BUILD}/cli/orch', '--socket', self.sock, *args, input=text)

    def pods(self):
        return json.loads(self.orch('get', 'pods', '-o', 'json'))['items']

    def programs(self):
        return pids_named(*PROGRAMS)


def manifest(n, image, probe=True, period=10, more='', command='["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]'):
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
        command: {command}
        resources: {{limits: {{memory: 32Mi}}}}{readiness}{more}
'''


def orch_up(cluster, n):
    began = time.monotonic()
    cluster.orch('apply', '--wait', '--timeout=120s', '-f', '-', text=manifest(n, 'bench:1'))
    return time.monotonic() - began


def orch_down(cluster):
    """Until the API knows no pod, and no process of one is left."""
    began = time.monotonic()
    cluster.orch('delete', 'deployment', 'web', '--wait=false')
    until(60, lambda: not pids_named('orch-pod') and not cluster.pods(), 0.01)
    return time.monotonic() - began


def podman_up(n):
    """podman kube play of the same pods; returns seconds until the command is back, the pods being up. No probe: it has none
    that would keep the command waiting."""
    with open(f'{WORK}/podman.yaml', 'w') as f:
        f.write(manifest(n, 'localhost/bench:1', probe=False))
    began = time.monotonic()
    try:
        run('podman', 'kube', 'play', f'{WORK}/podman.yaml')
    except subprocess.CalledProcessError:
        subprocess.run(['podman', 'pod', 'rm', '--all', '--force'], capture_output=True, check=False)
        raise
    return time.monotonic() - began


def podman_down():
    began = time.monotonic()
    run('podman', 'kube', 'down', f'{WORK}/podman.yaml')
    return time.monotonic() - began


def beside(what, ours, theirs, wanted):
    a = statistics.median(ours)
    if not theirs:
        return what, f'{a:.3f} s', '-', '-', wanted
    b = statistics.median(theirs)
    return what, f'{a:.3f} s', f'podman {b:.2f} s', f'{b / a:.1f} x', wanted


def against_podman(n, rounds, up_wanted, down_wanted):
    up, down, podmans_up, podmans_down = [], [], [], []
    for _ in range(rounds):
        with Cluster() as cluster:
            orch_up(cluster, 1)  # as podman, whose store is warm
            orch_down(cluster)
            time.sleep(0.5)
            up.append(orch_up(cluster, n))
            time.sleep(1)
            down.append(orch_down(cluster))
        if PEERS:
            podmans_up.append(podman_up(n))
            podmans_down.append(podman_down())
    return [beside(f'{n} pod{"s" if n > 1 else ""} Ready', up, podmans_up, up_wanted),
            beside(f'{n} pod{"s" if n > 1 else ""} deleted', down, podmans_down, down_wanted)]


@row
def row_pods1():
    return against_podman(1, 2 * ROUNDS + 1, '>= 4 x, <= 60 ms', '-')


@row
def row_pods50():
    return against_podman(50, ROUNDS, '-', '<= 0.5 s')


@row
def row_pods100():
    return against_podman(100, ROUNDS, '>= 15 x', '-')


@row
def row_start():
    times = []
    for i in range(9):
        folder = f'{WORK}/start-{i}'
        os.makedirs(f'{folder}/state/server')
        os.makedirs(f'{folder}/run')
        began = time.monotonic()
        server = subprocess.Popen([f'{BUILD}/daemon/orchd-server', f'--state-dir={folder}/state', f'--run-dir={folder}/run',
                                   f'--listen=127.0.0.1:{8001 + i}'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

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
        subprocess.run(['rm', '-rf', folder], check=True)
    return 'start until the API answers', f'{statistics.median(times) * 1000:.1f} ms', '-', '-', '<= 30 ms'


@row
def row_idle():
    """Memory of everything but pods, then with 100 pods; disk writes and CPU with 100 probed pods. State on a real disk."""
    def of(pss):
        return ' '.join(f'{k} {v}' for k, v in pss.items()) + ' KiB'

    with Cluster(state=f'{DISK}/state') as cluster:
        time.sleep(5)
        idle = {name: pss_kib(pids_named(name)) for name in PROGRAMS}
        orch_up(cluster, 100)
        time.sleep(15)
        busy = {name: pss_kib(pids_named(name)) for name in PROGRAMS}
        pods = pids_named('orch-pod')
        pod_kib = pss_kib(pods) / max(len(pods), 1)
        everyone = cluster.programs() + pods
        written, cpu, began = io_written(everyone), cpu_seconds(everyone), time.monotonic()
        time.sleep(60)
        passed = time.monotonic() - began
        written = io_written(everyone) - written
        cpu = cpu_seconds(everyone) - cpu
        if set(everyone) != set(cluster.programs() + pids_named('orch-pod')):
            raise RuntimeError('a process ended while it was measured')
    return [('PSS of all programs, idle', f'{sum(idle.values()) / 1024:.1f} MiB', of(idle), '-', '<= 14 MiB'),
            ('the same with 100 pods', f'{sum(busy.values()) / 1024:.1f} MiB', of(busy), '-', '<= 30 MiB'),
            (f'PSS of orch-pod, of {len(pods)}', f'{pod_kib:.0f} KiB', 'podman 779 KiB (TARGETS)', f'{779 / pod_kib:.1f} x', '<= 150 KiB'),
            ('bytes to disk in 60 s, 100 pods', str(written), '-', '-', '0'),
            ('CPU with 100 pods probed every 10 s', f'{100 * cpu / passed:.2f} %', '-', '-', '<= 1 %')]


def last_pid():
    """The youngest process's id in this namespace; cheaper than a look at all of /proc."""
    with open('/proc/loadavg') as f:
        return int(f.read().split()[-1])


def is_main(pid, command):
    try:
        with open(f'/proc/{pid}/cmdline') as f:
            return f.read().startswith(command)
    except OSError:
        return False


def wait_for_newcomer(after, command):
    """Until a process younger than after has exec'ed command."""
    until(20, lambda: any(is_main(pid, command) for pid in range(after + 1, last_pid() + 1)), 0.0002)


HTTPD = '/bin/busybox\0httpd'


def restart_times(n):
    times = []
    victims = [pid for pid in map(int, filter(str.isdigit, os.listdir('/proc'))) if is_main(pid, HTTPD)]
    for victim in sorted(victims)[:n]:
        after = last_pid()
        began = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        wait_for_newcomer(after, HTTPD)
        times.append(time.monotonic() - began)
        time.sleep(0.5)
    return times


@row
def row_restart():
    with Cluster() as cluster:
        orch_up(cluster, 10)
        time.sleep(1)
        ours = statistics.median(restart_times(10))
    if not PEERS:
        return 'main process killed until it runs again', f'{ours * 1000:.1f} ms', '-', '-', '<= 6 ms'
    podman_up(10)
    try:
        time.sleep(12)  # a younger container may be let wait by its back-off
        theirs = statistics.median(restart_times(10))
    except TimeoutError:  # seen with podman 4.3 where its clean-up after an exit cannot run
        return 'main process killed until it runs again', f'{ours * 1000:.1f} ms', 'podman: not within 20 s', '-', '<= 6 ms'
    finally:
        podman_down()
    return 'main process killed until it runs again', f'{ours * 1000:.1f} ms', f'podman {theirs * 1000:.0f} ms', f'{theirs / ours:.1f} x', '<= 6 ms'


class Doctor:
    """The liveness probe's other end: 200, and once 500 for each illness, noting when the answer goes out."""

    def __init__(self, address):
        self.listener = socket.create_server(address)
        self.is_ill = False
        self.told = None
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            s, _ = self.listener.accept()
            with s:
                s.recv(4096)
                status = '500 Ill' if self.is_ill else '200 Well'
                ill, self.is_ill = self.is_ill, False
                if ill:
                    self.after = last_pid()
                    self.told = time.monotonic()
                s.sendall(f'HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'.encode())


@row
def row_liveness():
    """From the probe's bad answer to the next life's exec, of a container that dies at once on TERM."""
    shell = 'trap "exit 0" TERM; while :; do sleep 1000 & wait; done'
    probe = '''
        livenessProbe: {httpGet: {host: 10.244.0.1, path: /, port: 9999}, periodSeconds: 1, failureThreshold: 1}'''
    times = []
    with Cluster() as cluster:
        doctor = Doctor(('10.244.0.1', 9999))
        for _ in range(7):
            cluster.orch('apply', '--wait', '--timeout=60s', '-f', '-',
                         text=manifest(1, 'bench:1', probe=False, more=probe, command=json.dumps(['/bin/sh', '-c', shell])))
            time.sleep(1.5)
            doctor.told, doctor.is_ill = None, True
            until(10, lambda: doctor.told)
            wait_for_newcomer(doctor.after, '/bin/sh\0-c\0trap')
            times.append(time.monotonic() - doctor.told)
            orch_down(cluster)
    return 'liveness failure until the next life', f'{1000 * statistics.median(times):.1f} ms', 'podman without systemd: never', '-', '<= 5 ms'


@row
def row_store():
    """Durable commits of 2 KiB beside bare fdatasync() of the same disk."""
    out = run(f'{BUILD}/tests/bench/bench-store', DISK)
    rate = {line[:33].strip(): float(line[33:].split()[0]) for line in out.splitlines() if 'commits/s' in line}
    raw, raw16 = rate['fdatasync, in place, 1 a sync'], rate['fdatasync, in place, 16 a sync']
    return [('durable commits/s, 1 writer', f'{rate["store, 1 writer"]:.0f}', f'fdatasync {raw:.0f}', f'{rate["store, 1 writer"] / raw:.2f}', '-'),
            ('durable commits/s, 64 writers', f'{rate["store, 64 writers"]:.0f}', f'fdatasync, 16 a sync {raw16:.0f}',
             f'{rate["store, 64 writers"] / raw16:.2f}', '>= 8000')]


class Api:
    """orchd-server alone on core 0, its database on the disk; api-load on core 1."""

    def __enter__(self):
        self.dir = f'{DISK}/api'
        os.makedirs(self.dir)
        ready, told = os.pipe()
        self.server = subprocess.Popen(['taskset', '-c', '0', f'{BUILD}/daemon/orchd-server', '--state-dir', f'{self.dir}/state', '--run-dir',
                                        f'{self.dir}/run', '--listen', 'none', '--ready-fd', str(told)], pass_fds=[told])
        os.close(told)
        assert os.read(ready, 16) == b'ready\n'
        os.close(ready)
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()
        shutil.rmtree(self.dir)

    def load(self, *command, address=None, pods=10000):
        out = run('taskset', '-c', '1', f'{BUILD}/tests/bench/api-load', address or f'{self.dir}/run/orch.sock', *command,
                  env={**os.environ, 'PODS': str(pods)})
        return {line.split()[0]: float(line.split()[1]) for line in out.splitlines()}

    def floor(self, kind, size, *command):
        """The same requests to a program that only answers size bytes."""
        path = f'{self.dir}/floor.sock'
        p = subprocess.Popen(['taskset', '-c', '0', f'{BUILD}/tests/bench/api-floor', path, kind, str(size)])
        until(5, lambda: os.path.exists(path))
        try:
            return self.load(*command, address=path)
        finally:
            p.kill()
            p.wait()
            os.unlink(path)


@row
def row_api():
    """The API with 10,000 stored pods. Memory is the slope from 10,000 to 20,000, so that rings and page caches don't count."""
    with Api() as api:
        pid = [api.server.pid]
        api.load('fill', '10000', '64')
        gets = [(api.load('get', '20000', '1'), api.floor('raw', 4096, 'get', '20000', '1'), api.floor('mhd', 4096, 'get', '20000', '1'))
                for _ in range(ROUNDS)]
        get, raw, mhd = (statistics.median(round_[i]['get_p99_us'] for round_ in gets) for i in range(3))
        size = api.load('get', '1000', '1')
        lists = statistics.median(api.load('list', '1')['list_mb_per_s'] for _ in range(5))
        list_raw = statistics.median(api.floor('raw', 40000000, 'list', '1')['list_mb_per_s'] for _ in range(3))
        beside = api.load('get', '10000', '1', '1')['get_p99_us']
        cpu = cpu_seconds(pid)
        watch = api.load('watch', '1000', '100', '5')
        cpu = cpu_seconds(pid) - cpu
        maps = api.load('create', 'configmaps', '20000', '64')
        before = pss_kib(pid)
        pods = api.load('create', 'pods', '10000', '64')
        json_kib = size['get_mb_per_s'] * 1e6 / size['get_per_s'] / 1024
        memory = (pss_kib(pid) - before) / 10000
    bare = run(f'{BUILD}/tests/bench/bench-store', DISK)
    store = next(float(line[33:].split()[0]) for line in bare.splitlines() if line.startswith('store, 64 writers'))
    return [('GET p99, 10,000 pods', f'{get:.0f} us', f'bare sockets {raw:.0f} us, libmicrohttpd {mhd:.0f} us', f'{get / mhd:.2f}', '<= 1000 us'),
            ('GET p99 while another lists', f'{beside:.0f} us', '-', '-', '<= 1000 us'),
            ('LIST of all', f'{lists:.0f} MB/s', f'bare sockets {list_raw:.0f} MB/s', f'{lists / list_raw:.2f}', '>= 200 MB/s'),
            ('1,000 watches, 100 changes/s', f'{watch["watch_events_per_s"]:.0f} events/s each, lag {watch["watch_lag_ms"]:.0f} ms',
             f'{cpu:.1f} s of CPU for 5 s', '-', '100 each'),
            ('ConfigMaps created, 64 clients', f'{maps["create_per_s"]:.0f}/s', f'store alone {store:.0f}/s',
             f'{maps["create_per_s"] / store:.2f}', '>= 8000/s'),
            ('pods created, 64 clients', f'{pods["create_per_s"]:.0f}/s', f'store alone {store:.0f}/s', f'{pods["create_per_s"] / store:.2f}', '-'),
            ('memory a new pod, with its JSON', f'{memory:.1f} KiB', f'JSON with status {json_kib:.1f} KiB', '-', '<= 4 KiB beside it')]


def private_kib(pid):
    """Memory that is the process's own; its database's pages in the kernel's cache don't count."""
    with open(f'/proc/{pid}/smaps_rollup') as f:
        return int(re.search(r'^Pss_Anon:\s+(\d+)', f.read(), re.M).group(1))


@row
def row_memory():
    """What a pod with status takes beside its JSON: a line through the figures with 0, 5,000, 10,000 and 20,000 of them has the slope,
    and what doesn't grow (the ring of events, SQLite's pages) where it begins."""
    points = []
    for n in (0, 5000, 10000, 20000):
        with Api() as api:
            json_kib = 0
            if n:
                api.load('fill', str(n), '64', pods=n)
                size = api.load('get', '1000', '1', pods=n)
                json_kib = size['get_mb_per_s'] * 1e6 / size['get_per_s'] / 1024
            time.sleep(6)  # the store gives back what it needed meanwhile
            points.append((n, private_kib(api.server.pid) - n * json_kib, json_kib))
    grown = [(n, beside) for n, beside, _ in points if n]
    slope = statistics.linear_regression(*zip(*grown)).slope
    fixed = grown[0][1] - slope * grown[0][0]
    return [(f'memory with {n} pods, beside their JSON', f'{beside / 1024:.1f} MiB', f'JSON {n * json / 1024:.1f} MiB', '-', '-')
            for n, beside, json in points] + \
           [('a pod beside its JSON', f'{slope:.2f} KiB', f'JSON {points[-1][2]:.2f} KiB; fixed {fixed / 1024:.1f} MiB', '-', '<= 4 KiB')]


@row
def row_dns():
    out = run('bash', f'{SRC}/tests/bench/dns.sh', env={**os.environ, 'IN_NAMESPACE': ''})
    cpu = {line.split()[0]: line.split() for line in out.splitlines() if line.split()[0] in ('orch-dns', 'knotd', 'dnsmasq')}
    return ('DNS, CPU a query', f'{cpu["orch-dns"][1]} us', f'knotd {cpu["knotd"][1]} us, dnsmasq {cpu["dnsmasq"][1]} us', f'{cpu["orch-dns"][2]}', '>= 0.9')


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
