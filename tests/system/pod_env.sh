#!/bin/sh
# What a container finds when it starts: environment, command, working directory, user; and its volumes.
. "$(dirname "$0")/cluster.sh"
. "$(dirname "$0")/pods.sh"
need jq
start_cluster
import_box box:1
import_box own:1 '{"Entrypoint":["/bin/sh","-c","echo \"$0 $1 $2\"; pwd; id -u; echo $FROM_IMAGE"],"Cmd":["a","b","c"],"Env":["PATH=/bin","FROM_IMAGE=yes"],"User":"user","WorkingDir":"/home/user"}'

apply <<'Y'
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {COLOR: blue, "mode.txt": "fast", "1st": x, empty: ""}
binaryData: {raw: AAEC}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {PASSWORD: "s3cret $(COLOR)", token: abc}
---
apiVersion: v1
kind: Service
metadata: {name: my-db}
spec: {ports: [{name: sql, port: 5432}]}
Y
# The node learns of the service by a watch of its own: perhaps later than of the pod.
check "the node knows the service" until_true 10 grep -q my-db "$RUN/dns/snapshot"
apply <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: env, labels: {app: env, "a.b/c": d}, annotations: {note: "two words"}}
spec:
  restartPolicy: Never
  serviceAccountName: default
  containers:
  - name: main
    image: box:1
    command: ["/bin/sh", "-c", "env; echo \"args: $0 $1 $2\"; echo \"arg3: $3\"; pwd"]
    args: ["$(PLAIN)", "$$(PLAIN)", "$(UNKNOWN)", "$$$(PLAIN) $(COMBINED)"]
    workingDir: /srv/data
    resources: {limits: {cpu: "1500m", memory: 64Mi}, requests: {cpu: 250m, memory: 32Mi}}
    envFrom:
    - configMapRef: {name: settings}
    - prefix: P_
      secretRef: {name: keys}
    - configMapRef: {name: nosuch, optional: true}
    env:
    - {name: PLAIN, value: plain}
    - {name: COMBINED, value: "<$(PLAIN)-$(COLOR)-$$(PLAIN)-$(LATER)>"}
    - {name: LATER, value: later}
    - {name: COLOR, value: red}
    - {name: EMPTY}
    - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: NS, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
    - {name: UID1, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}
    - {name: LABEL, valueFrom: {fieldRef: {fieldPath: "metadata.labels['a.b/c']"}}}
    - {name: NOTE, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['note']"}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: ACCOUNT, valueFrom: {fieldRef: {fieldPath: spec.serviceAccountName}}}
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: IPS, valueFrom: {fieldRef: {fieldPath: status.podIPs}}}
    - {name: HOST, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
    - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
    - {name: CPU_MILLI, valueFrom: {resourceFieldRef: {resource: requests.cpu, divisor: 1m}}}
    - {name: MEMORY, valueFrom: {resourceFieldRef: {resource: limits.memory}}}
    - {name: MEMORY_MI, valueFrom: {resourceFieldRef: {containerName: main, resource: requests.memory, divisor: 1Mi}}}
    - {name: MODE, valueFrom: {configMapKeyRef: {name: settings, key: mode.txt}}}
    - {name: TOKEN, valueFrom: {secretKeyRef: {name: keys, key: token}}}
    - {name: MAYBE, valueFrom: {configMapKeyRef: {name: settings, key: nosuch, optional: true}}}
Y
says "the environment is what Kubernetes makes of it" env PLAIN=plain 'COMBINED=<plain-blue-$(PLAIN)-$(LATER)>' COLOR=red EMPTY= POD=env NS=default \
  LABEL=d 'NOTE=two words' NODE=node-1 ACCOUNT=default CPU=2 CPU_MILLI=250 MEMORY=67108864 MEMORY_MI=32 MODE=fast TOKEN=abc \
  'P_PASSWORD=s3cret $(COLOR)' P_token=abc empty= MY_DB_SERVICE_PORT=5432 MY_DB_SERVICE_PORT_SQL=5432 HOSTNAME=env \
  'args: plain $(PLAIN) $(UNKNOWN)' 'arg3: $plain <plain-blue-$(PLAIN)-$(LATER)>' /srv/data
ip=$(field pod env .status.podIP)
grep -qx "IP=$ip" "$WORK/says" && grep -qx "IPS=$ip" "$WORK/says" || fail "pod IP: $(grep IP "$WORK/says")"
grep -qx "UID1=$(field pod env .metadata.uid)" "$WORK/says" || fail "uid"
! grep -q '^1st=\|^MAYBE' "$WORK/says" || fail "a key that no shell can name, or an absent optional one, became a variable"
echo "ok - what has no name or no value is left out"

for kind in image args command; do
  case $kind in
    image) more= ;;
    args) more='args: [k, l, m]' ;;
    command) more='command: [/bin/echo, only, this]' ;;
  esac
  apply <<Y
