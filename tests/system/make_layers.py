"""Tars for image_layers.sh: good ones of every form into FOLDER/good, hostile ones into FOLDER/bad. Usage: make_layers.py FOLDER"""
import gzip
import io
import os
import struct
import subprocess
import sys
import tarfile

OUT = sys.argv[1]
GOOD, BAD = os.path.join(OUT, 'good'), os.path.join(OUT, 'bad')
for folder in (GOOD, BAD):
    os.makedirs(folder, exist_ok=True)
CAPS = struct.pack('<IIIII', 0x02000001, 1 << 10, 0, 0, 0)  # cap_net_bind_service=ep
TEXT = lambda raw: raw.decode('utf-8', 'surrogateescape')


def entry(name, data=b'', kind=tarfile.REGTYPE, link='', mode=0o644, uid=0, gid=0, mtime=1600000000, pax=None):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.uid, info.gid, info.mtime = kind, link, mode, uid, gid, mtime
    info.size = len(data)
    info.pax_headers = pax or {}
    return info, data


def folder(name, **more):
    return entry(name, kind=tarfile.DIRTYPE, mode=more.pop('mode', 0o755), **more)


def tar(entries, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=form) as t:
        for info, data in entries:
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def put(where, name, data):
    with open(os.path.join(where, name), 'wb') as f:
        f.write(data)


LONG = 'very-long-name-' * 16
DEEP = '/'.join(['a-folder-with-a-name'] * 30)
MANY = [folder('usr/', mtime=1500000001), folder('usr/bin/', mtime=1500000002, uid=0, gid=50, mode=0o2775),
        entry('usr/bin/tool', b'x' * 70000, mode=0o755), entry('usr/bin/suid', b'su', mode=0o4755, uid=1, gid=2),
        entry('usr/bin/other', kind=tarfile.LNKTYPE, link='usr/bin/tool', mode=0o755),
        entry('bin', kind=tarfile.SYMTYPE, link='usr/bin', mode=0o777), entry('absolute', kind=tarfile.SYMTYPE, link='/usr/bin/tool', mode=0o777),
        entry('bin/through', b'through the link'), entry('pipe', kind=tarfile.FIFOTYPE, mode=0o600),
        entry('empty', b'', uid=70000, gid=70001), folder('sticky/', mode=0o1777), entry('no/parents/here', b'p')]
put(GOOD, 'pax.tar', tar(MANY + [
    entry(LONG, b'long'), entry(DEEP + '/f', b'deep'), entry('caps', b'c', mode=0o755, uid=5, pax={'SCHILY.xattr.security.capability': TEXT(CAPS)}),
    entry('nano', b'n', pax={'mtime': '1600000000.123456789'}), entry('umlaut-ä', b'u'), entry('old', b'o', mtime=-5)]))
put(GOOD, 'gnu.tar', tar(MANY + [entry(LONG, b'long'), entry(DEEP + '/f', b'deep'),
                                 entry('link-' + LONG, kind=tarfile.SYMTYPE, link=DEEP + '/' + LONG, mode=0o777),
                                 entry('big-ids', b'i', uid=3000000, gid=3000001)], tarfile.GNU_FORMAT))
put(GOOD, 'ustar.tar', tar(MANY, tarfile.USTAR_FORMAT))
put(GOOD, 'order.tar', tar([entry('d/late', b'l', mtime=1700000000), folder('d/', mtime=1400000000, mode=0o700, uid=3),
                            entry('d/later', b'm', mtime=1700000001), folder('./', mtime=1300000000, mode=0o751)]))
put(GOOD, 'twice.tar', tar([entry('f', b'first'), entry('g', b'one', mode=0o600), entry('f', b'second, and longer', mode=0o755),
                            entry('h', kind=tarfile.LNKTYPE, link='g'), entry('g', b'two'), entry('f', b'third')]))
