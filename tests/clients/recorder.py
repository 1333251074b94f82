#!/usr/bin/env python3
"""A TLS proxy between a client and the API that writes down every answer as one JSON line.

The client talks to it with a bearer token of the proxy's own; upstream it uses the administrator's certificate from a kubeconfig
(as JSON). Upgraded connections are passed through. Before it says "ready" it stores the server's OpenAPI v3 documents."""
import argparse
import base64
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import threading
import urllib.parse

HEAD_MAX = 1 << 20
RELAY_MAX = 1 << 18


def b64_file(path, text):
    with open(path, "wb") as out:
        out.write(base64.b64decode(text))
    return path


class Upstream:
    """Where the API is and who we are there."""

    def __init__(self, kubeconfig, work):
        config = json.load(open(kubeconfig))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        url = urllib.parse.urlsplit(cluster["server"])
        self.address = (url.hostname, url.port or 443)
        self.context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        self.context.load_cert_chain(b64_file(f"{work}/client.crt", user["client-certificate-data"]),
                                     b64_file(f"{work}/client.key", user["client-key-data"]))

    def connect(self):
        raw = socket.create_connection(self.address, timeout=60)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.context.wrap_socket(raw, server_hostname=self.address[0])


class Stream:
    """A buffered reader of one side."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def more(self):
        data = self.sock.recv(65536)
        self.buffer += data
        return bool(data)

    def head(self):
        while b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > HEAD_MAX or not self.more():
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head + b"\r\n\r\n"

    def exactly(self, n):
        while len(self.buffer) < n:
            if not self.more():
                raise ConnectionError("ended in a body")
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def line(self):
        while b"\r\n" not in self.buffer:
            if not self.more():
                raise ConnectionError("ended in a chunk's length")
        data, self.buffer = self.buffer.split(b"\r\n", 1)
        return data + b"\r\n"


def headers_of(head):
    lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in lines[1:] if ":" in line)
    return lines[0], {k.strip().lower(): v.strip() for k, v in pairs}


def body_through(source, headers, send, whole, has_length_rule=False):
    """Passes one message's body on and adds it, without framing, to whole. has_length_rule: no length means no body (requests)."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        size = -1
        while size != 0:
            line = source.line()
            size = int(line.split(b";")[0], 16)
            data = source.exactly(size + 2)
            whole += data[:-2]
            send(line + data)
    elif "content-length" in headers:
        data = source.exactly(int(headers["content-length"]))
        whole += data
        send(data)
    elif not has_length_rule:
        while source.buffer or source.more():
            data, source.buffer = source.buffer, b""
            whole += data
            send(data)


def relay(client, server):
    """Copies both ways until one side ends, all of its bytes included. In one thread: a TLS connection must not be read and written at once."""
    waiting = {client.sock: bytearray(server.buffer), server.sock: bytearray(client.buffer)}
    other = {client.sock: server.sock, server.sock: client.sock}
    over = None
    for sock in other:
        sock.setblocking(False)
    poll = select.poll()
    while over is None or waiting[over]:
        for sock in other:
            has_room = over is None and len(waiting[other[sock]]) < RELAY_MAX
            poll.register(sock, (select.POLLOUT if waiting[sock] else 0) | (select.POLLIN if has_room else 0))
        ready = {fd for fd, _ in poll.poll()}
        for sock in [sock for sock in other if sock.fileno() in ready]:
            try:
                if waiting[sock]:
                    del waiting[sock][:sock.send(waiting[sock])]
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            try:
                while over is None and len(waiting[other[sock]]) < RELAY_MAX:
                    data = sock.recv(65536)
                    if not data:
                        over = other[sock]
                    waiting[other[sock]] += data
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass


