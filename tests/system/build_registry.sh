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
  tar -C "$WORK" --owner=0 --group=0 -cf "$WORK/request.tar" build.json Dockerfile context
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
sed -i 's/base:1/nosuch:1/' "$WORK/context/Dockerfile"
refuses "image 127.0.0.1:5000/team/nosuch:1 is not on this node, and can't be pulled: " build x:1