put(GOOD, 'dots.tar', tar([entry('./a//b/./c', b'x'), entry('/rooted', b'y'), entry('...', b'z')]))
put(GOOD, 'empty.tar', tar([]))
put(GOOD, 'members.tar.gz', b''.join(gzip.compress(p, mtime=0) for p in (lambda t: [t[:700], t[700:5000], t[5000:]])(tar(MANY))))
for how in ('xz', 'zstd', 'bzip2'):
    put(GOOD, 'packed.tar.' + how, subprocess.run([how, '-c'], input=tar(MANY), stdout=subprocess.PIPE, check=True).stdout)

# Files with holes, in every form that GNU tar and bsdtar write.
tree = os.path.join(OUT, 'sparse')
os.makedirs(tree)
for name, pieces, size in (('head', [(0, b'h' * 5000)], 1 << 20), ('middle', [(300000, b'm' * 70000)], 1 << 20),
                           ('tail', [((1 << 20) - 4096, b't' * 4096)], 1 << 20), ('hole', [], 3 << 20),
                           ('many', [(i << 16, b'%05d' % i * 800) for i in range(60)], 60 << 16)):
    with open(os.path.join(tree, name), 'wb') as f:
        for at, data in pieces:
            f.seek(at)
            f.write(data)
        f.truncate(size)
for form in ('gnu', 'pax --sparse-version=0.0', 'pax --sparse-version=0.1', 'pax --sparse-version=1.0'):
    subprocess.run(f'tar --sparse --format={form} --owner=0 --group=0 --numeric-owner -C {tree} -cf {GOOD}/sparse-{form.split("=")[-1]}.tar .', shell=True, check=True)
subprocess.run(f'bsdtar --format=pax -C {tree} -cf {GOOD}/sparse-bsd.tar .', shell=True, check=True)


# ---- hostile ----
def raw_header(name, size, kind=b'0', link=b''):
    b = bytearray(512)
    b[0:len(name)] = name
    b[100:108], b[108:116], b[116:124] = b'0000644\0', b'0000000\0', b'0000000\0'
    b[124:136] = size if isinstance(size, bytes) else b'%011o\0' % size
    b[136:148], b[156:157], b[157:157 + len(link)], b[257:265] = b'00000000000\0', kind, link, b'ustar\x0000'
    b[148:156] = b' ' * 8
    b[148:156] = b'%06o\0 ' % sum(b)
    return bytes(b)


def padded(data):
    return data + b'\0' * (-len(data) % 512)


def pax(records):
    out = b''
    for key, value in records:
        rest = b' ' + key + b'=' + value + b'\n'
        n = len(rest)
        while len(b'%d' % n) + len(rest) != n:
            n = len(b'%d' % n) + len(rest)
        out += b'%d' % n + rest
    return raw_header(b'x', len(out), b'x') + padded(out)


