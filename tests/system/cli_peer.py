#!/usr/bin/env python3
"""A peer for orch on a unix socket: one pod whose exec, log and image routes behave in known ways.
It plays the server where a real one would need a node and containers. Usage: cli_peer.py SOCKET"""
import base64, hashlib, json, socket, struct, sys, threading
from urllib.parse import urlsplit, parse_qs

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default", "uid": "u"},
       "spec": {"containers": [{"name": "a"}, {"name": "b"}]}, "status": {"phase": "Running"}}
NODES = {"kind": "NodeList", "metadata": {"resourceVersion": "1"}, "items": [{"metadata": {"name": "n1"}}]}


def recv_exact(f, n):
    data = f.read(n)
    if len(data) < n:
        raise EOFError
    return data


def ws_send(c, data, opcode=2):
    head = bytes([0x80 | opcode])
    if len(data) < 126:
        head += bytes([len(data)])
    else:
        head += bytes([126]) + struct.pack(">H", len(data))
    c.sendall(head + data)


def ws_recv(f):
    first, second = recv_exact(f, 2)
    assert second & 0x80, "a client must mask"
    n = second & 0x7f
    if n == 126:
        n = struct.unpack(">H", recv_exact(f, 2))[0]
    elif n == 127:
        n = struct.unpack(">Q", recv_exact(f, 8))[0]
    mask = recv_exact(f, 4)
    body = recv_exact(f, n)
    return first & 0xf, bytes(b ^ mask[i % 4] for i, b in enumerate(body))


def status(code):
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": f"command terminated with exit code {code}",
            "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]}}


def exec_(c, f, headers, query):
    key = headers["sec-websocket-key"]
    assert len(base64.b64decode(key, validate=True)) == 16
    assert headers["sec-websocket-protocol"] == "v5.channel.k8s.io" and headers["sec-websocket-version"] == "13"
    accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    c.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n").encode())
    command = query["command"]
    if command[0] == "hangup":
        return
    ws_send(c, b"\1out " + " ".join(command).encode() + b" in " + query["container"][0].encode() + b"\n")
    ws_send(c, b"\2err\n")
    ws_send(c, b"", 9)  # ping
    if query["stdin"][0] == "true":
        total = 0
        while True:
            opcode, body = ws_recv(f)
            if opcode != 2:
                continue
            if body[:1] == b"\xff":
                assert body == b"\xff\0"
                break
            if body[:1] == b"\0":
                total += len(body) - 1
        ws_send(c, b"\1got %d\n" % total)
    code = int(command[1]) if command[0] == "exit" else 0
    ws_send(c, b"\3" + json.dumps(status(code)).encode())
    ws_send(c, struct.pack(">H", 1000), 8)


def answer(c, code, body, kind="application/json"):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    c.sendall(f"HTTP/1.1 {code} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


def upload(f, headers):
    if headers.get("transfer-encoding") == "chunked":
        data = b""
        while (n := int(f.readline(), 16)) > 0:
            data += recv_exact(f, n)
            f.readline()
        f.readline()
        return data
    return recv_exact(f, int(headers.get("content-length", 0)))


def serve(c):
    f = c.makefile("rb")
    try:
        while line := f.readline().decode():
            method, target, _ = line.split()
            headers = {}
            while (h := f.readline().decode().strip()):
                name, value = h.split(":", 1)
                headers[name.lower()] = value.strip()
            url = urlsplit(target)
            query = parse_qs(url.query)
            body = upload(f, headers)
            if url.path.endswith("/pods/p"):
                answer(c, 200, POD)
            elif url.path.endswith("/pods/p/exec"):
                exec_(c, f, headers, query)
                break
            elif url.path.endswith("/pods/p/log"):
                answer(c, 200, ("log of " + query["container"][0] + " " +
                                ",".join(sorted(k + "=" + v[0] for k, v in query.items() if k != "container")) + "\n").encode(), "text/plain")
            elif url.path == "/api/v1/nodes":
                answer(c, 200, NODES)
            elif url.path.endswith("/images") and method == "GET":
                answer(c, 200, {"images": [{"id": "sha256:0123456789abcdef", "names": ["web:1"], "sizeBytes": 2097152}]})
            elif url.path.endswith("/images") and method == "POST":
                answer(c, 200, {"images": [{"names": [query.get("name", ["own:1"])[0] + f" {len(body)} {query.get('import', ['load'])[0]}"]}]})
            elif method == "DELETE":
                answer(c, 200, {"kind": "Status", "status": "Success"})
            else:
                answer(c, 404, {"kind": "Status", "status": "Failure", "reason": "NotFound", "message": "not here", "code": 404})
    except (EOFError, ConnectionError):
        pass
    finally:
        f.close()
        c.close()


listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(64)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
