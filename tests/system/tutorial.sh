#!/bin/sh
# docs/tutorial.md, command by command: its blocks marked "sh", in their order. The first, which downloads packages, runs outside of the
# namespaces, everything else inside. $TUTORIAL has the home folder of the one who follows it.
set -eu
document=$(cd "$(dirname "$0")/../../docs" && pwd)/tutorial.md
# blocks FROM TO: the commands of these blocks.
blocks() { awk -v from="$1" -v to="$2" '/^```sh$/ { n++; inside = 1; next } /^```/ { inside = 0 } inside && n >= from && n <= to' "$document"; }

if [ -z "${ORCH_TEST_INSIDE:-}" ]; then
  [ "$(id -u)" = 0 ] || { echo "SKIP: needs root"; exit 77; }
  TUTORIAL=$(mktemp -d "${TMPDIR:-/tmp}/orch-tutorial-XXXXXX")
  export TUTORIAL
  trap 'r=$?; rm -rf "$TUTORIAL"; exit $r' EXIT
  trap 'exit 130' INT TERM
  command -v apt-get >/dev/null && . /etc/os-release && [ "${VERSION_CODENAME:-}" = bookworm ] || { echo "SKIP: needs Debian 12's apt"; exit 77; }
  blocks 1 1 >"$TUTORIAL/first.sh"
  grep -q make-bases "$TUTORIAL/first.sh" || { echo "FAIL: the first block of $document doesn't make the base images" >&2; exit 1; }
  (cd "$(dirname "$document")/.." && HOME=$TUTORIAL sh -eux "$TUTORIAL/first.sh") >"$TUTORIAL/first.log" 2>&1 || {
    cat "$TUTORIAL/first.log" >&2
    grep -q 'Failed to fetch' "$TUTORIAL/first.log" || exit 1
    echo "SKIP: Debian's packages can't be had: $(grep -m1 'Failed to fetch' "$TUTORIAL/first.log")"
    exit 77
  }
  ORCH_TEST_INSIDE=1 "$(dirname "$0")/../../scripts/in-namespaces" sh "$0"
  exit
fi
. "$(dirname "$0")/cluster.sh"
need python3

# What the image has above the layers of its base: every path. files_of IMAGE BASE|scratch
files_of() {
  python3 - "$STATE/images" "$1" "$2" <<'P'
import json, os, sys
store, name, base = sys.argv[1:]
def layers(name):
    ident = open(os.path.join(store, 'references', name.replace('/', '%2F'))).read().strip()
    return json.load(open(os.path.join(store, 'images', ident[7:] + '.json')))['layers']
below = [] if base == 'scratch' else layers(base)
above = layers(name)
assert above[:len(below)] == below, (above, below)
for layer in above[len(below):]:
    root = os.path.join(store, 'layers', layer[7:])
    for folder, folders, files in os.walk(root):
        for file in folders + files:
            print(os.path.relpath(os.path.join(folder, file), root))
P
}
holds() { # holds IMAGE BASE "PATH PATH"
  found=$(files_of "$1" "$2" | sort | tr '\n' ' ')
  [ "${found% }" = "$3" ] || { echo "$1 holds: $found" >&2; return 1; }
}
mkdir "$WORK/bin"
ln -s "$ORCH_BUILD/cli/orch" "$WORK/bin/orch"
follow() { # follow FROM TO: what the commands print goes to $WORK/out
  blocks "$1" "$2" >"$WORK/commands"
  (cd "$SRC/docs/tutorial" && HOME=$TUTORIAL ORCH_SOCKET=$SOCKET PATH="$WORK/bin:$PATH" timeout 240 sh -eux "$WORK/commands") >"$WORK/out" 2>&1 || {
    cat "$WORK/out" >&2
    return 1
  }
}
printed() { grep -qE -- "$1" "$WORK/out" || { cat "$WORK/out" >&2; return 1; }; }
block_with() { # the number of the block that has these words
  awk -v words="$1" '/^```sh$/ { n++; inside = 1; next } /^```/ { inside = 0 } inside && index($0, words) { print n; exit }' "$document"
}

shown=$(awk '/^```dockerfile$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$document")
check "the Dockerfile in the document is the one that is built" [ "$shown" = "$(grep -v '^#' "$SRC/docs/tutorial/uptime/Dockerfile")" ]
start_cluster
run=$(block_with 'orch apply') ask=$(block_with 'ask http') last=$(block_with 'orch delete')
check "the base images are taken in and the services built" follow 2 $((run - 1))
check "the C service's tests ran" printed 'ok: 86400 s are 1 day'
check "so did Node's" printed '# pass 2'
check "and the site's" printed '2 pages, 0 mistakes'
check "the second build is from the cache" printed 'cached RUN make uptime'
check "uptime's image is one program" holds tutorial/uptime:1 scratch uptime
check "greeter's is its base and two files" holds tutorial/greeter:1 tutorial/node-base:1 "app app/greeting.js app/server.js"
check "site's is its base and the pages" holds tutorial/site:1 tutorial/web-base:1 "www www/about.html www/index.html"
check "apply waits until they are ready" follow "$run" $((ask - 1))
check "they are asked" follow "$ask" $((last - 1))
check "uptime answers by its name" printed '^([0-9]+ days? )?([0-9]+ h )?[0-9]+ min$'
check "greeter does with what uptime said" printed '^Hello Anna, this node is up for .*[0-9] min\.$'
check "site does" printed '<h1>Three services on one board</h1>'
check "the page that was written later is there" printed '<h1>News</h1>'
check "all is cleaned up" follow "$last" 99
check "no image is left" [ -z "$(ls "$STATE/images/references" "$STATE/images/layers" | grep -v :$)" ]
check "and no folder" [ ! -e "$TUTORIAL/bases" ]
stop_cluster
