"""Compares two unpacked trees: kinds, modes, owners, sizes, contents, links, times, attributes. Usage: compare_trees.py LEFT RIGHT"""
import hashlib
import os
import stat
import sys


def attributes(path):
    return {n: os.getxattr(path, n, follow_symlinks=False) for n in os.listxattr(path, follow_symlinks=False)
            if not n.startswith('trusted.overlay.') and not n.startswith('user.umoci') and not n.startswith('user.rootless')}


def look(root):
    seen, first = {}, {}
    paths = [root] + [os.path.join(d, n) for d, folders, files in os.walk(root) for n in folders + files]
    for path in sorted(paths):
        s = os.lstat(path)
        name = os.path.relpath(path, root)
        told = [stat.S_IFMT(s.st_mode), s.st_uid, s.st_gid, attributes(path)]
        if not stat.S_ISLNK(s.st_mode):
            told.append(stat.S_IMODE(s.st_mode))
        if stat.S_ISREG(s.st_mode):
            told += [s.st_size, hashlib.sha256(open(path, 'rb').read()).hexdigest(), first.setdefault(s.st_ino, name)]
        if stat.S_ISLNK(s.st_mode):
            told.append(os.readlink(path))
        told.append(int(s.st_mtime))
        seen[name] = told
    return seen


# Folders that no entry names have the time of their making.
IMPLIED = set(sys.argv[3:])
left, right = look(sys.argv[1]), look(sys.argv[2])
for tree in (left, right):
    for name in IMPLIED & set(tree):
        tree[name].pop()
bad = [f'{n}: {left.get(n)} | {right.get(n)}' for n in sorted(set(left) | set(right)) if left.get(n) != right.get(n)]
print('\n'.join(bad[:20]))
sys.exit(bool(bad))
