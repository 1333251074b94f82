#!/bin/sh
# A base image comes from a registry, and what was built goes there: other tools take it and run it.
. "$(dirname "$0")/registry.sh"
need busybox tar buildah
start_registry 5000
cat >"$WORK/registries.yaml" <<Y
registries:
- host: 127.0.0.1:5000
  plainHTTP: true
Y
root="$WORK/base"
mkdir -p "$root/bin" "$root/etc" "$root/tmp"
cp "$(command -v busybox)" "$root/bin/busybox"
ln -s busybox "$root/bin/sh"; ln -s busybox "$root/bin/cat"; ln -s busybox "$root/bin/chown"
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
"$SRC/scripts/make-image" base:1 "$root" "$WORK/base.tar" /bin/sh
push_image "docker-archive:$WORK/base.tar" 5000/team/base:1

build() { # build TAG: of $WORK/context
  printf '{"tags":["%s"]}' "$1" >"$WORK/build.json"
  cp "$WORK/context/Dockerfile" "$WORK/Dockerfile"
  tar -C "$WORK" --owner=0 --group=0 -cf "$WORK/request.tar" build.json Dockerfile context $([ ! -d "$WORK/auth" ] || echo auth)
  "$ORCH_BUILD/daemon/build/orch-build" --store "$STORE" --run-dir "$WORK/run" --pod-program "$ORCH_BUILD/daemon/pod/orch-pod" \
    --image-program "$IMAGE" --registries "$WORK/registries.yaml" --cgroup "orch-build-registry-$$" <"$WORK/request.tar" >"$WORK/out"
}
mkdir "$WORK/context"
cat >"$WORK/context/Dockerfile" <<'D'
FROM 127.0.0.1:5000/team/base:1 AS build
RUN echo made >/made && chown 12:34 /made
FROM 127.0.0.1:5000/team/base:1
COPY --from=build /made /made
CMD ["/bin/cat", "/made"]
D
check "the image of FROM is pulled" build 127.0.0.1:5000/team/app:1
check "what was built is pushed" "$IMAGE" push --store "$STORE" --registries "$WORK/registries.yaml" 127.0.0.1:5000/team/app:1
peer() { buildah --root "$WORK/br" --runroot "$WORK/brr" --storage-driver vfs "$@"; }
container=$(peer from -q --tls-verify=false docker://127.0.0.1:5000/team/app:1) || fail "buildah cannot pull it"
check "buildah pulls it and runs it" [ "$(peer run --isolation chroot "$container" -- /bin/cat /made)" = made ]
check "owners are those of the build" [ "$(stat -c %u:%g "$(peer mount "$container")/made")" = 12:34 ]

# ---- a registry that is down for a moment, and one that asks for a password ----
cp -r "$WORK/data-5000" "$WORK/data-5002"
new_store
sed -i 's/5000/5002/' "$WORK/context/Dockerfile"
sed 's/5000/5002/' "$WORK/registries.yaml" >"$WORK/registries-2.yaml"; mv "$WORK/registries-2.yaml" "$WORK/registries.yaml"
: >"$WORK/out"
(build late:1 2>"$WORK/late.err") &
late=$!
until_true 20 grep -q 'next try in' "$WORK/out" || fail "the failed pull was not told"
start_registry 5002
check "a pull that found no registry is tried again" wait "$late"
start_registry 5001 basic
push_image "docker-archive:$WORK/base.tar" 5001/team/base:1 --dest-creds user:secret
sed -i 's/5002/5001/' "$WORK/context/Dockerfile" "$WORK/registries.yaml"
new_store
refuses "unauthorized" build private:1
mkdir "$WORK/auth"
echo '{"user":"user","password":"secret"}' >"$WORK/auth/registries.json"
printf 'RUN [ ! -e /run/secrets/registries.json ]\n' >>"$WORK/context/Dockerfile"
check "credentials that come along open it" build private:1
check "and are nowhere on the disk" sh -c '! grep -rqF password "$0/builds" "$0/images" "$0/tmp"' "$STORE"
sed -i 's/base:1/nosuch:1/' "$WORK/context/Dockerfile"
refuses "image 127.0.0.1:5001/team/nosuch:1 is not on this node, and can't be pulled: " build x:1
