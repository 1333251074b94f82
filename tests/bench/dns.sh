#!/bin/bash
# orch-dns beside knotd and dnsmasq: 1,000 names, each server on core 0, dnsperf on core 1, interleaved rounds in one run.
# CPU time per query is what counts: dnsperf itself tops out first. As root: tests/bench/dns.sh; ROUNDS and SEC to change it.
set -eu
: "${ORCH_BUILD:?set ORCH_BUILD to a build folder (buildtype=release)}"
if [ "${IN_NAMESPACE:-}" != 1 ]; then
  IN_NAMESPACE=1 exec unshare --net --mount --pid --fork --mount-proc --kill-child --propagation private bash "$0" "$@"
fi
ip link set lo up
mount -t tmpfs tmpfs /run
D=/run/dns; mkdir -p $D/knot; chmod 755 $D; ZONE=default.svc.cluster.local
for i in $(seq 0 999); do echo "10.96.$((i/250)).$((i%250+1)) tcp 80 random 10.244.0.2:80"; done >$D/services
echo "names $D/services $D/snapshot" | "$ORCH_BUILD/tests/system/network-drive" >/dev/null
i=0; while read -r ip _; do echo "$ip svc$i.$ZONE"; i=$((i+1)); done <$D/services >$D/hosts
for i in $(seq 1000); do echo "svc$((RANDOM%1000)).$ZONE A"; done >$D/queries
{ echo "\$TTL 5"; echo "@ SOA ns.$ZONE. a.$ZONE. 1 1 1 1 1"; echo "@ NS ns.$ZONE."; echo "ns A 127.0.0.1"
  while read -r ip name; do echo "$name. A $ip"; done <$D/hosts; } >$D/zone
cat >$D/knot.conf <<C
server:
    rundir: $D/knot
    listen: 127.0.0.1@5302
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: $D/knot
log:
  - target: stderr
    any: error
zone:
  - domain: $ZONE
    file: $D/zone
    zonefile-load: whole
    journal-content: none
C
declare -A pid port=([orch-dns]=5301 [knotd]=5302 [dnsmasq]=5303)
taskset -c 0 "$ORCH_BUILD/daemon/dns/orch-dns" --snapshot $D/snapshot --listen 127.0.0.1:5301 2>$D/orch.log & pid[orch-dns]=$!
taskset -c 0 knotd -c $D/knot.conf >$D/knot.log 2>&1 & pid[knotd]=$!
taskset -c 0 dnsmasq -k -p 5303 --listen-address=127.0.0.1 --bind-interfaces -h -R --addn-hosts=$D/hosts --local=/$ZONE/ --local-ttl=5 \
  --user=root --dns-forward-max=1000 -x $D/dnsmasq.pid >$D/dnsmasq.log 2>&1 & pid[dnsmasq]=$!
sleep 2
cpu_ns() { cat /proc/"$1"/task/*/schedstat | awk '{s+=$1} END{printf "%.0f", s}'; }
median() { sort -n | awk '{a[NR]=$1} END{print a[int((NR+1)/2)]}'; }
for _ in $(seq "${ROUNDS:-3}"); do for s in orch-dns knotd dnsmasq; do
  c0=$(cpu_ns ${pid[$s]})
  taskset -c 1 dnsperf -s 127.0.0.1 -p ${port[$s]} -d $D/queries -l "${SEC:-4}" -c 4 -q 64 -t 2 >$D/out 2>&1
  c1=$(cpu_ns ${pid[$s]})
  grep -q 'NOERROR.*100.00' $D/out || { echo "$s did not answer all:"; grep -E 'Response codes|lost' $D/out; }
  awk -v c=$((c1-c0)) '/Queries completed/{printf "%.3f\n", c/1000/$3}' $D/out >>$D/$s.cpu
  awk '/Queries per second/{print $4}' $D/out >>$D/$s.qps
done; done
knot=$(median <$D/knotd.cpu)
printf '%-10s %14s %14s %12s %10s\n' server "CPU us/query" "ratio to Knot" "queries/s" "PSS KiB"
for s in orch-dns knotd dnsmasq; do
  u=$(median <$D/$s.cpu)
  printf '%-10s %14s %14s %12.0f %10s\n' $s "$u" "$(awk -v a="$knot" -v b="$u" 'BEGIN{printf "%.2f", a/b}')" "$(median <$D/$s.qps)" \
    "$(awk '/^Pss:/{print $2}' /proc/${pid[$s]}/smaps_rollup)"
done
echo "wanted: ratio at least 0.90"
kill "${pid[@]}"
