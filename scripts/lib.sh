# Sourced by the scripts of this folder (bash). What both commands of the README share.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

BUILD_PACKAGES=(gcc libc6-dev pkg-config meson ninja-build libsystemd-dev libarchive-dev libyaml-dev
  libjansson-dev libcap-dev libseccomp-dev libsqlite3-dev libmicrohttpd-dev libgnutls28-dev libcurl4-gnutls-dev libmnl-dev
  libwslay-dev libpcre2-dev zlib1g-dev libisal-dev)
RUN_PACKAGES=(busybox-static iproute2 nftables util-linux)
TEST_PACKAGES=(clang clang-format libclang-rt-14-dev libcmocka-dev python3 openssl git curl jq qemu-system-x86 mmdebstrap kmod cpio e2fsprogs xz-utils lz4
  zstd bzip2 procps crun docker-registry skopeo umoci buildah podman libarchive-tools apache2-utils)
# Client libraries that tests/clients drives; scripts/fetch-clients brings kubectl, helm, Prometheus and the JavaScript ones.
CLIENT_PACKAGES=(python3-kubernetes ruby-kubeclient)

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$(basename "$0"): $*" >&2; exit 1; }

# Where control groups of version 2 lie beside those of version 1, a node's own group there is outside of every namespace. What a run
# leaves of it goes at its end, provided that it wasn't there before; groups with processes in them stay.
NODE_GROUP=/sys/fs/cgroup/unified/orch
[ ! -d "$NODE_GROUP" ] || NODE_GROUP=
drop_node_group() {
  [ -d "${NODE_GROUP:-}" ] || return 0
  find "$NODE_GROUP" -depth -type d -exec rmdir {} + 2>/dev/null || true
}

need_root() { [ "$(id -u)" = 0 ] || die "run me as root: containers, namespaces and apt need it"; }

# retry "what" command...: what a network refuses in passing is asked for again, five times in two minutes at most.
retry() {
  local what=$1 pause
  shift
  for pause in 3 10 30 60 0; do
    "$@" && return
    [ $pause -gt 0 ] || break
    say "   $what failed; again in $pause s" >&2
    sleep $pause
  done
  return 1
}
# apt-get that waits for another one's lock, and asks again by itself.
apt_get() { apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >/dev/null; }
# With new lists each time: an update that got only some of them counts as a success.
apt_install() { apt_get update && apt_get install -y --no-install-recommends "$@"; }

# Installs what is missing of the named packages, and says nothing when nothing is.
install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${#missing[@]} packages: ${missing[*]}"
  retry "apt-get" apt_install "${missing[@]}" || die "apt-get failed (see above); is the machine online? Missing: ${missing[*]}"
}

# build_into FOLDER [meson options...]: configures once, builds, prints only what goes wrong.
build_into() {
  local folder=$1 log
  shift
  log=$(mktemp)
  if [ ! -f "$folder/build.ninja" ]; then
    meson setup "$folder" "$ROOT" "$@" >"$log" 2>&1 || { cat "$log"; rm -f "$log"; die "meson setup failed"; }
  fi
  ninja -C "$folder" >"$log" 2>&1 || { grep -vE '^\[[0-9]+/[0-9]+\]' "$log" | tail -60; rm -f "$log"; die "the build failed"; }
  rm -f "$log"
}
