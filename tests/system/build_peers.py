#!/usr/bin/env python3
"""Builds small Dockerfiles with buildah and with orch-build and compares what came out, file by file.

usage: build_peers.py WORK BUILD [bench]. Prints a line for each file; ends with 1 when any differs. With "bench" one file of three
stages is built five times by each, in turn, without caches, and by orch-build with a warm one: medians and their ratio."""
import hashlib
import io
import json
import os
import shutil
import stat
import statistics
import subprocess
import sys
import tarfile
import time

WORK, BUILD = sys.argv[1], sys.argv[2]
BASE = 'FROM scratch AS base\nADD base.tar /\nENV PATH=/bin\n'
# What the machinery of one or the other leaves behind.
NOT_COMPARED = ('proc', 'sys', 'dev', 'run', 'etc/hosts', 'etc/hostname', 'etc/resolv.conf')

CASES = {
    'files into a folder': BASE + 'COPY a.txt tool.sh /dst/\n',
    'a file by another name': BASE + 'COPY a.txt /dst/b.txt\n',
    'a file into a folder that is there': BASE + 'COPY a.txt /etc\n',
    "a folder's content": BASE + 'COPY tree /dst\n',
    'everything': BASE + 'WORKDIR /src\nCOPY . .\n',
    'a pattern': BASE + 'COPY *.txt /dst/\n',
    'a pattern for one': BASE + 'COPY a.t?t /dst/one\n',
    'owner by number': BASE + 'COPY --chown=12:34 tree /dst\n',
    'owner by name': BASE + 'COPY --chown=app:staff a.txt /dst/\n',
    'a mode': BASE + 'COPY --chmod=0604 a.txt /dst/\n',
    'over what is there': BASE + 'COPY a.txt /x\nCOPY tool.sh /x\n',
    'from another stage': BASE + 'RUN mkdir -p /o/p && echo 1 >/o/p/q && chown -R 5:6 /o/p && chmod 2750 /o/p\n'
                                 'FROM scratch\nCOPY --from=base /o /o\n',
    'one file of another stage': BASE + 'FROM base\nCOPY --from=0 /etc/passwd /who\n',
    'links stay links': BASE + 'COPY tree /t\nRUN ls -l /t\n',
    'an archive comes apart': BASE + 'ADD inner.tar.gz /in\n',
    'an archive stays whole': BASE + 'COPY inner.tar.gz /in/\n',
    'deleted files are gone': BASE + 'COPY tree /t\nRUN rm -r /t/sub && rm /t/f\n',
    'a folder made anew hides the old': BASE + 'COPY tree /t\nRUN rm -r /t/sub && mkdir /t/sub && echo n >/t/sub/new\n',
    'modes, owners and hard links of RUN': BASE + 'RUN umask 027; mkdir /d && echo x >/d/f && ln /d/f /d/g && chown 7:8 /d/f && chmod 4711 /d/f\n',
    'a user in RUN': BASE + 'RUN mkdir -m 777 /w\nUSER app\nRUN id -u >/w/u && id -g >/w/g\n',
    'an environment': BASE + 'ARG A=1\nENV B=$A C="x y"\nRUN echo "$A-$B-$C" >/out\n',
    'a folder to work in': BASE + 'WORKDIR /a/b\nWORKDIR c\nRUN pwd >/out && touch here\n',
    'a configuration': BASE + 'ENTRYPOINT ["/bin/e"]\nCMD ["a", "b"]\nUSER app:staff\nEXPOSE 80 90/udp\nVOLUME /v\n'
                              'LABEL a=b "c d"=\'e f\'\nSTOPSIGNAL SIGINT\nWORKDIR /w\n',
    'a command for the shell': BASE + 'CMD echo $HOME\n',
    "an entry point drops the base's command": BASE + 'CMD ["x"]\nFROM base\nENTRYPOINT ["/e"]\n',
    'variables with defaults': BASE + 'ARG V\nENV A=${V:-d} B=${V:+s} C=${A:-n}\nWORKDIR /${A:-q}\n',
    'what .dockerignore leaves out': BASE + 'COPY ignored* tree /dst/\n',
}


def run(*argv, **more):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    if done.returncode != 0:
        raise RuntimeError(f'{argv[0]}: {done.stderr.decode(errors="replace")[-2000:]}{done.stdout.decode(errors="replace")[-2000:]}')
    return done.stdout.decode()


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    os.chmod(path, mode)


