#!/bin/bash
# Pull and unpack an image of about 257 MB with 14,200 files in three gzip layers from docker-registry on loopback, store on tmpfs; in the
# same run podman pull from the same registry and three bsdtar side by side on the same layers from files. Interleaved; medians of ROUNDS
# (3). Memory: of orch-image and its children together (PSS, sampled), beside an orch-image that lists. As root: tests/bench/pull.sh
set -eu
: "${ORCH_BUILD:?set ORCH_BUILD to a build folder (buildtype=release)}"
if [ "${IN_NAMESPACE:-}" != 1 ]; then
  IN_NAMESPACE=1 exec unshare --net --mount --pid --ipc --fork --mount-proc --kill-child --propagation private bash "$0" "$@"
fi
unset http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY
ip link set lo up
mount -t tmpfs tmpfs /run; mkdir -p /run/lock
W=/run/bench; mkdir $W; mount -t tmpfs tmpfs $W
! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified
export TMPDIR=$W
IMAGE=$ORCH_BUILD/daemon/image/orch-image
# One large library, many texts, many small files; the same every time.
python3 - "$W" <<'P'
import gzip, hashlib, io, json, os, platform, random, sys, tarfile
W, rng = sys.argv[1], random.Random(7)
words = [bytes(rng.choices(range(97, 123), k=rng.randint(2, 9))) for _ in range(4000)]
def text(n):
    out = b' '.join(rng.choices(words, k=n // 6 + 1))
    return out[:n]
def machine(n):  # as compressible as a program
    block = rng.randbytes(1 << 16)
    return b''.join(block[rng.randrange(0, 32768):][:rng.randrange(64, 512)] + rng.randbytes(90) for _ in range(n // 370))[:n]
def layer(files):
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode='w') as t:
        seen = set()
        for name, data in files:
            d = os.path.dirname(name)
            if d not in seen:
                seen.add(d); i = tarfile.TarInfo(d); i.type = tarfile.DIRTYPE; i.mode = 0o755; t.addfile(i)
            i = tarfile.TarInfo(name); i.size = len(data); t.addfile(i, io.BytesIO(data))
    return b.getvalue()
library = machine(24 << 20)
layers = [
    layer([(f'usr/lib/lib{i}.so', (library * 5)[:(118 << 20) - i] if i == 0 else library[:1 << 20]) for i in range(4)]),
    layer([(f'usr/share/texts/{i // 200}/{i}', text(rng.randint(2000, 20000))) for i in range(8200)]),
    layer([(f'usr/share/icons/{i // 300}/{i}.png', rng.randbytes(rng.randint(300, 3000)) + text(3000)) for i in range(6000)]),
]
digest = lambda d: 'sha256:' + hashlib.sha256(d).hexdigest()
os.makedirs(W + '/oci/blobs/sha256')
def blob(data):
    open(f'{W}/oci/blobs/sha256/{digest(data)[7:]}', 'wb').write(data)
    return {'digest': digest(data), 'size': len(data)}
arch = {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(platform.machine(), platform.machine())
packed = [gzip.compress(l, 6) for l in layers]
for n, p in enumerate(packed): open(f'{W}/l{n}.tar.gz', 'wb').write(p)
config = blob(json.dumps({'architecture': arch, 'os': 'linux', 'config': {'Cmd': ['/x']}, 'rootfs': {'type': 'layers', 'diff_ids': [digest(l) for l in layers]}}).encode())
manifest = blob(json.dumps({'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json', 'config': {'mediaType': 'application/vnd.oci.image.config.v1+json', **config},
    'layers': [{'mediaType': 'application/vnd.oci.image.layer.v1.tar+gzip', **blob(p)} for p in packed]}).encode())
open(W + '/oci/oci-layout', 'w').write('{"imageLayoutVersion":"1.0.0"}')
open(W + '/oci/index.json', 'w').write(json.dumps({'schemaVersion': 2, 'manifests': [{'mediaType': 'application/vnd.oci.image.manifest.v1+json', **manifest, 'annotations': {'org.opencontainers.image.ref.name': '1'}}]}))
total = sum(map(len, layers))
open(W + '/bytes', 'w').write(str(total))
print(f'image: {total / 1e6:.0f} MB, 14,200 files, gzip {sum(map(len, packed)) / 1e6:.0f} MB ({" ".join(f"{len(p) / 1e6:.0f}" for p in packed)})')
P
cat >$W/registry.yml <<C
version: 0.1
storage: {filesystem: {rootdirectory: $W/registry}}
http: {addr: 127.0.0.1:5000}
log: {level: error, accesslog: {disabled: true}}
C
docker-registry serve $W/registry.yml >$W/registry.log 2>&1 &
until curl -s 127.0.0.1:5000/v2/ >/dev/null; do sleep .02; done
skopeo copy -q --insecure-policy --dest-tls-verify=false oci:$W/oci:1 docker://127.0.0.1:5000/big:1
printf 'registries:\n- host: 127.0.0.1:5000\n  plainHTTP: true\n' >$W/registries.yaml
cat >$W/storage.conf <<C
[storage]
driver = "overlay"
graphroot = "$W/podman/root"
runroot = "$W/podman/run"
C
cat >$W/containers.conf <<C
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
tmp_dir = "$W/podman/tmp"
static_dir = "$W/podman/static"
volume_path = "$W/podman/volumes"
C
export CONTAINERS_STORAGE_CONF=$W/storage.conf CONTAINERS_CONF=$W/containers.conf
orch() { "$IMAGE" pull --store $W/store --registries $W/registries.yaml 127.0.0.1:5000/big:1 >/dev/null; }
podman_pull() { podman pull -q --tls-verify=false 127.0.0.1:5000/big:1 >/dev/null 2>$W/podman.log; }
bsdtar3() { mkdir -p $W/x/0 $W/x/1 $W/x/2; local p=; for n in 0 1 2; do bsdtar -xpzf $W/l$n.tar.gz -C $W/x/$n & p="$p $!"; done; wait $p; }
timed() { local t0 t1; t0=$(date +%s%N); "$@" || { echo "$1 failed"; cat $W/podman.log 2>/dev/null; exit 1; }; t1=$(date +%s%N); echo $(((t1 - t0) / 1000)) >>$W/$1.usec; }
cat $W/l?.tar.gz >/dev/null
for round in $(seq ${ROUNDS:-3}); do
  timed orch; rm -rf $W/store
  timed bsdtar3; rm -rf $W/x
  if [ "${PEERS:-1}" = 1 ]; then timed podman_pull; podman rmi -fa >/dev/null 2>&1; fi
done
# Memory, sampled every few milliseconds over one more pull.
"$IMAGE" pull --store $W/store --registries $W/registries.yaml 127.0.0.1:5000/big:1 >/dev/null &
pid=$!
python3 - $pid <<'P' >$W/memory
import os, sys, time
pid, most = int(sys.argv[1]), 0
def tree(p):
    try:
        kids = [int(k) for t in os.listdir(f'/proc/{p}/task') for k in open(f'/proc/{p}/task/{t}/children').read().split()]
    except OSError:
        kids = []
    return [p] + [q for k in kids for q in tree(k)]
def pss(p):
    try:
        return next(int(l.split()[1]) for l in open(f'/proc/{p}/smaps_rollup') if l.startswith('Pss:'))
    except (OSError, StopIteration):
        return 0
while os.path.exists(f'/proc/{pid}/exe') and open(f'/proc/{pid}/stat').read().split()[2] != 'Z':
    most = max(most, sum(map(pss, tree(pid))))
    time.sleep(0.005)
print(most)
P
wait $pid
python3 - $W <<'P'
import os, statistics, sys
W = sys.argv[1]
total = int(open(W + '/bytes').read())
med = {n: statistics.median(map(int, open(f'{W}/{n}.usec'))) for n in ('orch', 'bsdtar3', 'podman_pull') if os.path.exists(f'{W}/{n}.usec')}
for n, v in med.items():
    print(f'{n:12} {v / 1000:7.0f} ms {total / v:5.0f} MB/s   x {v / med["orch"]:.2f} of orch\'s time')
print(f'memory       {int(open(W + "/memory").read()) / 1024:.1f} MiB at most, orch-image and its unpackers')
print('wanted: podman_pull at least x 3, bsdtar3 at least x 0.8 (that is: orch at most 1.25 of its time); 40 MiB')
P
