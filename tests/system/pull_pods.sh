#!/bin/sh
# Pods pull their images: policies, secrets, back-off and its words, one pull for many; and orch image pull shows how far it is.
. "$(dirname "$0")/registry.sh"
LIBRARY=$WORK
. "$(dirname "$0")/cluster.sh"
CLEANUP='clean_groups; umount -l "$WORK"; umount -l "$LIBRARY"; rm -rf "$LIBRARY"'
python3 "$SRC/tests/system/make_images.py" "$WORK" || fail "cannot make the test images"
"$SRC/scripts/make-user-service-image" "$WORK/user-service.tar"
make_certificates
start_registry 5000
start_registry 5001 tls basic
for tag in 1.0 2.0 3.0 latest; do push_image "docker-archive:$WORK/user-service.tar" "5000/team/web:$tag"; done
push_image "docker-archive:$WORK/user-service.tar" 5001/private/web:1 --dest-creds user:secret
cat >"$WORK/registries.yaml" <<Y
defaultRegistry: 127.0.0.1:5000
defaultNamespace: team
registries:
- host: 127.0.0.1:5000
  plainHTTP: true
- host: 127.0.0.1:5001
  ca: $WORK/ca.pem
Y
start_cluster --registries="$WORK/registries.yaml"
until_true 10 node_ready || fail "the node is not ready"
pod() { # pod NAME IMAGE [more of the container] [more of the spec]
  printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s"},"spec":{"terminationGracePeriodSeconds":0,%s"containers":[{"name":"main","image":"%s"%s}]}}\n' \
    "$1" "${4:-}" "$2" "${3:-}" | orch apply -f - >/dev/null || fail "apply $1"
}
runs() { phase_is "$1" Running; }
event_has() { orch get events 2>/dev/null | grep -q "pod/$1 .*$2"; }
waits_for() { [ "$(field pod "$1" '.status.containerStatuses[0].state.waiting.reason')" = "$2" ]; }
words_are() { field pod "$1" '.status.containerStatuses[0].state.waiting.message' | grep -q -- "$2"; } # an event may come before the status

pod plain 127.0.0.1:5000/team/web:1.0
check "a pod's image is pulled" until_true 20 runs plain
check "with the kubelet's words" until_true 10 event_has plain 'Pulling image "127.0.0.1:5000/team/web:1.0"'
check "and how long it took" until_true 10 event_has plain 'Successfully pulled image "127.0.0.1:5000/team/web:1.0" in .* including waiting). Image size: [0-9]* bytes'
pod again 127.0.0.1:5000/team/web:1.0
check "one that is here isn't pulled again" until_true 20 event_has again 'already present on machine'
pod short web:2.0
check "a short name is sought at the default registry" until_true 20 runs short
pod short-again web:2.0
check "and found again by its short name" until_true 20 event_has short-again 'Container image "web:2.0" already present on machine'
pod absent web:never ',"imagePullPolicy":"Never"'
check "policy Never pulls nothing" until_true 20 waits_for absent ErrImageNeverPull

pod missing 127.0.0.1:5000/team/web:none
check "an image that isn't there: ErrImagePull" until_true 20 event_has missing 'Error: ErrImagePull'
check "and its words name the cause" until_true 10 words_are missing "not found"
pod denied 127.0.0.1:5001/private/web:1
check "so does a registry that asks for a password" until_true 20 words_are denied unauthorized
printf '%s' "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"key\"},\"type\":\"kubernetes.io/dockerconfigjson\",\"data\":{\".dockerconfigjson\":\"$(printf '{"auths":{"127.0.0.1:5001":{"username":"user","password":"secret"}}}' | base64 -w0)\"}}" |
  orch apply -f - >/dev/null || fail "secret"
pod private 127.0.0.1:5001/private/web:1 '' '"imagePullSecrets":[{"name":"key"}],'
check "an imagePullSecret opens it" until_true 20 runs private
orch delete pod private >/dev/null

