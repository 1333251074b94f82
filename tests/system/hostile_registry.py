"""A registry that means no good: each repository is one way of being wrong. usage: hostile_registry.py PORT LOG"""
import gzip
import hashlib
import http.server
import io
import json
import platform
import random
import sys
import tarfile
import threading
import time

PORT, LOG = int(sys.argv[1]), sys.argv[2]
ARCH = {'x86_64': 'amd64', 'aarch64': 'arm64', 'armv7l': 'arm'}.get(platform.machine(), platform.machine())
MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
CONFIG = 'application/vnd.oci.image.config.v1+json'
LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'


def digest(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def tar(name, data):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode='w') as t:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
    return file.getvalue()


PLAIN = tar('random', random.Random(1).randbytes(3 << 20))
BLOB = gzip.compress(PLAIN, 1)
CONFIG_TEXT = json.dumps({'architecture': ARCH, 'os': 'linux', 'config': {}, 'rootfs': {'type': 'layers', 'diff_ids': [digest(PLAIN)]}}).encode()
BLOBS = {digest(BLOB): BLOB, digest(CONFIG_TEXT): CONFIG_TEXT}


def manifest(layers=None, config=CONFIG_TEXT, config_type=CONFIG):
    if layers is None:
        layers = [{'mediaType': LAYER, 'digest': digest(BLOB), 'size': len(BLOB)}]
    return json.dumps({'schemaVersion': 2, 'mediaType': MANIFEST,
                       'config': {'mediaType': config_type, 'digest': digest(config), 'size': len(config)}, 'layers': layers}).encode()


def with_layer(data, media_type=LAYER, size=None, plain=PLAIN):
    config = json.dumps({'architecture': ARCH, 'os': 'linux', 'rootfs': {'type': 'layers', 'diff_ids': [digest(plain)]}}).encode()
    BLOBS[digest(config)], BLOBS[digest(data)] = config, data
    return manifest([{'mediaType': media_type, 'digest': digest(data), 'size': len(data) if size is None else size}], config)


