#!/bin/sh
# orchd-server alone, over its unix socket, with a client and a node made of Python's sockets.
set -eu
command -v python3 >/dev/null || { echo "skipped: python3 is missing"; exit 77; }
exec python3 "$(dirname "$0")/server.py" "${ORCH_BUILD:-build}/daemon/orchd-server"
