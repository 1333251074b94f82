#!/usr/bin/env python3
"""Taking an image in: three gzip layers out of this machine's /usr (about 257 MB, 14,000 files), by orch-image and by three bsdtar side by
side, in turns, on tmpfs. Usage: images.py BUILD [ROUNDS]. Needs bsdtar, 1.5 GiB in /dev/shm, and root."""
import gzip
import hashlib
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BYTES, FILES = 257_000_000, 14_200
build, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5


def choose():
    found = []
    for root in ('/usr/bin', '/usr/include', '/usr/lib', '/usr/share'):
        for folder, _, names in os.walk(root):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and not os.path.islink(path) and 0 < os.path.getsize(path) < 20e6:
                    found.append((path, os.path.getsize(path)))
    found.sort()
    random.Random(1).shuffle(found)
    small, large = [f for f in found if f[1] < 40000], [f for f in found if f[1] >= 40000]
    picked = small[:FILES * 93 // 100]
    total = sum(f[1] for f in picked)
    for f in large:
        if len(picked) < FILES and total + f[1] <= BYTES:
            picked.append(f)
            total += f[1]
    return sorted(picked), total


def make(folder):
    picked, total = choose()
    parts, seen = [[], [], []], 0
    for path, size in picked:
        parts[min(2, seen * 3 // total)].append(path)
        seen += size
    os.makedirs(folder + '/layout/blobs/sha256')

    def blob(data, kind):
        digest = hashlib.sha256(data).hexdigest()
        with open(f'{folder}/layout/blobs/sha256/{digest}', 'wb') as f:
            f.write(data)
        return {'mediaType': kind, 'digest': 'sha256:' + digest, 'size': len(data)}

    layers, diff_ids = [], []
    for i, part in enumerate(parts):
        folders = sorted({path[:n] for path in part for n in range(2, len(path)) if path[n] == '/'})
        names = '\n'.join(folders + part).encode()
        tar = subprocess.run(['tar', '--no-recursion', '--numeric-owner', '-cf', '-', '-T', '-'], input=names, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, check=True).stdout
        diff_ids.append('sha256:' + hashlib.sha256(tar).hexdigest())
        packed = gzip.compress(tar, 6, mtime=0)
        layers.append(blob(packed, 'application/vnd.oci.image.layer.v1.tar+gzip'))
        with open(f'{folder}/{i}.tar.gz', 'wb') as f:
            f.write(packed)
    arch = {'x86_64': 'amd64', 'aarch64': 'arm64', 'armv7l': 'arm'}.get(os.uname().machine, 'unknown')
    config = blob(json.dumps({'architecture': arch, 'os': 'linux', 'rootfs': {'type': 'layers', 'diff_ids': diff_ids}}).encode(),
                  'application/vnd.oci.image.config.v1+json')
    manifest = blob(json.dumps({'schemaVersion': 2, 'config': config, 'layers': layers}).encode(), 'application/vnd.oci.image.manifest.v1+json')
    manifest['annotations'] = {'org.opencontainers.image.ref.name': 'bench:1'}
    with open(folder + '/layout/index.json', 'w', encoding='utf-8') as f:
        json.dump({'schemaVersion': 2, 'manifests': [manifest]}, f)
    return len(picked), total


def timed(run):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    run()
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def bsdtar(folder):
    jobs = []
    for i in range(3):
        os.makedirs(f'{folder}/x/{i}')
        jobs.append(subprocess.Popen(['bsdtar', '-xpf', f'{folder}/{i}.tar.gz', '-C', f'{folder}/x/{i}']))
    if any(job.wait() for job in jobs):
        sys.exit('bsdtar failed')


def orch(folder):
    subprocess.run([build + '/daemon/image/orch-image', '--store', folder + '/store', 'load', folder + '/layout'], check=True,
                   stdout=subprocess.DEVNULL)


with tempfile.TemporaryDirectory(dir='/dev/shm') as work:
    n, size = make(work)
    print(f'{n} files, {size / 1e6:.0f} MB, three gzip layers')
    results = {'bsdtar': [], 'orch-image': []}
    for _ in range(rounds):
        for name, run, made in (('bsdtar', bsdtar, 'x'), ('orch-image', orch, 'store')):
            results[name].append(timed(lambda: run(work)))
            shutil.rmtree(f'{work}/{made}')
    middle = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in results.items()}
    for name, (wall, cpu) in middle.items():
        print(f'{name}: {size / wall / 1e6:.0f} MB/s, {cpu:.2f} s of CPU')
    print(f'orch-image / bsdtar: {middle["bsdtar"][0] / middle["orch-image"][0]:.2f} x as fast, '
          f'{middle["orch-image"][1] / middle["bsdtar"][1]:.2f} x the CPU')
