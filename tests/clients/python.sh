#!/bin/sh
# The Python client of Debian.
. "$(dirname "$0")/clients.sh"
python3 -c 'import kubernetes' 2>/dev/null || PYTHON=/usr/bin/python3
PYTHON=${PYTHON:-python3}
"$PYTHON" -c 'import kubernetes' 2>/dev/null || skip "needs python3-kubernetes"
start_api
load_tools
record
timeout 500 "$PYTHON" "$HERE/client_python.py" || fail "the Python client"
stop_recorder 20
stop_cluster
