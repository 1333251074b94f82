#!/usr/bin/env python3
"""A client that opens an exec, an attach and a port-forward over TLS, says "open", and then only keeps them: cut_peer.py ADDRESS KUBECONFIG(JSON)."""
import base64
import json
import os
import socket
import ssl
import sys
import tempfile
import time

address, config = sys.argv[1], json.load(open(sys.argv[2]))
user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
with tempfile.TemporaryDirectory() as folder:
    for name in ("certificate", "key"):
        with open(f"{folder}/{name}", "wb") as out:
            out.write(base64.b64decode(user[f"client-{name}-data"]))
    context.load_cert_chain(f"{folder}/certificate", f"{folder}/key")


def upgraded(path, protocol):
    raw = socket.create_connection((address, 6443), timeout=20)
    sock = context.wrap_socket(raw, server_hostname="localhost")
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(f"GET /api/v1/namespaces/default/pods/p/{path} HTTP/1.1\r\nHost: api\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n".encode())
    answer = sock.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101 "), answer
    return sock


streams = [upgraded("exec?container=main&command=cat&stdin=true&stdout=true&stderr=true", "v5.channel.k8s.io"),
           upgraded("attach?stdin=true&stdout=true&stderr=true&container=side", "v5.channel.k8s.io"),
           upgraded("portforward?ports=8080", "v4.channel.k8s.io")]
streams[0].sendall(b"\x82\x86\0\0\0\0\0hello")
print("open", flush=True)
time.sleep(1000)