apiVersion: v1
kind: Pod
metadata: {name: own-$kind}
spec: {restartPolicy: Never, containers: [{name: main, image: "own:1", $more}]}
Y
done
says "the image's entrypoint, command, environment, user and directory hold" own-image "a b c" /home/user 1000 yes
says "args replace the image's command" own-args "k l m"
says "command replaces entrypoint and command" own-command "only this"

# ---- volumes ----
hostdir="$WORK/host"
mkdir -p "$hostdir/dir"
echo host >"$hostdir/dir/file"
apply <<Y
apiVersion: v1
kind: Pod
metadata: {name: volumes, labels: {app: volumes}, annotations: {a: b}}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {fsGroup: 4242}
  volumes:
  - {name: disk, emptyDir: {}}
  - {name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
  - {name: dir, hostPath: {path: $hostdir/dir, type: Directory}}
  - {name: file, hostPath: {path: $hostdir/dir/file, type: File}}
  - {name: made, hostPath: {path: $hostdir/made/deep, type: DirectoryOrCreate}}
  - {name: madefile, hostPath: {path: $hostdir/madefile, type: FileOrCreate}}
  - {name: config, configMap: {name: settings}}
  - {name: items, configMap: {name: settings, defaultMode: 0440, items: [{key: mode.txt, path: sub/mode}, {key: COLOR, path: color, mode: 0400}]}}
  - {name: none, configMap: {name: nosuch, optional: true}}
  - {name: secret, secret: {secretName: keys, defaultMode: 0400}}
  - {name: down, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}, {path: annotations, fieldRef: {fieldPath: metadata.annotations}}, {path: cpu, resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: 1m}}]}}
  - name: all
    projected:
      sources:
      - {configMap: {name: settings, items: [{key: COLOR, path: c/color}]}}
      - {secret: {name: keys, items: [{key: token, path: s/token, mode: 0400}]}}
      - {downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}}
  containers:
  - name: main
    image: box:1
    command: [sleep, "1000"]
    resources: {limits: {cpu: 500m}}
    env: [{name: WHERE, value: here}]
    volumeMounts:
    - {name: disk, mountPath: /disk}
    - {name: disk, mountPath: /part, subPath: a/b}
    - {name: disk, mountPath: /expr, subPathExpr: "x-\$(WHERE)"}
    - {name: memory, mountPath: /memory}
    - {name: memory, mountPath: /memory-part, subPath: in/side}
    - {name: dir, mountPath: /dir, readOnly: true}
    - {name: file, mountPath: /etc/file}
    - {name: made, mountPath: /made}
    - {name: madefile, mountPath: /madefile}
    - {name: config, mountPath: /config}
    - {name: config, mountPath: /etc/color, subPath: COLOR}
    - {name: items, mountPath: /items}
    - {name: none, mountPath: /none}
    - {name: secret, mountPath: /secret}
    - {name: down, mountPath: /down}
    - {name: all, mountPath: /all}
  - name: second
    image: box:1
    command: [sleep, "1000"]
    volumeMounts: [{name: disk, mountPath: /shared}, {name: memory, mountPath: /memory}]