mkdir "$WORK/context"
printf 'FROM 127.0.0.1:5001/private/web:2\nLABEL built=yes\n' >"$WORK/context/Dockerfile"
push_image "docker-archive:$WORK/user-service.tar" 5001/private/web:2 --dest-creds user:secret
if orch build -t built:1 "$WORK/context" 2>"$WORK/build.err"; then fail "FROM needs no password"; fi
check "a build's FROM says that it needs a password" grep -q 'Dockerfile:1:6: .*unauthorized' "$WORK/build.err"
printf '{"auths":{"127.0.0.1:5001":{"auth":"%s"}}}' "$(printf user:secret | base64)" >"$WORK/auth.json"
check "a file of credentials opens it" orch build -q --auth-file "$WORK/auth.json" -t built:1 "$WORK/context"
pod nokey 127.0.0.1:5000/team/web:3.0 '' '"imagePullSecrets":[{"name":"nosuch"}],'
check "a secret that isn't there is told, and the pull tried" until_true 20 runs nokey
check "as the kubelet does" until_true 10 event_has nokey 'Unable to retrieve some image pull secrets (nosuch)'
check "the wait grows, and is told" until_true 40 event_has missing 'Back-off pulling image'
check "as ImagePullBackOff" until_true 5 waits_for missing ImagePullBackOff

orch image ls >"$WORK/list"
grep -q '^127.0.0.1:5000/team/web:1.0 ' "$WORK/list" || fail "orch image ls: $(cat "$WORK/list")"
echo "ok - orch image ls has them under their whole names"
pod always web:latest
check "policy Always pulls" until_true 20 event_has always 'Successfully pulled image "web:latest"'
orch image pull 127.0.0.1:5000/team/web:1.0 >"$WORK/out" 2>&1 || fail "orch image pull: $(cat "$WORK/out")"
grep -q 'already there$' "$WORK/out" && grep -q '^Pulled image: 127.0.0.1:5000/team/web:1.0 (0 B)$' "$WORK/out" || fail "orch image pull said: $(cat "$WORK/out")"
echo "ok - orch image pull says what was here"
refuses "unauthorized" orch image pull 127.0.0.1:5001/private/web:1
check "credentials by option" orch image pull -q --creds user:secret 127.0.0.1:5001/private/web:1
printf '{"auths":{"127.0.0.1:5001":{"username":"user","password":"secret"}}}' >"$WORK/auth.json"
check "and by file" orch image pull -q --auth-file "$WORK/auth.json" 127.0.0.1:5001/private/web:1
refuses "not found" orch image pull 127.0.0.1:5000/team/none:1
refuses "no image for platform" orch image pull --platform linux/s390x 127.0.0.1:5000/team/web:1.0

# One pull for many: the registry takes a second over it, meanwhile the others come.
python3 "$SRC/tests/system/hostile_registry.py" 5004 "$WORK/requests.log" &
until_true 10 curl -s -o /dev/null http://127.0.0.1:5004/ || fail "no registry"
printf -- '- host: 127.0.0.1:5004\n  plainHTTP: true\n' >>"$WORK/registries.yaml"
for n in 1 2 3 4; do pod same-$n 127.0.0.1:5004/busy:1; done
for n in 1 2 3 4; do check "pod $n of four with one image has it" until_true 30 event_has same-$n 'Successfully pulled\|already present'; done
[ "$(grep -c /v2/busy/manifests/ "$WORK/requests.log")" = 1 ] || fail "pulled more than once: $(cat "$WORK/requests.log")"
echo "ok - after one pull for all of them"

load_image
orch image push user-service:1.0 --to 127.0.0.1:5001/private/pushed:1 --creds user:secret >"$WORK/out" 2>&1 || fail "orch image push: $(cat "$WORK/out")"
grep -q '^Pushed image: 127.0.0.1:5001/private/pushed:1 ' "$WORK/out" || fail "orch image push said: $(cat "$WORK/out")"
skopeo inspect --tls-verify=false --creds user:secret docker://127.0.0.1:5001/private/pushed:1 >/dev/null || fail "skopeo does not see it"
echo "ok - orch image push brings an image there"
refuses "is not on this node" orch image push nosuch:1 --to 127.0.0.1:5000/team/nosuch:1

# Without its registry what is here goes on.
for pid in $(pgrep -x docker-registry); do kill -9 "$pid"; done
pod offline web:latest
check "policy Always makes do with what is here when no registry can be reached" until_true 30 runs offline
check "and says so" until_true 10 event_has offline "its registry can't be asked"
stop_cluster
