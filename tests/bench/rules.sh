#!/bin/bash
# Service rules: loading N services of three endpoints, changing one endpoint, beside the nft command doing the same with one
# chain a service; and attaching pods. As root: tests/bench/rules.sh [N...]
set -eu
: "${ORCH_BUILD:?set ORCH_BUILD to a build folder (buildtype=release)}"
if [ "${IN_NAMESPACE:-}" != 1 ]; then
  IN_NAMESPACE=1 exec unshare --net --mount --pid --fork --mount-proc --kill-child --propagation private bash "$0" "$@"
fi
ip link set lo up
W=$(mktemp -d /dev/shm/orch-bench-XXXXXX); trap 'rm -rf $W' EXIT
mkfifo $W/in $W/out
"$ORCH_BUILD/tests/system/network-drive" <$W/in >$W/out & exec 3>$W/in 4<$W/out
drive() { echo "$*" >&3; read -r word usec <&4; [ "$word" = ok ] || { echo "$*: $word $usec"; exit 1; }; echo "$usec" >$W/usec; }
median() { sort -n | awk '{a[NR]=$1} END{printf "%.2f", a[int((NR+1)/2)]/1000}'; }
now() { echo $(($(date +%s%N)/1000)); }
drive setup
for n in "${@:-1000}"; do
  rm -f $W/load $W/change $W/nft-load $W/nft-change
  for i in $(seq 0 $((n-1))); do
    echo "10.96.$((i/250)).$((i%250+1)) tcp 80 random 10.244.0.2:80 10.244.0.3:80 10.244.0.4:80"; done >$W/all
  sed '7s/ 10.244.0.3:80//' $W/all >$W/less
  for _ in 1 2 3 4 5; do
    nft flush ruleset; drive restart
    drive apply $W/all; cat $W/usec >>$W/load
    drive apply $W/less; cat $W/usec >>$W/change
    drive apply $W/all; cat $W/usec >>$W/change
  done
  M='0 : 10.244.0.2 . 80, 1 : 10.244.0.3 . 80, 2 : 10.244.0.4 . 80'
  { echo "table ip s { map svc { type ipv4_addr . inet_service : verdict; }"
    for i in $(seq 0 $((n-1))); do printf ' chain c%d { meta l4proto tcp dnat ip to numgen random mod 3 map { %s }\n }\n' $i "$M"; done
    printf ' chain pre { type nat hook prerouting priority dstnat;\n ip daddr . tcp dport vmap @svc\n }\n}\n'
    echo -n "add element ip s svc { "; for i in $(seq 0 $((n-1))); do echo -n "10.97.$((i/250)).$((i%250)) . 80 : goto c$i, "; done; echo "}"; } >$W/nft
  for _ in 1 2 3; do
    nft flush ruleset; t=$(now); nft -f $W/nft; echo $(($(now)-t)) >>$W/nft-load
    t=$(now); printf 'flush chain ip s c7\nadd rule ip s c7 meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.0.2 . 80, 1 : 10.244.0.4 . 80 }\n' | nft -f -
    echo $(($(now)-t)) >>$W/nft-change
  done
  echo "$n services: load ms: orch $(median <$W/load), nft $(median <$W/nft-load); change of one endpoint ms: orch $(median <$W/change), nft $(median <$W/nft-change) (wanted: at most 5)"
done
PODS=${PODS:-100}; rm -f $W/attach; P=
for i in $(seq "$PODS"); do unshare --net sleep 1000 & P="$P $!"; done; sleep 1
i=0; for p in $P; do i=$((i+1)); drive attach $p uid$i 10.244.0.$((i%250+2)); cat $W/usec >>$W/attach; done
echo "attaching $PODS pods: median $(median <$W/attach) ms each, $(awk '{s+=$1} END{printf "%.0f", s/1000}' $W/attach) ms in all"
kill $P
exec 3>&-; wait