def make_context(folder):
    os.umask(0o022)
    root = os.path.join(WORK, 'root')
    for name in ('bin', 'etc', 'tmp'):
        os.makedirs(os.path.join(root, name))
    shutil.copy(shutil.which('busybox'), os.path.join(root, 'bin/busybox'))
    for name in 'sh cat echo ls id touch mkdir rm ln chmod chown pwd true umask'.split():
        os.symlink('busybox', os.path.join(root, 'bin', name))
    write(os.path.join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\napp:x:1001:1002:app:/:/bin/sh\n')
    write(os.path.join(root, 'etc/group'), 'root:x:0:\nstaff:x:50:\n')
    os.makedirs(folder)
    run('tar', '-C', root, '--sort=name', '--owner=0', '--group=0', '-cf', os.path.join(folder, 'base.tar'), '.')
    write(os.path.join(folder, 'a.txt'), 'a\n')
    write(os.path.join(folder, 'z.txt'), 'z\n', 0o600)
    write(os.path.join(folder, 'tool.sh'), '#!/bin/sh\n', 0o755)
    write(os.path.join(folder, 'tree/f'), 'f\n', 0o640)
    write(os.path.join(folder, 'tree/sub/deep/g'), 'g\n')
    write(os.path.join(folder, 'tree/sub/with blank'), 'b\n')
    os.symlink('../f', os.path.join(folder, 'tree/sub/link'))
    os.symlink('/nowhere', os.path.join(folder, 'tree/dangling'))
    os.makedirs(os.path.join(folder, 'tree/empty'))
    os.chmod(os.path.join(folder, 'tree/sub'), 0o711)
    write(os.path.join(folder, 'ignored.txt'), 'no\n')
    write(os.path.join(folder, 'ignored-not'), 'yes\n')
    write(os.path.join(folder, '.dockerignore'), '# left out\nignored.*\ntree/sub/deep\n')
    with tarfile.open(os.path.join(folder, 'inner.tar.gz'), 'w:gz') as t:
        for name, mode, uid in (('x', 0o640, 3), ('y/z', 0o755, 0)):
            entry = tarfile.TarInfo(name)
            entry.mode, entry.uid, entry.gid, entry.size = mode, uid, uid, 2
            t.addfile(entry, io.BytesIO(b'1\n'))


def tree(root):
    found, links = {}, {}
    for folder, dirs, files in os.walk(root):
        for name in dirs + files:
            full = os.path.join(folder, name)
            path = os.path.relpath(full, root)
            if any(path == p or path.startswith(p + '/') for p in NOT_COMPARED):
                continue
            st = os.lstat(full)
            what = [stat.filemode(st.st_mode), st.st_uid, st.st_gid]
            if stat.S_ISLNK(st.st_mode):
                what.append(os.readlink(full))
            elif stat.S_ISREG(st.st_mode):
                with open(full, 'rb') as f:
                    what.append(hashlib.sha256(f.read()).hexdigest()[:12])
                if st.st_nlink > 1:
                    what.append('links ' + links.setdefault(st.st_ino, path) if st.st_ino in links else 'linked')
                    links.setdefault(st.st_ino, path)
            found[path] = what
    return found


def config(image):
    run_part = image.get('config', {})
    keys = ('Env', 'Cmd', 'Entrypoint', 'WorkingDir', 'User', 'ExposedPorts', 'Volumes', 'Labels', 'StopSignal')
    kept = {k: run_part.get(k) for k in keys if run_part.get(k)}
    kept['Labels'] = {k: v for k, v in kept.get('Labels', {}).items() if k != 'io.buildah.version'}
    if kept.get('WorkingDir') == '/':
        del kept['WorkingDir']
    kept['Env'] = sorted(kept.get('Env', []))
    return kept


def buildah_words():
    return ['buildah', '--root', os.path.join(WORK, 'br'), '--runroot', os.path.join(WORK, 'brr'), '--storage-driver', 'vfs']


def run_buildah(context, file):
    run(*buildah_words(), 'bud', '--isolation', 'chroot', '--network', 'host', '--layers=false', '--pull-never', '-f', file, '-t', 'peer', context)


def by_buildah(context, file):
    buildah = buildah_words()
    run_buildah(context, file)
    container = run(*buildah, 'from', '--pull-never', 'peer').strip()
    root = run(*buildah, 'mount', container).strip()
    result = tree(root), config(json.loads(run(*buildah, 'inspect', '--type', 'image', 'peer'))['OCIv1'])
    run(*buildah, 'rm', container)
    return result


def run_orch(context, file, **more):
    request = os.path.join(WORK, 'request.tar')
    ignored = ('ignored.txt', 'tree/sub/deep')  # the client's part: what .dockerignore says
    with tarfile.open(request, 'w') as t:
        text = json.dumps({'tags': ['peer:1'], **more}).encode()
        entry = tarfile.TarInfo('build.json')
        entry.size = len(text)
        t.addfile(entry, io.BytesIO(text))
        t.add(file, 'Dockerfile')
        t.add(context, 'context', filter=lambda e: None if e.name[len('context/'):] in ignored else e)
    with open(request, 'rb') as f:
        run(f'{BUILD}/daemon/build/orch-build', '--store', os.path.join(WORK, 'store'), '--run-dir', os.path.join(WORK, 'run'),
            '--pod-program', f'{BUILD}/daemon/pod/orch-pod', '--cgroup', f'orch-build-peers-{os.getpid()}', stdin=f)


def by_orch(context, file):
    store = os.path.join(WORK, 'store')
    run_orch(context, file)
    with open(os.path.join(store, 'references/peer:1'), encoding='utf-8') as f:
        ident = f.read().strip()
    with open(os.path.join(store, 'images', ident[7:] + '.json'), encoding='utf-8') as f:
        record = json.load(f)
    root, empty = os.path.join(WORK, 'merged'), os.path.join(WORK, 'empty')
    os.makedirs(root, exist_ok=True)
    os.makedirs(empty, exist_ok=True)
    lower = ':'.join([d[7:] for d in reversed(record['layers'])] + [empty])
    run('mount', '-t', 'overlay', 'overlay', '-o', 'lowerdir=' + lower, root, cwd=os.path.join(store, 'layers'))
    try:
        return tree(root), config(record['config'])
    finally:
        run('umount', root)


def difference(name, theirs, ours):
    lines = []
    for key in sorted(set(theirs) | set(ours)):
        if theirs.get(key) != ours.get(key):
            lines.append(f'    {name} {key}: buildah {theirs.get(key)}, orch {ours.get(key)}')
    return lines


def timed(function, *args, **more):
    begin = time.monotonic()
    function(*args, **more)
    return time.monotonic() - begin


def bench(context):
    file = os.path.join(WORK, 'Dockerfile')
    write(file, BASE + 'COPY tree /src\nWORKDIR /src\nRUN cat f >out\nRUN mkdir /o && cat out >/o/out\n'
                       'FROM base AS test\nCOPY --from=base /o /o\nRUN echo ok >/result\nFROM scratch\nCOPY --from=test /o /o\n')
    theirs, ours, warm = [], [], []
    for _ in range(5):
        theirs.append(timed(run_buildah, context, file))
        ours.append(timed(run_orch, context, file, noCache=True))
        warm.append(timed(run_orch, context, file))
    theirs, ours, warm = (statistics.median(x) for x in (theirs, ours, warm))
    print(f'buildah {theirs:.2f} s, orch {ours:.2f} s: {theirs / ours:.1f} times as fast; warm cache {warm * 1000:.0f} ms')
    return 0


def main():
    context = os.path.join(WORK, 'context')
    make_context(context)
    if 'bench' in sys.argv[3:]:
        return bench(context)
    n_bad = 0
    for name, text in CASES.items():
        file = os.path.join(WORK, 'Dockerfile')
        write(file, text)
        lines = []
        try:
            theirs, ours = by_buildah(context, file), by_orch(context, file)
            lines = difference('file', theirs[0], ours[0]) + difference('config', theirs[1], ours[1])
        except RuntimeError as failure:
            lines = [f'    {failure}']
        print(f'{"not ok" if lines else "ok"} - {name}')
        print('\n'.join(lines) + '\n' if lines else '', end='', flush=True)
        n_bad += bool(lines)
    print(f'{len(CASES) - n_bad} of {len(CASES)} files built alike')
    return 1 if n_bad else 0


sys.exit(main())
