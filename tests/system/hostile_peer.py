#!/usr/bin/env python3
"""hostile_peer.py SOCKET HOW: a neighbour that answers every request badly.

lie      a tar, but another one        cut      announces more than it sends
nothing  closes without a word         endless  never stops to send
silent   takes the request, says nothing
"""
import io
import os
import socketserver
import sys
import tarfile
import time

path, how = sys.argv[1:]


def other_tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("evil")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    return out.getvalue()


class Peer(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline().strip():
            pass
        tar = other_tar()
        try:
            if how == "nothing":
                return
            if how == "silent":
                time.sleep(3600)
            if how == "endless":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                while True:
                    self.wfile.write(b"\0" * 65536)
            size = len(tar) + (100000 if how == "cut" else 0)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            self.wfile.write(tar)
        except (BrokenPipeError, ConnectionResetError):
            pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


if os.path.exists(path):
    os.unlink(path)
with Server(path, Peer) as server:
    print("ready", flush=True)
    server.serve_forever()
