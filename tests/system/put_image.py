"""Puts an image with layers of a kind that no tool makes on demand into a plain registry.
usage: put_image.py HOST:PORT NAME TAG raw|zstd|foreign|artifact"""
import hashlib
import http.client
import io
import json
import platform
import subprocess
import sys
import tarfile

HOST, NAME, TAG, KIND = sys.argv[1:5]
ARCH = {'x86_64': 'amd64', 'aarch64': 'arm64', 'armv7l': 'arm'}.get(platform.machine(), platform.machine())


def digest(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def call(method, path, body=b'', headers=None):
    connection = http.client.HTTPConnection(HOST)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    answer.read()
    assert answer.status < 300, (method, path, answer.status)
    return answer


def blob(data):
    where = call('POST', f'/v2/{NAME}/blobs/uploads/').getheader('Location')
    path = where.split(HOST, 1)[1] if '://' in where else where
    call('PUT', path + ('&' if '?' in path else '?') + 'digest=' + digest(data), data, {'Content-Type': 'application/octet-stream'})
    return {'digest': digest(data), 'size': len(data)}


file = io.BytesIO()
with tarfile.open(fileobj=file, mode='w') as tar:
    info = tarfile.TarInfo('hello-' + KIND)
    info.size = 5
    tar.addfile(info, io.BytesIO(b'hello'))
plain = file.getvalue()
data = subprocess.run(['zstd', '-c'], input=plain, capture_output=True, check=True).stdout if KIND == 'zstd' else plain
layer_type = {
    'raw': 'application/vnd.oci.image.layer.v1.tar',
    'zstd': 'application/vnd.oci.image.layer.v1.tar+zstd',
    'foreign': 'application/vnd.oci.image.layer.nondistributable.v1.tar',
    'artifact': 'application/vnd.example.chart.content',
}[KIND]
config_type = 'application/vnd.example.chart.config+json' if KIND == 'artifact' else 'application/vnd.oci.image.config.v1+json'
config = json.dumps({'architecture': ARCH, 'os': 'linux', 'config': {'Cmd': ['/x']},
                     'rootfs': {'type': 'layers', 'diff_ids': [digest(plain)]}}).encode()
layer = {'mediaType': layer_type, **blob(data)}
if KIND == 'foreign':
    layer['urls'] = ['https://layers.invalid/x']
manifest = {'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json',
            'config': {'mediaType': config_type, **blob(config)}, 'layers': [layer]}
call('PUT', f'/v2/{NAME}/manifests/{TAG}', json.dumps(manifest).encode(), {'Content-Type': manifest['mediaType']})
