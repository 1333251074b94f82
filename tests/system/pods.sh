# Sourced after cluster.sh by the tests of what happens inside and around pods: an image with all of busybox and a helper program,
# and words to speak of pods.
make_box_image() { # make_box_image OUT.tar [FILE...]: more files go to /bin
  box="$WORK/box"
  mkdir -p "$box/bin" "$box/tmp" "$box/etc" "$box/srv/data" "$box/home/user"
  cp "$(command -v busybox)" "$box/bin/busybox"
  for applet in $("$box/bin/busybox" --list); do
    case $applet in busybox) ;; *) ln -sf busybox "$box/bin/$applet" ;; esac
  done
  printf 'root:x:0:0:root:/:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n' >"$box/etc/passwd"
  printf 'root:x:0:\nuser:x:1000:\n' >"$box/etc/group"
  chmod 1777 "$box/tmp"
  chown 1000:1000 "$box/home/user"
  out=$1; shift
  for file in "$@"; do cp "$file" "$box/bin/"; done
  tar -C "$box" -cf "$out" .
}
import_box() { # import_box REFERENCE [CONFIG-JSON] [FILE...]
  reference=$1 config=${2:-'{"Cmd":["sh"],"Env":["PATH=/bin"]}'}
  shift; [ $# = 0 ] || shift
  [ -f "$WORK/box.tar" ] || make_box_image "$WORK/box.tar" "$@"
  orch image import --config "$config" "$WORK/box.tar" "$reference" >/dev/null || fail "image import $reference"
}
apply() { cat >"$WORK/apply.yaml"; orch apply -f "$WORK/apply.yaml" >"$WORK/apply.out" 2>&1 || { cat "$WORK/apply.out" >&2; fail "apply"; }; }
pod_ready() { field_is pod "$1" '[.status.conditions[]? | select(.type == "Ready").status] | first' True; }
waiting_is() { field_is pod "$1" '[.status.containerStatuses[]?, .status.initContainerStatuses[]?] | map(.state.waiting.reason) | map(select(. != null)) | first' "$2"; }
restarts_reach() { [ "$(field pod "$1" '[.status.containerStatuses[].restartCount] | add')" -ge "$2" ]; }
log_has() { orch logs "$1" ${3:+-c "$3"} | grep -q -- "$2"; }
log_line() { orch logs "$1" ${3:+-c "$3"} | grep -qx -- "$2"; }
event_has() { orch get events -o json | jq -r '.items[] | .involvedObject.name + " " + .reason + " " + .message' | grep -q -- "^$1 $2"; }
in_pod() { pod=$1; shift; orch exec "$pod" -- "$@"; }
pod_gone() { ! orch get pod "$1" >/dev/null 2>&1; }
# The pid on this machine of a pod's process whose command line matches.
# says "sentence" POD LINE...: each line is one of the pod's log
says() {
  sentence=$1 of=$2; shift 2
  until_true 20 phase_is "$of" Succeeded || { orch logs "$of" >&2 || true; orch describe pod "$of" >&2 || true; fail "$sentence: pod $of does not succeed"; }
  orch logs "$of" >"$WORK/says"
  for line in "$@"; do grep -qxF -- "$line" "$WORK/says" || { cat "$WORK/says" >&2; fail "$sentence: no line \"$line\""; }; done
  echo "ok - $sentence"
}
# ORCH_TEST_GO_ON=1: for whoever wants all that fails at once.
[ -z "${ORCH_TEST_GO_ON:-}" ] || fail() { echo "FAIL: $*" >&2; }
