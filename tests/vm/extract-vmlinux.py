"""Takes the ELF kernel out of a compressed vmlinuz, since QEMU without KVM starts it quicker. Usage: extract-vmlinux.py IN OUT"""
import subprocess
import sys

MAGICS = ((b'\xfd7zXZ\x00', ['xz', '-dc']), (b'\x1f\x8b\x08', ['gzip', '-dc']), (b'\x28\xb5\x2f\xfd', ['zstd', '-dc']),
          (b'\x02\x21\x4c\x18', ['lz4', '-dc']))
data = open(sys.argv[1], 'rb').read()
for magic, tool in MAGICS:
    at = data.find(magic)
    while at >= 0:
        # The stream is followed by other bytes: tools complain, what they wrote counts.
        out = subprocess.run(tool, input=data[at:], capture_output=True, check=False).stdout
        if out[:4] == b'\x7fELF':
            open(sys.argv[2], 'wb').write(out)
            sys.exit(0)
        at = data.find(magic, at + 1)
sys.exit('no kernel inside ' + sys.argv[1])