class Proxy:
    def __init__(self, upstream, out, token):
        self.upstream, self.token = upstream, token
        self.out, self.lock = open(out, "w", buffering=1), threading.Lock()
        self.under_way = {}

    def begin(self, request, status, headers):
        method, target = request.split(" ")[:2]
        entry = {"method": method, "target": target, "status": status, "type": headers.get("content-type"), "body": bytearray()}
        with self.lock:
            self.under_way[id(entry)] = entry
        return entry

    def end(self, entry, is_whole):
        """is_whole: the answer came to its end; else the client left before."""
        with self.lock:
            if self.under_way.pop(id(entry), None) is None:
                return
            self.out.write(json.dumps(entry | {"body": entry["body"].decode("utf-8", "replace"), "whole": is_whole}) + "\n")

    def end_all(self):
        for entry in list(self.under_way.values()):
            self.end(entry, False)

    def serve(self, sock):
        try:
            with sock, self.upstream.connect() as up:
                client, server = Stream(sock), Stream(up)
                while self.exchange(client, server):
                    pass
        except (OSError, ConnectionError, ValueError):
            pass

    def exchange(self, client, server):
        head = client.head()
        if head is None:
            return False
        request, headers = headers_of(head)
        if headers.get("authorization") != f"Bearer {self.token}":
            client.sock.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
            return False
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"authorization:")]
        server.sock.sendall(b"\r\n".join(lines))
        body_through(client, headers, server.sock.sendall, bytearray(), True)
        answer = server.head()
        if answer is None:
            return False
        client.sock.sendall(answer)
        line, answer_headers = headers_of(answer)
        status = int(line.split(" ")[1])
        if status == 101:
            relay(client, server)
            return False
        entry, is_whole = self.begin(request, status, answer_headers), False
        try:
            if status not in (204, 304) and not request.startswith("HEAD "):
                body_through(server, answer_headers, client.sock.sendall, entry["body"])
            is_whole = True
        finally:
            self.end(entry, is_whole)
        return "close" not in answer_headers.get("connection", "").lower()


def fetch(upstream, path):
    with upstream.connect() as up:
        up.sendall(f"GET {path} HTTP/1.1\r\nHost: api\r\nAccept: application/json\r\nConnection: close\r\n\r\n".encode())
        stream = Stream(up)
        line, headers = headers_of(stream.head())
        body = bytearray()
        body_through(stream, headers, lambda data: None, body)
    if " 200 " not in line + " ":
        raise SystemExit(f"recorder: GET {path}: {line}")
    return json.loads(body)


def store_documents(upstream, folder):
    os.makedirs(folder, exist_ok=True)
    for name, entry in fetch(upstream, "/openapi/v3")["paths"].items():
        with open(f"{folder}/{name.replace('/', '_')}.json", "w") as out:
            json.dump(fetch(upstream, entry["serverRelativeURL"]), out)


def make_certificate(work):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=recorder", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{work}/key.pem", "-out", f"{work}/cert.pem"],
                   check=True, capture_output=True)


def write_kubeconfig(work, port, token):
    authority = base64.b64encode(open(f"{work}/cert.pem", "rb").read()).decode()
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "c",
              "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": authority}}],
              "users": [{"name": "u", "user": {"token": token}}],
              "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}
    with open(f"{work}/kubeconfig", "w") as out:
        json.dump(config, out)
    os.chmod(f"{work}/kubeconfig", 0o600)


def main():
    parser = argparse.ArgumentParser()
    for name in ("kubeconfig", "out", "work"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    upstream = Upstream(args.kubeconfig, args.work)
    store_documents(upstream, f"{args.work}/openapi")
    make_certificate(args.work)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{args.work}/cert.pem", f"{args.work}/key.pem")
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    token = base64.urlsafe_b64encode(os.urandom(18)).decode()
    write_kubeconfig(args.work, listener.getsockname()[1], token)
    proxy = Proxy(upstream, args.out, token)

    def leave(*_):
        proxy.end_all()
        proxy.lock.acquire()  # nobody's line is cut
        proxy.out.flush()
        os._exit(0)
    signal.signal(signal.SIGTERM, leave)
    print("ready", flush=True)
    while True:
        raw, _ = listener.accept()
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def handle(sock=raw):
            try:
                proxy.serve(context.wrap_socket(sock, server_side=True))
            except (OSError, ssl.SSLError):
                sock.close()
        threading.Thread(target=handle, daemon=True).start()


if __name__ == "__main__":
    main()
