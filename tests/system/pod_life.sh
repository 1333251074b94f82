#!/bin/sh
# From start to end: init containers, probes, hooks, restarts and back-off, termination, limits, and what containers of a pod share.
. "$(dirname "$0")/cluster.sh"
. "$(dirname "$0")/pods.sh"
need jq curl
start_cluster
import_box box:1
state() { field pod "$1" ".status.containerStatuses[${3:-0}].$2"; }
terminated_is() { [ "$(state "$1" 'state.terminated | "\(.reason) \(.exitCode)"')" = "$2" ]; }
last_is() { [ "$(state "$1" 'lastState.terminated | "\(.reason) \(.exitCode)"')" = "$2" ]; }

# All that "looping" ever says: a look now and then might miss the ten seconds in which something holds.
curl -s -N --unix-socket "$SOCKET" 'http://x/api/v1/namespaces/default/pods?watch=true&fieldSelector=metadata.name%3Dlooping' >"$WORK/looping" &
LOOPING=$!
apply <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: never-0}
spec: {restartPolicy: Never, containers: [{name: main, image: "box:1", command: ["true"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: never-3}
spec: {restartPolicy: Never, containers: [{name: main, image: "box:1", command: [sh, -c, "echo why >/dev/termination-log; exit 3"]}, {name: ok, image: "box:1", command: ["true"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: on-failure}
spec: {restartPolicy: OnFailure, volumes: [{name: v, emptyDir: {}}], containers: [{name: main, image: "box:1", command: [sh, -c, "[ -e /v/second ] && exit 0; touch /v/second; exit 1"], volumeMounts: [{name: v, mountPath: /v}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: looping}
spec: {containers: [{name: main, image: "box:1", command: [sh, -c, "echo last words; exit 5"], terminationMessagePolicy: FallbackToLogsOnError}]}
---
apiVersion: v1
kind: Pod
metadata: {name: no-program}
spec: {restartPolicy: Never, containers: [{name: main, image: "box:1", command: [/no/such/program]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: signalled}
spec: {restartPolicy: Never, containers: [{name: main, image: "box:1", command: [sleep, "4321"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec: {restartPolicy: Never, containers: [{name: main, image: "box:1", command: [sh, -c, "exec tail /dev/zero"], resources: {limits: {memory: 16Mi}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: inits}
spec:
  restartPolicy: Never
  volumes: [{name: v, emptyDir: {}}]
  initContainers:
  - {name: one, image: "box:1", command: [sh, -c, "echo one >>/v/order"], volumeMounts: [{name: v, mountPath: /v}]}
  - {name: two, image: "box:1", command: [sh, -c, "echo two >>/v/order"], volumeMounts: [{name: v, mountPath: /v}]}
  - {name: side, image: "box:1", restartPolicy: Always, command: [sh, -c, "echo side >>/v/order; sleep 1000"], volumeMounts: [{name: v, mountPath: /v}], startupProbe: {exec: {command: [grep, side, /v/order]}, periodSeconds: 1}}
  containers: [{name: main, image: "box:1", command: [cat, /v/order], volumeMounts: [{name: v, mountPath: /v}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: bad-init}
spec:
  restartPolicy: Never
  initContainers: [{name: broken, image: "box:1", command: [sh, -c, "exit 9"]}]
  containers: [{name: main, image: "box:1", command: ["true"]}]
Y
says_back_off() { grep -q "\"reason\":\"CrashLoopBackOff\",\"message\":\"back-off $1 restarting failed container=main pod=looping_default" "$WORK/looping"; }
check "a container that ends again and again: CrashLoopBackOff, with the time of the back-off" until_true 20 says_back_off 10s
check "restartPolicy Never, exit 0: Succeeded" until_true 20 phase_is never-0 Succeeded
check "its container is Completed" terminated_is never-0 "Completed 0"
check "exit 3: Failed" until_true 20 phase_is never-3 Failed
check "with reason and code" terminated_is never-3 "Error 3"
check "and what it left in /dev/termination-log" [ "$(state never-3 state.terminated.message)" = why ]
check "OnFailure runs again until it succeeds" until_true 20 phase_is on-failure Succeeded
check "which took one restart" [ "$(state on-failure restartCount)" = 1 ]
check "a program that isn't there: StartError in words" until_true 20 phase_is no-program Failed
state no-program state.terminated.message | grep -q '/no/such/program.*no such file' || fail "message: $(state no-program state.terminated)"
check "a pod to kill runs" until_true 20 phase_is signalled Running
until_true 10 pgrep -f '^sleep 4321' || fail "no process of it"
kill -9 "$(pgrep -f '^sleep 4321')"
check "a container killed by a signal ends with 128 + signal" until_true 20 terminated_is signalled "Error 137"
check "too much memory: OOMKilled" until_true 30 terminated_is greedy "OOMKilled 137"
says "init containers run in order, before the others; a sidecar is there" inits one two side
check "a pod whose init container fails, fails" until_true 20 phase_is bad-init Failed
check "its main container never ran" [ "$(state bad-init 'state.waiting.reason')" = PodInitializing ]
check "FallbackToLogsOnError: the end of the log is the message" [ "$(state looping lastState.terminated.message)" = "last words" ]
check "the second back-off is twice the first" until_true 30 says_back_off 20s
kill $LOOPING
check "and is told as an event" until_true 10 event_has looping 'BackOff Back-off restarting failed container'

# ---- probes ----
mkdir "$WORK/cgi"
cat >"$WORK/cgi/headed" <<'C'
#!/bin/sh
[ "$HTTP_X_PROBE" = yes ] || { printf 'Status: 403 Forbidden\r\n\r\n'; exit; }
printf 'Content-Type: text/plain\r\n\r\nok\n'
C
chmod 755 "$WORK/cgi/headed"
apply <<Y
apiVersion: v1
kind: Pod
metadata: {name: headed}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: cgi, hostPath: {path: $WORK/cgi}}]
  containers:
  - {name: with, image: "box:1", command: [sh, -c, "exec httpd -f -p 8080 -h /srv"], volumeMounts: [{name: cgi, mountPath: /srv/cgi-bin}], readinessProbe: {httpGet: {path: /cgi-bin/headed, port: 8080, httpHeaders: [{name: X-Probe, value: "yes"}]}, periodSeconds: 1}}
  - {name: without, image: "box:1", command: [sleep, "1000"], readinessProbe: {httpGet: {path: /cgi-bin/headed, port: 8080}, periodSeconds: 1}}
Y
apply <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: probed, labels: {app: probed}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: http
    image: box:1
    command: [sh, -c, "mkdir /www; exec httpd -f -vv -p 8080 -h /www"]
    ports: [{name: web, containerPort: 8080}]
    readinessProbe: {httpGet: {path: /ready, port: web, httpHeaders: [{name: X-Probe, value: "yes"}]}, periodSeconds: 1, successThreshold: 2}
    livenessProbe: {tcpSocket: {port: web}, periodSeconds: 1, failureThreshold: 300}
  - name: tcp
    image: box:1
    command: [sh, -c, "while [ ! -e /tmp/go ]; do sleep 0.1; done; exec nc -ll -p 9000 -e cat"]
    readinessProbe: {tcpSocket: {port: 9000}, periodSeconds: 1}
  - name: exec
    image: box:1
    command: [sleep, "1000"]
    readinessProbe: {exec: {command: [cat, /tmp/ready]}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: slow-start}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: box:1
    command: [sleep, "1000"]
    startupProbe: {exec: {command: [test, -e, /tmp/started]}, periodSeconds: 1, failureThreshold: 100}
    livenessProbe: {exec: {command: [test, -e, /tmp/alive]}, periodSeconds: 1, timeoutSeconds: 60, failureThreshold: 1}
    readinessProbe: {exec: {command: ["true"]}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: hangs}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: box:1
    command: [sleep, "1000"]
    livenessProbe: {exec: {command: [sleep, "100"]}, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 2}
---
apiVersion: v1
kind: Pod
metadata: {name: never-starts}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: main, image: "box:1", command: [sleep, "1000"], startupProbe: {exec: {command: ["false"]}, periodSeconds: 1, failureThreshold: 2}}
Y
container_ready() { [ "$(field pod "$1" ".status.containerStatuses[] | select(.name == \"$2\") | .ready")" = "$3" ]; }
running() { [ "$(field pod "$1" '[.status.containerStatuses[]? | select(.state.running)] | length')" = "$2" ]; }
check "a probe's headers are sent" until_true 20 container_ready headed with true
check "who asks without them gets 403" until_true 20 event_has headed 'Unhealthy .*statuscode: 403'
check "the probed containers run" until_true 20 running probed 3
orch exec probed -c exec -- touch /tmp/ready
check "an exec probe's success makes ready" until_true 20 container_ready probed exec true
check "a tcp probe's refusal doesn't" container_ready probed tcp false
orch exec probed -c tcp -- touch /tmp/go
check "the open port does" until_true 20 container_ready probed tcp true
check "a missing file (404) keeps unready" container_ready probed http false
check "and is told" until_true 20 event_has probed 'Unhealthy Readiness probe failed: HTTP probe failed with statuscode: 404'
check "the pod isn't ready while one isn't" field_is pod probed '.status.conditions[] | select(.type == "Ready").status' False
field pod probed '.status.conditions[] | select(.type == "Ready").message' | grep -q 'unready.*http' || fail "the Ready condition doesn't name the container"
orch exec probed -c http -- touch /www/ready
check "all ready: the pod is ready" until_true 20 pod_ready probed
check "a startup probe keeps liveness and readiness waiting" until_true 20 running slow-start 1
check "so it isn't ready" container_ready slow-start main false
[ "$(state slow-start restartCount)" = 0 ] && [ "$(state slow-start started)" = false ] || fail "liveness acted before the start was over"
orch exec slow-start -- sh -c 'touch /tmp/alive /tmp/started'
check "once started it becomes ready" until_true 20 pod_ready slow-start
check "a probe that hangs is a failure" until_true 30 restarts_reach hangs 1
check "and is told as one" until_true 10 event_has hangs 'Unhealthy Liveness probe failed: .*timed out'
check "and the kill, with its reason" until_true 10 event_has hangs 'Killing .*failed liveness probe'
check "a startup probe that fails for good restarts" until_true 30 restarts_reach never-starts 1
check "and says so" until_true 10 event_has never-starts 'Killing .*failed startup probe'

# ---- hooks and the end ----
hooks="$WORK/hooks"
mkdir -m 777 "$hooks"
apply <<Y
apiVersion: v1
kind: Pod
metadata: {name: polite}
spec:
  terminationGracePeriodSeconds: 30
  volumes: [{name: v, hostPath: {path: $hooks}}]
  containers:
  - name: main
    image: box:1
    command: [sh, -c, 'trap "echo term >>/v/polite; exit 0" TERM; touch /tmp/ready; while true; do sleep 0.05; done']
    volumeMounts: [{name: v, mountPath: /v}]
    readinessProbe: {exec: {command: [test, -e, /tmp/ready]}, periodSeconds: 1}
    lifecycle:
      postStart: {exec: {command: [sh, -c, "echo started >>/v/polite"]}}
      preStop: {exec: {command: [sh, -c, "echo stopping >>/v/polite"]}}
---
apiVersion: v1
kind: Pod
metadata: {name: asked}
spec:
  terminationGracePeriodSeconds: 30
  volumes: [{name: v, hostPath: {path: $hooks}}]
  containers:
  - name: main
    image: box:1
    command: [sh, -c, 'mkdir -p /www/cgi-bin; printf "#!/bin/sh\necho asked >>/v/asked\necho; echo\n" >/www/cgi-bin/stop; chmod 755 /www/cgi-bin/stop; exec httpd -f -p 8080 -h /www']
    volumeMounts: [{name: v, mountPath: /v}]
    readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
    lifecycle: {preStop: {httpGet: {path: /cgi-bin/stop, port: 8080}}}
---
apiVersion: v1
kind: Pod
metadata: {name: stubborn}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: v, hostPath: {path: $hooks}}]
  containers: [{name: main, image: "box:1", command: [sh, -c, 'trap "echo term >>/v/stubborn" TERM; touch /tmp/ready; while true; do sleep 0.05; done'], volumeMounts: [{name: v, mountPath: /v}], readinessProbe: {exec: {command: [test, -e, /tmp/ready]}, periodSeconds: 1}}]
---
apiVersion: v1
kind: Pod
metadata: {name: bad-hook}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: "box:1", command: [sleep, "1000"], lifecycle: {postStart: {exec: {command: [sh, -c, "exit 4"]}}}}]
Y
check "pods with hooks run" until_true 20 pod_ready polite
check "and" until_true 20 pod_ready asked
check "and" until_true 20 pod_ready stubborn
check "a postStart that fails kills the container, and is told" until_true 20 event_has bad-hook 'FailedPostStartHook'
orch delete pod polite asked stubborn bad-hook >/dev/null || fail "delete"
check "postStart, preStop and TERM come in this order" [ "$(cat "$hooks/polite" | tr '\n' ' ')" = "started stopping term " ]
check "preStop asks over HTTP" [ "$(cat "$hooks/asked")" = asked ]
check "who doesn't heed TERM is killed after the grace period" [ "$(cat "$hooks/stubborn")" = term ]

# ---- what a pod's containers share, and their limits ----
apply <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: shared}
spec:
  terminationGracePeriodSeconds: 0
  hostname: given
  subdomain: sub
  hostAliases: [{ip: 192.0.2.7, hostnames: [far, away]}]
  dnsConfig: {options: [{name: ndots, value: "3"}], searches: [more.example]}
  containers:
  - {name: a, image: "box:1", command: [httpd, -f, -p, "127.0.0.1:7000", -h, /etc], resources: {limits: {memory: 48Mi, cpu: 250m}, requests: {cpu: 100m}}}
  - {name: b, image: "box:1", command: [sleep, "1000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: together}
spec:
  terminationGracePeriodSeconds: 0
  shareProcessNamespace: true
  containers:
  - {name: a, image: "box:1", command: [sleep, "1111"]}
  - {name: b, image: "box:1", command: [sleep, "2222"]}
---
apiVersion: v1
kind: Pod
metadata: {name: hosted}
spec:
  terminationGracePeriodSeconds: 0
  hostNetwork: true
  containers: [{name: a, image: "box:1", command: [sleep, "1000"]}]
Y
for pod in shared together hosted; do check "$pod runs" until_true 20 pod_ready $pod; done
a() { orch exec shared -c a -- "$@"; }
b() { orch exec shared -c b -- "$@"; }
ns() { orch exec "$1" -c "$2" -- readlink "/proc/self/ns/$3"; }
check "one container reaches the other on localhost" until_true 10 sh -c '"$0" --socket "$1" exec shared -c b -- wget -q -O - http://127.0.0.1:7000/passwd | grep -q root' "$ORCH_BUILD/cli/orch" "$SOCKET"
for n in net ipc uts; do check "they share the $n namespace" [ "$(ns shared a $n)" = "$(ns shared b $n)" ]; done
for n in pid mnt; do check "but not $n" [ "$(ns shared a $n)" != "$(ns shared b $n)" ]; done
a sh -c 'echo x >/dev/shm/x'
check "/dev/shm is theirs together" [ "$(b cat /dev/shm/x)" = x ]
check "hostname is the pod's" [ "$(a hostname)" = given ]
check "a fully qualified name is in /etc/hosts" sh -c '"$0" --socket "$1" exec shared -c a -- cat /etc/hosts | grep -q "given.sub.default.svc.cluster.local.*given"' "$ORCH_BUILD/cli/orch" "$SOCKET"
check "hostAliases too" sh -c '"$0" --socket "$1" exec shared -c a -- cat /etc/hosts | grep -q "192.0.2.7.*far.*away"' "$ORCH_BUILD/cli/orch" "$SOCKET"
check "dnsConfig is in /etc/resolv.conf" sh -c '"$0" --socket "$1" exec shared -c a -- cat /etc/resolv.conf | tr "\n" " " | grep -q "search default.svc.cluster.local svc.cluster.local cluster.local.* more.example.*options.*ndots:3"' "$ORCH_BUILD/cli/orch" "$SOCKET"
check "shareProcessNamespace shows all processes to each" [ "$(orch exec together -c a -- ps | grep -c 'sleep [12][12][12][12]')" = 2 ]
check "hostNetwork is the machine's" [ "$(ns hosted a net)" = "$(readlink /proc/self/ns/net)" ]
check "with its address" [ "$(field pod hosted .status.podIP)" = "$(field pod hosted .status.hostIP)" ]

main=$(pgrep -f 'httpd -f -p 127.0.0.1:7000' | head -1)
group_file() { # group_file CONTROLLER FILE-v1 FILE-v2 [UP]
  path=$(awk -F: -v c="$1" '{n = split($2, l, ","); for (i = 1; i <= n; i++) if (l[i] == c) print $3}' "/proc/$main/cgroup")
  if [ -n "$path" ]; then cat "/sys/fs/cgroup/$1$path/${4:-.}/$2"; else cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$main/cgroup")/${4:-.}/$3"; fi
}
check "the memory limit is in the cgroup" [ "$(group_file memory memory.limit_in_bytes memory.max)" = 50331648 ]
check "the cpu limit too" sh -c 'case "$0" in 25000|"25000 100000") ;; *) exit 1 ;; esac' "$(group_file cpu cpu.cfs_quota_us cpu.max)"
check "and the cpu request" sh -c 'case "$0" in 102|4) ;; *) exit 1 ;; esac' "$(group_file cpu cpu.shares cpu.weight)"
check "the pod's number of processes is limited" [ "$(group_file pids pids.max pids.max ..)" = 4096 ]
orch delete pod --all --timeout=180s >/dev/null 2>&1 || orch delete pods -l '!nothing' >/dev/null 2>&1 || true
stop_cluster
