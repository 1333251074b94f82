"""Makes the archives that image.sh feeds to orch-image. Standard library only. Usage: make_images.py FOLDER"""
import gzip
import hashlib
import io
import json
import os
import platform
import sys
import tarfile

OUT = sys.argv[1]
ARCH = {'x86_64': 'amd64', 'aarch64': 'arm64', 'armv7l': 'arm', 'riscv64': 'riscv64'}.get(platform.machine(), 'unknown')


def digest(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def entry(name, data=b'', kind=tarfile.REGTYPE, link='', mode=0o644, uid=0, gid=0, pax=None):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.uid, info.gid = kind, link, mode, uid, gid
    info.size = len(data)
    info.pax_headers = pax or {}
    return info, data


def tar(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.PAX_FORMAT) as t:
        for info, data in entries:
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


class Layout:
    """An OCI image layout under construction: path -> bytes."""

    def __init__(self):
        self.files = {'oci-layout': json.dumps({'imageLayoutVersion': '1.0.0'}).encode()}
        self.manifests = []

    def blob(self, data, media_type):
        self.files['blobs/sha256/' + digest(data)[7:]] = data
        return {'mediaType': media_type, 'digest': digest(data), 'size': len(data)}

    def image(self, layers, diff_ids=None, arch=ARCH):
        config = {'architecture': arch, 'os': 'linux', 'config': {'Cmd': ['/bin/x'], 'Env': ['A=b']},
                  'rootfs': {'type': 'layers', 'diff_ids': diff_ids or [digest(x) for x in layers]}}
        manifest = {'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json',
                    'config': self.blob(json.dumps(config).encode(), 'application/vnd.oci.image.config.v1+json'),
                    'layers': [self.blob(gzip.compress(x, mtime=0), 'application/vnd.oci.image.layer.v1.tar+gzip')
                               for x in layers]}
        return self.blob(json.dumps(manifest).encode(), manifest['mediaType'])

    def name(self, descriptor, name, arch=None):
        descriptor = dict(descriptor)
        if name:
            descriptor['annotations'] = {'org.opencontainers.image.ref.name': name}
        if arch:
            descriptor['platform'] = {'architecture': arch, 'os': 'linux'}
        self.manifests.append(descriptor)
        return self

    def finish(self):
        self.files['index.json'] = json.dumps({'schemaVersion': 2, 'manifests': self.manifests}).encode()
        return self.files


def write_tar(name, files, extra=()):
    with open(f'{OUT}/{name}', 'wb') as f:
        f.write(tar([entry(path, data) for path, data in files.items()] + list(extra)))


base = tar([entry('bin', kind=tarfile.DIRTYPE, mode=0o755), entry('bin/x', b'#!', mode=0o755), entry('gone', b'1'),
            entry('opaque', kind=tarfile.DIRTYPE, mode=0o755), entry('opaque/old', b'1')])
top = tar([entry('.wh.gone'), entry('opaque', kind=tarfile.DIRTYPE, mode=0o755), entry('opaque/.wh..wh..opq'),
           entry('opaque/new', b'2'), entry('owned', b'x', mode=0o4755, uid=1000, gid=100),
           entry('second-name', kind=tarfile.LNKTYPE, link='owned'),
           entry('sneaky', kind=tarfile.DIRTYPE, mode=0o755, pax={'SCHILY.xattr.trusted.overlay.redirect': '/etc'}),
           entry('tmp', kind=tarfile.DIRTYPE, mode=0o1777), entry('out', kind=tarfile.SYMTYPE, link='/tmp'), entry('out/orch-escaped', b'!'),
           entry('dev-node', kind=tarfile.CHRTYPE)])

layout = Layout()
layout.name(layout.image([base, top]), 'two:1')
for path, data in layout.finish().items():
    os.makedirs(os.path.dirname(f'{OUT}/layout/{path}'), exist_ok=True)
    with open(f'{OUT}/layout/{path}', 'wb') as f:
        f.write(data)

write_tar('oci.tar', layout.finish())

config = json.dumps({'architecture': ARCH, 'os': 'linux', 'config': {}, 'rootfs': {'type': 'layers', 'diff_ids': [digest(base)]}}).encode()
docker = {'a1/layer.tar': base, 'c.json': config,
          'manifest.json': json.dumps([{'Config': 'c.json', 'RepoTags': ['docker:a', 'docker:b'], 'Layers': ['b2/layer.tar']}]).encode()}
write_tar('docker.tar', docker, [entry('b2/layer.tar', kind=tarfile.SYMTYPE, link='../a1/layer.tar')])

multi = Layout()
inner = {'schemaVersion': 2, 'manifests': [
    dict(multi.image([base], arch='s390x'), platform={'architecture': 's390x', 'os': 'linux'}),
    dict(multi.image([top]), platform={'architecture': ARCH, 'os': 'linux'})]}
multi.name(multi.blob(json.dumps(inner).encode(), 'application/vnd.oci.image.index.v1+json'), 'multi')
write_tar('multi.tar', multi.finish())

with gzip.open(f'{OUT}/rootfs.tar.gz', 'wb') as f:
    f.write(base)

bad = Layout()
unseen = tar([entry('never-seen-before', b'1')])
bad.name(bad.image([unseen]), 'bad:1')
files = bad.finish()
for path in list(files):
    if files[path][:2] == b'\x1f\x8b':
        files[path] = gzip.compress(unseen + b'\0' * 512, mtime=0)
write_tar('bad-digest.tar', files)

bad = Layout()
bad.name(bad.image([unseen], diff_ids=['sha256:' + 64 * '0']), 'bad:1')
write_tar('bad-diffid.tar', bad.finish())

bad = Layout()
bad.name(bad.image([tar([entry('../../escape', b'!')])]), 'bad:1')
write_tar('dotdot.tar', bad.finish())

bad = Layout()
bad.name(bad.image([base], diff_ids=[digest(base), digest(top)]), 'bad:1')
write_tar('bad-count.tar', bad.finish())

foreign = Layout()
foreign.name(foreign.image([base], arch='s390x'), 'foreign:1', 's390x')
write_tar('foreign.tar', foreign.finish())

nameless = Layout()
nameless.name(nameless.image([base]), None)
write_tar('nameless.tar', nameless.finish())

with open(f'{OUT}/oci.tar', 'rb') as f:
    whole = f.read()
with open(f'{OUT}/cut.tar', 'wb') as f:
    f.write(whole[:len(whole) // 2])

big = Layout()
big.name(big.image([tar([entry(f'd/{i}', b'x' * 2000) for i in range(2000)]),
                    tar([entry(f'e/{i}', b'y' * 2000) for i in range(2000)])]), 'big:1')
write_tar('big.tar', big.finish())
