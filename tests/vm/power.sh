#!/bin/bash
# Power is cut in the midst of loads, POWER_CUTS times (QEMU is killed; what the machine had not synced is gone): after each, every file of
# every image is checked, names mean whole images, and what was told to be done is there.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
: "${ORCH_BUILD:?run me through meson test, or set ORCH_BUILD to the build folder}"
skip() { echo "SKIP: $*"; exit 77; }
fail() { echo "FAIL: $*"; tail -30 "$WORK"/serial.log 2>/dev/null || true; exit 1; }
[ "$(id -u)" = 0 ] || skip "needs root"
[ "$(uname -m)" = x86_64 ] || skip "knows x86_64 machines only"
for tool in qemu-system-x86_64 cpio depmod mke2fs python3; do command -v $tool >/dev/null || skip "needs $tool"; done
WORK=$(mktemp -d "${TMPDIR:-/tmp}/orch-power-XXXXXX")
QEMU=
trap '[ -z "$QEMU" ] || kill -9 "$QEMU" 2>/dev/null; rm -rf "$WORK"' EXIT
cd "$WORK"

package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends/ {print $2; exit}')
[ -n "$package" ] || skip "no kernel package found; run apt-get update"
version=${package#linux-image-}
apt-get -o APT::Sandbox::User=root -o Acquire::Retries=3 download -qq "$package" >/dev/null 2>&1 || skip "cannot download $package"
dpkg-deb -x "$package"_*.deb kernel
python3 "$HERE/extract-vmlinux.py" "kernel/boot/vmlinuz-$version" vmlinux
mkdir -p initrd/bin initrd/lib initrd/lib64 initrd/proc initrd/dev initrd/data initrd/tmp
depmod -b kernel "$version"
for module in virtio_pci virtio_blk ext4; do
  modprobe -S "$version" -d "$WORK/kernel" -D "$module" 2>/dev/null | awk '$1 == "insmod" {print $2}'
done | awk '!seen[$0]++' | while read -r file; do
  cp "$file" "initrd/lib/$(basename "$file")"
  echo "/lib/$(basename "$file")"
done >initrd/modules
cp "$(command -v busybox)" initrd/bin/busybox
cp "$HERE/power-init" initrd/init
cp "$ORCH_BUILD/daemon/image/orch-image" initrd/bin/
ldd "$ORCH_BUILD/daemon/image/orch-image" | awk '$2 == "=>" {print $3}' | while read -r file; do cp -L "$file" initrd/lib/; done
cp -L /lib64/ld-linux-x86-64.so.2 initrd/lib64/
python3 - "$HERE/../.." initrd <<'P'
import sys
src, out = sys.argv[1:]
sys.argv = ['make_images.py', out + '/tmp']
exec(open(src + '/tests/system/make_images.py').read())
def one(name, text):
    l = Layout()
    base = tar([entry('etc/', kind=tarfile.DIRTYPE, mode=0o755)] + [entry(f'etc/base{i}', b'base' * 10 * i) for i in range(60)])
    top = tar([entry(f'app{i}', text * 9000, mode=0o4755) for i in range(60)] + [entry('link', kind=tarfile.SYMTYPE, link='app1'), entry('.wh.gone')])
    l.name(l.image([base, top]), name)
    with open(f'{out}/{name.split(":")[0]}.tar', 'wb') as f:
        f.write(tar([entry(n, d) for n, d in l.files.items()] + [entry('index.json', json.dumps({'schemaVersion': 2, 'manifests': l.manifests}).encode())]))
one('first:1', b'1')
one('second:1', b'2')
P
rm -rf initrd/tmp
chmod 755 initrd initrd/init
(cd initrd && find . | cpio -o -H newc --quiet) >initrd.cpio
truncate -s 192M disk
mke2fs -q -t ext4 disk

# Boots and waits for a line on the console. On a busy host an emulated machine may fail to start at all: then once more.
boot() {
  try_boot || try_boot || try_boot || fail "the machine doesn't come up"
}
try_boot() {
  : >serial.log
  qemu-system-x86_64 -M q35 -accel tcg -cpu max -smp 1 -m 384 -nographic -no-reboot -nodefaults -serial stdio -kernel vmlinux -initrd initrd.cpio \
    -append 'console=ttyS0 quiet panic=-1 tsc_early_khz=1000000 nokaslr no_timer_check loglevel=3' \
    -drive file=disk,format=raw,if=virtio,cache=writethrough </dev/null >serial.log 2>&1 &
  QEMU=$!
  local tries=0
  until grep -q "POWER CHECKED" serial.log; do
    kill -0 "$QEMU" 2>/dev/null || return 1
    tries=$((tries + 1))
    [ $tries -lt 1800 ] || { kill -9 "$QEMU"; wait "$QEMU" 2>/dev/null || true; return 1; }
    sleep 0.1
  done
}
# What the last boot found is right, and what was told to be done is there.
check_boot() {
  if grep "POWER FAIL" serial.log; then fail "after $1"; fi
  [ -z "$promised" ] || grep -q "POWER HAS first:1" serial.log || fail "first:1 was told to be there before $1"
}
promised= seen=0
for cut in $(seq "${POWER_CUTS:-6}"); do
  boot
  check_boot "cut $((cut - 1))"
  # Anywhere in a round, which takes a second or two here; every other time behind the first load.
  for try in $(seq 600); do
    if [ $((cut % 2)) = 0 ] || grep -q "POWER DONE" serial.log; then break; fi
    sleep 0.1
  done
  sleep "$((RANDOM % 3)).$((RANDOM % 10))$((RANDOM % 10))"
  kill -9 "$QEMU"
  wait "$QEMU" 2>/dev/null || true
  QEMU=
  if grep "POWER FAIL" serial.log; then fail "before cut $cut"; fi
  if grep -q "POWER DONE first:1" serial.log; then promised=yes; seen=$((seen + 1)); fi
done
boot
check_boot "the last cut"
kill -9 "$QEMU"; wait "$QEMU" 2>/dev/null || true; QEMU=
echo "ok - power was cut ${POWER_CUTS:-6} times in the midst of loads ($seen behind a finished one): every image was whole or absent"