Y
check "a pod with every kind of volume becomes ready" until_true 20 pod_ready volumes
gives() { # gives "sentence" EXPECTED command...
  what=$1 expected=$2; shift 2
  got=$(orch exec volumes -c main -- "$@" 2>&1) || true
  [ "$got" = "$expected" ] || fail "$what: expected \"$expected\", got \"$got\""
  echo "ok - $what"
}
second() { orch exec volumes -c second -- "$@"; }
orch exec volumes -c main -- sh -c 'echo shared >/disk/file; echo memory >/memory/file; echo part >/part/file; echo expr >/expr/file; echo m >/memory-part/file' || fail "volumes cannot be written"
check "an emptyDir is shared by the pod's containers" [ "$(second cat /shared/file /shared/a/b/file /shared/x-here/file | tr '\n' ' ')" = "shared part expr " ]
check "one in memory, too, and parts of it" [ "$(second cat /memory/file /memory/in/side/file | tr '\n' ' ')" = "memory m " ]
gives "an emptyDir in memory is a tmpfs" tmpfs sh -c 'stat -f -c %T /memory'
gives "and as large as its limit" 1 sh -c 'df -m /memory | tail -1 | awk "{print \$2}"'
gives "emptyDirs belong to fsGroup" "4242 4242" sh -c 'echo $(stat -c %g /disk /memory)'
gives "a hostPath shows the machine's file" host cat /dir/file
gives "read-only when mounted so" "no" sh -c 'echo x 2>/dev/null >/dir/new && echo yes || echo no'
gives "a hostPath may be a file" host cat /etc/file
check "DirectoryOrCreate and FileOrCreate make it" sh -c '[ -d "$0/made/deep" ] && [ -f "$0/madefile" ]' "$hostdir"
gives "a configMap's keys are files" "blue fast" sh -c 'echo $(cat /config/COLOR) $(cat /config/mode.txt)'
gives "binary data too" "000102" sh -c 'xxd -p /config/raw'
gives "items have their paths" "fast blue" sh -c 'echo $(cat /items/sub/mode) $(cat /items/color)'
gives "and their modes, which fsGroup widens" "440 440" sh -c 'echo $(stat -L -c %a /items/sub/mode /items/color)'
gives "only them" "color sub" sh -c 'echo $(ls /items)'
gives "an optional one that is missing is empty" "" ls /none
gives "volumes of configMaps cannot be written" no sh -c 'echo x 2>/dev/null >/config/COLOR && echo yes || echo no'
gives "a secret's files are those it holds" "PASSWORD token" sh -c 'echo $(ls /secret)'
gives "a secret lives in memory" tmpfs stat -f -c %T /secret
gives "downwardAPI files: labels" 'app="volumes"' cat /down/labels
gives "and resources" 500 cat /down/cpu
gives "projected volumes join their sources" "blue abc volumes" sh -c 'echo $(cat /all/c/color) $(cat /all/s/token) $(cat /all/name)'
gives "a subPath of a configMap is one file" blue cat /etc/color

orch get configmap settings -o json | jq '.data.COLOR = "green" | del(.data["mode.txt"]) | .data.fresh = "new"' | orch apply -f - >/dev/null 2>&1 || fail "changing the configMap"
config_is() { [ "$(orch exec volumes -c main -- sh -c 'echo $(cat /config/COLOR) $(ls /config)')" = "$1" ]; }
orch apply -f - >/dev/null <<'Y' || fail "apply"
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {COLOR: green, fresh: new, "mode.txt": fast}
Y
check "a changed configMap changes the files of a running pod" until_true 30 sh -c '[ "$("$0" --socket "$1" exec volumes -c main -- cat /config/COLOR)" = green ]' "$ORCH_BUILD/cli/orch" "$SOCKET"
gives "new keys appear" new cat /config/fresh
in_projected() { [ "$(orch exec volumes -c main -- cat /all/c/color)" = green ]; }
check "in projected volumes too" until_true 30 in_projected
gives "a subPath keeps what it was" blue cat /etc/color
check "without a restart" field_is pod volumes '[.status.containerStatuses[].restartCount] | add' 0
orch label pod volumes more=yes >/dev/null
label_is_there() { orch exec volumes -c main -- cat /down/labels | grep -qx 'more="yes"'; }
check "a new label appears in the downwardAPI's file" until_true 30 label_is_there


# What a database makes of its volume stays, through restarts.
apply <<'Z'
apiVersion: v1
kind: Pod
metadata: {name: restarted}
spec:
  terminationGracePeriodSeconds: 0
  restartPolicy: OnFailure
  volumes: [{name: v, emptyDir: {}}]
  containers: [{name: main, image: "box:1", command: [sh, -c, "stat -c %a /v >>/v/modes; chmod 700 /v; [ $(wc -l </v/modes) = 2 ]"], volumeMounts: [{name: v, mountPath: /v}]}, {name: look, image: "box:1", command: [sh, -c, "until [ -e /v/modes ] && [ $(wc -l </v/modes) = 2 ]; do sleep 0.1; done; cat /v/modes"], volumeMounts: [{name: v, mountPath: /v}]}]
