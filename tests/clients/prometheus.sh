#!/bin/sh
# Prometheus finds pods, nodes, services and endpoints through the API and scrapes what it found.
. "$(dirname "$0")/clients.sh"
PROMETHEUS="$CLIENTS/debian/prometheus/usr/bin/prometheus"
[ -x "$PROMETHEUS" ] || skip "needs prometheus: scripts/fetch-clients"
need curl
start_api
load_tools
printf 'up_and_running 42\n' >"$WORK/tools/www/metrics"
"$SRC/scripts/make-image" metrics:1.0 "$WORK/tools" "$WORK/metrics.tar" /bin/sh -c "httpd -f -p 8080 -h /www"
orch image load "$WORK/metrics.tar" >/dev/null
cat >"$WORK/web.yaml" <<'Y'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: c, image: "metrics:1.0", ports: [{containerPort: 8080, name: http}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
Y
orch apply -f "$WORK/web.yaml" >/dev/null
check "pods run" until_true 30 n_ready_is web 2
{
  printf 'global: {scrape_interval: 1s}\nscrape_configs:\n'
  for role in pod service endpoints endpointslice node ingress; do
    printf -- '- job_name: %s\n  kubernetes_sd_configs: [{role: %s, kubeconfig_file: %s}]\n' $role $role "$KUBECONFIG"
    [ $role != service ] || printf '  metrics_path: /metrics\n'
  done
  printf -- '- job_name: orch\n  scheme: https\n  tls_config: {ca_file: %s/ca.crt, cert_file: %s/admin.crt, key_file: %s/admin.key}\n  static_configs: [{targets: ["127.0.0.1:6443"]}]\n' \
    "$WORK" "$WORK" "$WORK"
} >"$WORK/prometheus.yml"
"$CLIENTS/1.32/kubectl" config view --raw --minify -o json >"$WORK/admin.json"
jq -r '.clusters[0].cluster."certificate-authority-data"' "$WORK/admin.json" | base64 -d >"$WORK/ca.crt"
jq -r '.users[0].user."client-certificate-data"' "$WORK/admin.json" | base64 -d >"$WORK/admin.crt"
jq -r '.users[0].user."client-key-data"' "$WORK/admin.json" | base64 -d >"$WORK/admin.key"
"$PROMETHEUS" --config.file="$WORK/prometheus.yml" --storage.tsdb.path="$WORK/tsdb" --web.listen-address=127.0.0.1:9090 >"$WORK/prometheus.log" 2>&1 &
PROMETHEUS_PID=$!
asked() { curl -sf -G http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$1"; }
value_is() { [ "$(asked "$1" | jq -r '.data.result[0].value[1] // "none"')" = "$2" ]; }
tell() { tail -20 "$WORK/prometheus.log" >&2; curl -s 'http://127.0.0.1:9090/api/v1/targets' | jq -c '.data.activeTargets[] | [.scrapePool, .scrapeUrl, .health, .lastError]' >&2; }
check_asked() { until_true 30 value_is "$2" "$3" || { tell; fail "$1"; }; echo "ok - $1"; }
check_asked "pods are found and scraped" 'count(up_and_running{job="pod"} == 42)' 2
check_asked "endpoints, too" 'count(up_and_running{job="endpoints"} == 42)' 2
check_asked "endpoint slices, too" 'count(up_and_running{job="endpointslice"} == 42)' 2
check_asked "the API's own metrics are scraped" 'up{job="orch"}' 1
check_asked "they count requests" 'count(sum by (verb) (apiserver_request_total{verb="LIST"}) > 0)' 1
found() { curl -sf http://127.0.0.1:9090/api/v1/targets | jq -e ".data.activeTargets[] | select(.scrapePool == \"$1\")" >/dev/null; }
check "nodes are found" until_true 20 found node
check "services are found" until_true 20 found service
orch scale deployment web --replicas=3 >/dev/null
check_asked "a new pod is found by watching" 'count(up_and_running{job="pod"} == 42)' 3
check "without an error from discovery" sh -c '! grep -E "level=error.*(discovery|kubernetes)" "$1"' "$0" "$WORK/prometheus.log"
kill "$PROMETHEUS_PID"
wait "$PROMETHEUS_PID" 2>/dev/null || true
stop_cluster