END = b'\0' * 1024
ESCAPE = b'/tmp/orch-escaped'
put(BAD, 'dotdot.tar', tar([entry('ok', b'1'), entry('../../../../tmp/orch-escaped', b'x')]))
put(BAD, 'dotdot-inside.tar', tar([entry('a/../../b', b'x')]))
put(BAD, 'hardlink-up.tar', tar([entry('l', kind=tarfile.LNKTYPE, link='../../../etc/passwd')]))
put(BAD, 'hardlink-nowhere.tar', tar([entry('l', kind=tarfile.LNKTYPE, link='/etc/orch-nowhere')]))
put(BAD, 'whiteout-up.tar', tar([entry('d/.wh...', b'')]))
put(BAD, 'name-64k.tar', tar([entry('n' * 65536, b'x')]))
put(BAD, 'path-64k.tar', tar([entry('d/' * 32768 + 'f', b'x')]))
put(BAD, 'link-64k.tar', tar([entry('l', kind=tarfile.SYMTYPE, link='t' * 65536)]))
put(BAD, 'link-empty.tar', raw_header(b'l', 0, b'2') + END)
put(BAD, 'cut-header.tar', tar(MANY)[:700])
put(BAD, 'cut-data.tar', tar(MANY)[:9000])
put(BAD, 'cut.tar.gz', gzip.compress(tar(MANY))[:-100])
put(BAD, 'cut-trailer.tar.gz', gzip.compress(tar(MANY))[:-4])
put(BAD, 'crc.tar.gz', (lambda g: g[:-8] + b'abcd' + g[-4:])(gzip.compress(tar(MANY))))
put(BAD, 'garbage-behind.tar.gz', gzip.compress(tar(MANY)) + b'something else')
put(BAD, 'flipped.tar.gz', (lambda g: g[:400] + bytes([g[400] ^ 0x55]) + g[401:])(gzip.compress(tar(MANY))))
put(BAD, 'not-a-tar', b'this is no archive at all, ' * 100)
put(BAD, 'nothing', b'')
put(BAD, 'checksum.tar', (lambda t: t[:10] + b'Z' + t[11:])(tar(MANY)))
put(BAD, 'one-zero-block.tar', tar([entry('a', b'1')])[:1024] + b'\0' * 512 + tar([entry('b', b'2')]))
put(BAD, 'size-negative.tar', raw_header(b'f', b'\xff' * 12) + END)
put(BAD, 'size-huge.tar', raw_header(b'f', b'\x80\0\0\0\x7f' + b'\xff' * 7) + END)
put(BAD, 'size-letters.tar', raw_header(b'f', b'12x45678901\0') + END)
put(BAD, 'pax-huge.tar', raw_header(b'x', 1 << 30, b'x') + b'\0' * 4096)
put(BAD, 'pax-length.tar', raw_header(b'x', 20, b'x') + padded(b'99 path=aaaaaaaaaaa\n') + raw_header(b'f', 0) + END)
put(BAD, 'pax-uid.tar', pax([(b'uid', b'99999999999999999999')]) + raw_header(b'f', 0) + END)
put(BAD, 'pax-nul.tar', pax([(b'path', b'a\0b')]) + raw_header(b'f', 0) + END)
put(BAD, 'pax-chain.tar', pax([(b'mtime', b'1')]) * 40 + raw_header(b'f', 0) + END)
put(BAD, 'pax-alone.tar', pax([(b'path', b'a')]) + END)
put(BAD, 'sparse-overlap.tar', pax([(b'GNU.sparse.major', b'1'), (b'GNU.sparse.minor', b'0'), (b'GNU.sparse.realsize', b'9999')])
    + raw_header(b'f', 1024) + padded(b'2\n100\n200\n50\n312\n') + b'x' * 512 + END)
put(BAD, 'sparse-outside.tar', pax([(b'GNU.sparse.major', b'1'), (b'GNU.sparse.minor', b'0'), (b'GNU.sparse.realsize', b'9')])
    + raw_header(b'f', 1024) + padded(b'1\n100\n512\n') + b'x' * 512 + END)
put(BAD, 'sparse-endless.tar', pax([(b'GNU.sparse.major', b'1'), (b'GNU.sparse.minor', b'0')]) + raw_header(b'f', 512) + b'9' * 512 + END)
put(BAD, 'sparse-bomb.tar', pax([(b'GNU.sparse.map', b'0,1'), (b'GNU.sparse.size', b'9000000000000000000')]) + raw_header(b'f', 1) + padded(b'x') + END)
put(BAD, 'padding.tar.gz', gzip.compress(tar([entry('a', b'1')]) + b'\0' * (80 << 20), 1))
put(BAD, 'file-as-folder.tar', tar([entry('a', b'1'), entry('a/b', b'2')]))

# Links that lead out must stay in: good, but looked at for what they touch.
put(GOOD, 'escape.tar', tar([entry('tmp', kind=tarfile.SYMTYPE, link='/tmp', mode=0o777), folder('real/'),
                             entry('up', kind=tarfile.SYMTYPE, link='../../../../real', mode=0o777),
                             entry('up/orch-escaped', b'x')]))
# A chain of links that makes folders deeper than any path can say.
steps = []
for level in range(12):
    base = 's%d' % (level - 1) if level else '.'
    steps += [folder(base + '/' + '/'.join(['d'] * k) + '/') for k in range(1, 121)]
    steps += [entry('s%d' % level, kind=tarfile.SYMTYPE, link=base + '/' + '/'.join(['d'] * 120), mode=0o777)]
put(OUT, 'deep.tar', tar(steps + [entry('../x', b'fails here')]))
