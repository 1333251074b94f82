#!/bin/bash
# A real kernel (Debian's) with systemd as PID 1 and cgroup v2, in QEMU without KVM: installs the build of ORCH_BUILD into a fresh Debian,
# boots, runs tests/vm/inside.sh there, and ends with its exit code.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
: "${ORCH_BUILD:?run me through meson test, or set ORCH_BUILD to the build folder}"
skip() { echo "SKIP: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "needs root"
[ "$(uname -m)" = x86_64 ] || skip "knows x86_64 machines only"
for tool in qemu-system-x86_64 mmdebstrap cpio depmod mke2fs python3; do command -v $tool >/dev/null || skip "needs $tool"; done

WORK=$(mktemp -d "${TMPDIR:-/tmp}/orch-vm-XXXXXX")
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"
say() { echo "[$SECONDS s] $*"; }

package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends/ {print $2; exit}')
[ -n "$package" ] || skip "no kernel package found; run apt-get update"
version=${package#linux-image-}
again() { local pause; for pause in 5 20 60 0; do "$@" && return; [ $pause = 0 ] || sleep $pause; done; return 1; } # a network may fail in passing
again apt-get -o APT::Sandbox::User=root -o Acquire::Retries=3 download -qq "$package" >/dev/null 2>&1 || skip "cannot download $package"
dpkg-deb -x "$package"_*.deb kernel
python3 "$HERE/extract-vmlinux.py" "kernel/boot/vmlinuz-$version" vmlinux
say "kernel $version"

mkdir -p initrd/bin initrd/proc initrd/dev initrd/mnt initrd/lib
cp "$(command -v busybox)" initrd/bin/busybox
cp "$HERE/init" initrd/init
depmod -b kernel "$version"
for module in virtio_pci virtio_blk ext4; do
  modprobe -S "$version" -d "$WORK/kernel" -D "$module" 2>/dev/null | awk '$1 == "insmod" {print $2}'
done | awk '!seen[$0]++' | while read -r file; do
  cp "$file" "initrd/lib/$(basename "$file")"
  echo "/lib/$(basename "$file")"
done >modules
cp modules initrd/modules
chmod 755 initrd initrd/init
(cd initrd && find . | cpio -o -H newc --quiet) >initrd.cpio

# The packages of the libraries that the programs load.
libraries() {
  for program in cli/orch daemon/orchd daemon/orchd-server daemon/orchd-node daemon/dns/orch-dns daemon/pod/orch-pod daemon/image/orch-image; do
    ldd "$ORCH_BUILD/$program" 2>/dev/null || true
  done | awk '$2 == "=>" {print $3}' | sort -u | while read -r file; do
    dpkg-query -S "$file" 2>/dev/null || dpkg-query -S "$(realpath "$file")" 2>/dev/null || dpkg-query -S "/usr$file" 2>/dev/null || true
  done | cut -d: -f1 | sort -u | paste -sd,
}

again mmdebstrap --quiet --variant=minbase --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --include="systemd,systemd-sysv,dbus,iproute2,nftables,kmod,procps,busybox-static,$(libraries)" \
  bookworm root.tar >mmdebstrap.log 2>&1 || { tail -5 mmdebstrap.log; skip "mmdebstrap failed"; }
mkdir root
tar -C root -xf root.tar
cp -a kernel/lib/modules root/usr/lib/
depmod -b root "$version"
say "root file system"

DESTDIR="$WORK/root" meson install -C "$ORCH_BUILD" --no-rebuild --quiet >/dev/null
gcc -O2 -static -o root/vm-exit "$HERE/exit.c"
cp "${VM_INSIDE:-$HERE/inside.sh}" root/inside.sh
"$HERE/../../scripts/make-user-service-image" root/user-service.tar
cp "$HERE/../../manifests/user-service.yaml" root/
ln -sf /dev/null root/etc/systemd/system/getty@.service
ln -sf /dev/null root/etc/systemd/system/serial-getty@.service
for unit in apt-daily.timer apt-daily-upgrade.timer; do ln -sf /dev/null "root/etc/systemd/system/$unit"; done
cat >root/etc/systemd/system/vm-test.service <<'U'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
ExecStart=/bin/sh -c '/bin/bash /inside.sh; code=$?; sync; /vm-exit $((code + 16))'
[Install]
WantedBy=multi-user.target
U
mkdir -p root/etc/systemd/system/multi-user.target.wants
ln -s ../vm-test.service root/etc/systemd/system/multi-user.target.wants/
echo orch-vm >root/etc/hostname
truncate -s 1500M disk
mke2fs -q -t ext4 -d root disk
say "disk"

code=0
timeout "${VM_SECONDS:-900}" qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max -smp 2 -m 1024 -nographic -no-reboot \
  -nodefaults -serial stdio -kernel vmlinux -initrd initrd.cpio \
  -append 'console=ttyS0 quiet panic=-1 tsc_early_khz=1000000 nokaslr systemd.unified_cgroup_hierarchy=1 net.ifnames=0 systemd.show_status=0 loglevel=4' \
  -drive file=disk,format=raw,if=virtio,cache=unsafe -device isa-debug-exit,iobase=0xf4,iosize=4 </dev/null >serial.log 2>&1 || code=$?
tail -80 serial.log
say "QEMU ended with $code"
[ "$code" -ge 33 ] || { echo "FAIL: the machine did not get as far as the test's end"; exit 1; }
exit $(((code - 1) / 2 - 16))
