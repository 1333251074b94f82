#!/bin/sh
# orchd-server and clients that mean no good: slow, silent, endless, too large, garbled. Each gets a clear answer or its end, memory
# stays bounded, and the requests of another client go on.
set -eu
command -v python3 >/dev/null || { echo "SKIP: python3 is missing"; exit 77; }
exec python3 "$(dirname "$0")/http_faults.py" "${ORCH_BUILD:-build}/daemon/orchd-server"
