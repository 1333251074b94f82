#!/bin/sh
# orch-image is killed in front of each call that changes a file, one after the other: an image is whole or absent afterwards, what was
# there before stays whole, and the next run goes on from there.
. "$(dirname "$0")/lib.sh"
need_root
need python3 setsid
IMAGE="$ORCH_BUILD/daemon/image/orch-image"
STORE="$WORK/store"
COUNT="$WORK/count"
run() { "$IMAGE" --store "$STORE" "$@"; }
# killed AT command...: in a process group of its own; KILL_AT 0 only counts.
killed() {
  at=$1; shift
  printf '\0\0\0\0\0\0\0\0' >"$COUNT"
  KILL_COUNT="$COUNT" KILL_AT="$at" LD_PRELOAD="$ORCH_BUILD/tests/system/kill-at.so" setsid -w "$IMAGE" --store "$STORE" "$@" >/dev/null 2>&1
}
steps() { python3 -c 'import struct,sys; print(struct.unpack("<Q", open(sys.argv[1], "rb").read())[0])' "$COUNT"; }
whole() { # whole NAMES: these are there and no others, and everything stands the deep check
  run check --deep >"$WORK/check" || fail "$1: the check fails"
  grep -q '"damaged":\[\]' "$WORK/check" || fail "$1: $(cat "$WORK/check")"
  for name in $2; do run inspect "$name" >/dev/null 2>"$WORK/said" || fail "$1: $name is gone: $(cat "$WORK/said")"; done
}

python3 - "$SRC" "$WORK" <<'P' || fail "cannot make the images"
import sys
src, out = sys.argv[1:]
sys.argv = ['make_images.py', out]
exec(open(src + '/tests/system/make_images.py').read())
def one(name, text):
    l = Layout()
    base = tar([entry('etc/', kind=tarfile.DIRTYPE, mode=0o755), entry('etc/base', b'base' * 100)])
    top = tar([entry('app', text * 50000, mode=0o4755), entry('link', kind=tarfile.SYMTYPE, link='app'),
               entry('hard', kind=tarfile.LNKTYPE, link='app'), entry('.wh.gone'), entry('app', text * 40000, mode=0o755)])
    l.name(l.image([base, top]), name)
    with open(f'{out}/{name.split(":")[0]}.tar', 'wb') as f:
        f.write(tar([entry(n, d) for n, d in l.files.items()] + [entry('index.json', json.dumps({'schemaVersion': 2, 'manifests': l.manifests}).encode())]))
one('first:1', b'1')
one('second:1', b'2')
P
run load "$WORK/first.tar" >/dev/null || fail "load"

# every VERB ARGS BEFORE: kills it at each step; after each, first:1 is whole, and so is second:1 if it is there.
every() {
  what=$1 undo=$2; shift 2
  killed 0 "$@" || fail "$what fails"
  total=$(steps)
  [ "$total" -gt 5 ] || fail "only $total steps were counted"
  n=1 present=0
  while [ $n -le "$total" ]; do
    eval "$undo"
    if killed $n "$@"; then :; fi
    whole "$what, step $n of $total" first:1
    if run inspect second:1 >/dev/null 2>&1; then present=$((present + 1)); fi
    run "$@" >/dev/null 2>"$WORK/said" || grep -q "is not on this node" "$WORK/said" || fail "$what doesn't go on after step $n: $(cat "$WORK/said")"
    [ -z "$(ls -A "$STORE/tmp")" ] || fail "$what leaves something after step $n: $(find "$STORE/tmp")"
    n=$((n + 1))
  done
  echo "ok - $what: killed at each of $total steps, nothing is half (the image was there $present times)"
}
every "load" 'run remove second:1 >/dev/null 2>&1 || true; run prune >/dev/null' load "$WORK/second.tar"
whole "after the loads" "first:1 second:1"
every "remove" 'run load "$WORK/second.tar" >/dev/null' remove second:1
every "tag" 'run remove third:1 >/dev/null 2>&1 || true' tag first:1 third:1
run remove third:1 >/dev/null; run prune >/dev/null
[ -z "$(find "$STORE" -name '*.tmp-*')" ] || fail "half-written files stay: $(find "$STORE" -name '*.tmp-*')"
[ "$(ls "$STORE/images" | wc -l)" = 1 ] && [ "$(ls -d "$STORE"/layers/*.recipe | wc -l)" = 2 ] || fail "something was left: $(find "$STORE" -maxdepth 2)"
echo "ok - and nothing is left of what was removed"