MANY = manifest([{'mediaType': LAYER, 'digest': digest(BLOB), 'size': 1}] * 100000)  # more than 4 MiB of JSON
SOME = manifest([{'mediaType': LAYER, 'digest': digest(BLOB), 'size': 1}] * 10000)
BOMB = gzip.compress(bytes(1 << 20) * 64, 9)
MANIFESTS = {
    'many': MANY,
    'some': SOME,
    'nojson': b'{"schemaVersion": 2, "layers": [',
    'deep': b'[' * 100000,
    'list': b'[]',
    'empty': b'',
    'schema1': json.dumps({'schemaVersion': 1, 'fsLayers': []}).encode(),
    'foreign': with_layer(BLOB, 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'),
    'chart': manifest([], CONFIG_TEXT, 'application/vnd.example.chart.v1+json'),
    'bigger': with_layer(BLOB, size=len(BLOB) + 10),
    'smaller': with_layer(BLOB, size=len(BLOB) - 10),
    'notar': with_layer(gzip.compress(b'no tar at all' * 1000)),
    'bomb': with_layer(BOMB),
    'otherdiff': with_layer(gzip.compress(tar('x', b'x'))),
    'index': json.dumps({'schemaVersion': 2, 'manifests': [{'digest': 'nonsense', 'size': 1, 'platform': {'os': 'linux', 'architecture': ARCH}}]}).encode(),
    'noindex': json.dumps({'schemaVersion': 2, 'manifests': []}).encode(),
}
LOCK = threading.Lock()
SEEN = {}  # repository -> requests for its blobs


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def send(self, code, body, kind=MANIFEST, **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        with LOCK, open(LOG, 'a') as f:
            f.write(f'{self.path} range={self.headers.get("Range")} auth={self.headers.get("Authorization")}\n')
        if self.path.startswith('http://'):  # asked as a proxy
            self.path = '/' + self.path.split('/', 3)[3]
        parts = self.path.split('/')
        if len(parts) < 5 or parts[1] != 'v2':
            return self.elsewhere()
        name, what, reference = parts[2], parts[3], parts[4]
        try:
            if what == 'manifests':
                self.manifest(name, reference)
            else:
                self.blob(name, reference)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def elsewhere(self):
        """Where blobs are redirected to."""
        self.send(200, BLOBS.get(self.path[1:], b''), 'application/octet-stream')

    def manifest(self, name, reference):
        if name == 'redirects':
            return self.send(307, b'', Location=f'/v2/redirects/manifests/{reference}')
        if name == 'down':
            return self.send(503, b'', Retry_After='0')
        if name == 'limited':
            return self.send(429, b'', Retry_After='3600')
        if name == 'headers':
            self.send_response(200)
            for i in range(2000):
                self.send_header(f'X-{i}', 'x' * 100)
            self.end_headers()
            return None
        if name == 'endless':
            self.send_response(200)
            self.send_header('Content-Type', MANIFEST)
            self.end_headers()
            while True:
                self.wfile.write(b' ' * 65536)
        if name == 'silent':
            time.sleep(60)
        if name == 'wrongdigest':
            return self.send(200, manifest(), Docker_Content_Digest=digest(b'something else'))
        if name == 'words':
            return self.send(404, json.dumps({'errors': [{'code': 'X', 'message': 'evil \x1b[2J\nwords'}]}).encode())
        if name in ('index', 'noindex'):
            return self.send(200, MANIFESTS[name], 'application/vnd.oci.image.index.v1+json')
        return self.send(200, MANIFESTS.get(name, manifest()))

    def blob(self, name, reference):
        data = BLOBS.get(reference)
        if data is None:
            return self.send(404, b'{}')
        if reference != digest(BLOB) or name in MANIFESTS:
            return self.send(200, data, 'application/octet-stream')
        with LOCK:
            SEEN[name] = n = SEEN.get(name, 0) + 1
        start = int(self.headers['Range'].split('=')[1].split('-')[0]) if self.headers.get('Range') else 0
        if name == 'cut':  # half a MiB at a time
            return self.part(data, start, 512 << 10)
        if name == 'norange':  # cut once; then all of it again
            if n == 1:
                return self.part(data, 0, 1 << 20)
            return self.send(200, data, 'application/octet-stream')
        if name == 'wrongrange':
            if start:
                self.send_response(206)
                self.send_header('Content-Range', f'bytes 0-{len(data) - 1}/{len(data)}')
                self.send_header('Content-Length', str(len(data)))
                self.end_headers()
                return self.wfile.write(data)
            return self.part(data, 0, 1 << 20)
        if name == 'nothing':  # the connection ends before the first byte, always
            self.close_connection = True
            return None
        if name == 'wrong':
            return self.send(200, data[:-4] + b'evil', 'application/octet-stream')
        if name == 'endlessblob':
            self.send_response(200)
            self.end_headers()
            self.wfile.write(data)
            while True:
                self.wfile.write(bytes(65536))
        if name == 'stall':
            self.send_response(200)
            self.send_header('Content-Length', str(len(data)))
            self.end_headers()
            self.wfile.write(data[:1000])
            self.wfile.flush()
            time.sleep(60)
        if name == 'elsewhere':  # to another host: no credentials may go there
            return self.send(307, b'', Location=f'http://localhost:{PORT}/{reference}')
        if name == 'busy':
            if n == 1:
                return self.send(429, b'', Retry_After='1')
            return self.send(200, data, 'application/octet-stream')
        return self.send(200, data, 'application/octet-stream')

    def part(self, data, start, most):
        self.send_response(206 if start else 200)
        if start:
            self.send_header('Content-Range', f'bytes {start}-{len(data) - 1}/{len(data)}')
        self.send_header('Content-Length', str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start:start + most])
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        pass


Server(('127.0.0.1', PORT), Handler).serve_forever()