Z
check "a container restarts" until_true 20 phase_is restarted Succeeded
check "its volume keeps the mode that it gave it" [ "$(orch logs restarted -c look | tr '\n' ' ')" = "777 700 " ]

# ---- what cannot be ----
ln -s /etc "$hostdir/dir/out"
apply <<Y
apiVersion: v1
kind: Pod
metadata: {name: wrong-type}
spec:
  volumes: [{name: v, hostPath: {path: $hostdir/dir/file, type: Directory}}]
  containers: [{name: main, image: "box:1", command: [sleep, "1000"], volumeMounts: [{name: v, mountPath: /v}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: not-there}
spec:
  volumes: [{name: v, hostPath: {path: $hostdir/nosuch, type: Directory}}]
  containers: [{name: main, image: "box:1", command: [sleep, "1000"], volumeMounts: [{name: v, mountPath: /v}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: escape}
spec:
  volumes: [{name: v, hostPath: {path: $hostdir/dir}}]
  containers: [{name: main, image: "box:1", command: [sleep, "1000"], volumeMounts: [{name: v, mountPath: /v, subPath: out}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: needs-config}
spec:
  restartPolicy: Never
  containers: [{name: main, image: "box:1", command: [/bin/sh, -c, 'echo "got \$LATE"'], env: [{name: LATE, valueFrom: {configMapKeyRef: {name: late, key: key}}}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: needs-volume}
spec:
  restartPolicy: Never
  volumes: [{name: v, configMap: {name: late}}]
  containers: [{name: main, image: "box:1", command: [cat, /v/key], volumeMounts: [{name: v, mountPath: /v}]}]
Y
check "a hostPath of another type is refused in words" until_true 20 event_has wrong-type 'FailedMount .*"v".*file is not a Directory'
check "and one that is missing" until_true 20 event_has not-there 'FailedMount .*nosuch'
check "a subPath through a link out of the volume is refused" until_true 20 waiting_is escape CreateContainerConfigError
check "a missing configMap holds the container back" until_true 20 waiting_is needs-config CreateContainerConfigError
check "and is named" field_is pod needs-config '.status.containerStatuses[0].state.waiting.message' 'configmap "late" not found'
check "a volume's missing configMap is told as an event" until_true 20 event_has needs-volume 'FailedMount .*configmap "late" not found'
apply <<'Y'
apiVersion: v1
kind: ConfigMap
metadata: {name: late}
data: {key: value}
Y
says "the container starts when it appears" needs-config "got value"
says "the volume, too" needs-volume value

# A container that swaps a folder of its volume for a link finds nobody following it.
apply <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: swapper}
spec:
  restartPolicy: Never
  volumes: [{name: v, emptyDir: {}}, {name: m, emptyDir: {medium: Memory}}]
  initContainers: [{name: evil, image: "box:1", command: [/bin/sh, -c, "ln -s /etc /v/disk; ln -s ../../../.. /v/up; mkdir /v/real; ln -s real /v/inside"], volumeMounts: [{name: v, mountPath: /v}]}]
  containers:
  - {name: abs, image: "box:1", command: [ls, /x], volumeMounts: [{name: v, mountPath: /x, subPath: disk}]}
  - {name: new, image: "box:1", command: [ls, /x], volumeMounts: [{name: v, mountPath: /x, subPath: disk/orch-was-here}]}
  - {name: up, image: "box:1", command: [ls, /x], volumeMounts: [{name: v, mountPath: /x, subPath: up/etc}]}
  - {name: inside, image: "box:1", command: [touch, /x/ok], volumeMounts: [{name: v, mountPath: /x, subPath: inside}]}
Y
state_of() { field pod swapper ".status.containerStatuses[] | select(.name == \"$1\") | .state | [.waiting.reason // .terminated.reason, .waiting.message // .terminated.message] | join(\" \")"; }
refused() { state_of "$1" | grep -q "subPath"; }
for c in abs new up; do check "a link out of the volume is not followed ($c)" until_true 20 refused $c; done
check "nothing was made behind it" [ ! -e /etc/orch-was-here ]
inside_ok() { [ "$(field pod swapper '.status.containerStatuses[] | select(.name == "inside") | .state.terminated.exitCode')" = 0 ]; }
check "a link inside it is" until_true 20 inside_ok

stop_cluster
