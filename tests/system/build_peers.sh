#!/bin/sh
# The same Dockerfiles built by buildah and by orch-build: equal trees, modes, owners and configurations.
if [ -z "${ORCH_TEST_INSIDE:-}" ]; then
  [ "$(id -u)" = 0 ] || { echo "SKIP: needs root"; exit 77; }
  ORCH_TEST_INSIDE=1 exec "$(dirname "$0")/../../scripts/in-namespaces" sh "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
need buildah busybox python3 tar
mount -t tmpfs tmpfs "$WORK"
CLEANUP='umount -l "$WORK"'
python3 "$SRC/tests/system/build_peers.py" "$WORK" "$ORCH_BUILD" "$@"
