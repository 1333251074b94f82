#!/bin/sh
# Prometheus scrapes the API's own metrics and pods; VictoriaMetrics, which reads Prometheus' configuration, also finds pods, nodes,
# services and endpoints through the API (Debian's Prometheus is built without that) and scrapes what it found.
. "$(dirname "$0")/clients.sh"
PROMETHEUS="$CLIENTS/debian/prometheus/usr/bin/prometheus" VICTORIA="$CLIENTS/debian/victoria-metrics/usr/bin/victoria-metrics"
[ -x "$PROMETHEUS" ] && [ -x "$VICTORIA" ] || skip "needs prometheus and victoria-metrics: scripts/fetch-clients"
need curl
start_api
load_tools
k() { timeout 240 "$CLIENTS/1.32/kubectl" --cache-dir "$KUBECACHEDIR" "$@"; }
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
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: scraper}
rules:
- {apiGroups: [""], resources: [nodes, pods, services, endpoints], verbs: [get, list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [get, list, watch]}
- {apiGroups: [networking.k8s.io], resources: [ingresses], verbs: [get, list, watch]}
- {nonResourceURLs: [/metrics], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: scraper}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: scraper}
subjects: [{kind: ServiceAccount, name: scraper, namespace: default}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: scraper}
Y
orch apply -f "$WORK/web.yaml" >/dev/null
check "pods run" until_true 30 n_ready_is web 2

# An account with the rights that such a scraper has, no more.
k config view --raw --minify -o json | jq -r '.clusters[0].cluster."certificate-authority-data"' | base64 -d >"$WORK/ca.crt"
k create token scraper >"$WORK/token"
rights="authorization: {credentials_file: $WORK/token}
  tls_config: {ca_file: $WORK/ca.crt}"
{
  printf 'global: {scrape_interval: 1s}\nscrape_configs:\n'
  printf -- '- job_name: orch\n  scheme: https\n  %s\n  static_configs: [{targets: ["127.0.0.1:6443"]}]\n' "$rights"
} >"$WORK/own.yml"
{
  cat "$WORK/own.yml"
  printf -- '- job_name: files\n  file_sd_configs: [{files: [%s/targets.json], refresh_interval: 1s}]\n' "$WORK"
} >"$WORK/prometheus.yml"
{
  cat "$WORK/own.yml"
  for role in pod service endpoints endpointslice node ingress; do
    printf -- '- job_name: %s\n  kubernetes_sd_configs:\n  - role: %s\n    api_server: https://127.0.0.1:6443\n    bearer_token_file: %s\n    tls_config: {ca_file: %s}\n' \
      $role $role "$WORK/token" "$WORK/ca.crt"
  done
} >"$WORK/victoria.yml"
k get pods -l app=web -o json | jq '[{targets: [.items[].status.podIP + ":8080"]}]' >"$WORK/targets.json"

"$PROMETHEUS" --config.file="$WORK/prometheus.yml" --storage.tsdb.path="$WORK/tsdb" --web.listen-address=127.0.0.1:9090 >"$WORK/prometheus.log" 2>&1 &
PROMETHEUS_PID=$!
"$VICTORIA" -promscrape.config="$WORK/victoria.yml" -storageDataPath="$WORK/victoria" -httpListenAddr=127.0.0.1:8428 -memory.allowedBytes=67108864 \
  -search.latencyOffset=0s -promscrape.kubernetesSDCheckInterval=1s >"$WORK/victoria.log" 2>&1 &
VICTORIA_PID=$!
asked() { curl -sf -G "http://127.0.0.1:$1/api/v1/query" --data-urlencode "query=$2"; }
value_is() { [ "$(asked "$1" "$2" | jq -r '.data.result[0].value[1] // "none"')" = "$3" ]; }
tell() {
  tail -20 "$WORK/prometheus.log" "$WORK/victoria.log" >&2
  for port in 9090 8428; do curl -s "http://127.0.0.1:$port/api/v1/targets" | jq -c '.data.activeTargets[] | [.scrapePool, .scrapeUrl, .health, .lastError]' >&2; done
}
check_asked() { until_true 30 value_is "$2" "$3" "$4" || { tell; fail "$1"; }; echo "ok - $1"; }
check_asked "Prometheus scrapes the API's own metrics" 9090 'up{job="orch"}' 1
check_asked "they count requests" 9090 'count(sum by (verb) (apiserver_request_total{verb="LIST"}) > 0)' 1
check_asked "they tell how many objects there are" 9090 'apiserver_storage_objects{resource="deployments.apps"}' 1
check_asked "Prometheus scrapes pods" 9090 'count(up_and_running == 42)' 2
check_asked "pods are found through the API and scraped" 8428 'count(up_and_running{job="pod"} == 42)' 2
check_asked "endpoints, too" 8428 'count(up_and_running{job="endpoints"} == 42)' 2
check_asked "endpoint slices, too" 8428 'count(up_and_running{job="endpointslice"} == 42)' 2
found() { curl -sf http://127.0.0.1:8428/api/v1/targets | jq -e ".data.activeTargets[] | select(.labels.job == \"$1\")" >/dev/null; }
check "nodes are found" until_true 20 found node
check "services are found" until_true 20 found service
orch scale deployment web --replicas=3 >/dev/null
check_asked "a new pod is found by watching" 8428 'count(up_and_running{job="pod"} == 42)' 3
orch delete deployment web >/dev/null
gone() { ! found pod; }
check "pods that went are forgotten" until_true 30 gone
kill "$PROMETHEUS_PID" "$VICTORIA_PID"
wait "$PROMETHEUS_PID" "$VICTORIA_PID" 2>/dev/null || true
stop_cluster
