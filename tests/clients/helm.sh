#!/bin/sh
# helm: install, upgrade, rollback, uninstall of a chart: helm.sh VERSION-OF-THE-BUNDLE [record]
. "$(dirname "$0")/clients.sh"
HELM="$CLIENTS/$1/helm"
[ -x "$HELM" ] || skip "needs helm: scripts/fetch-clients"
start_api
load_tools
[ "${2:-}" != record ] || record
chmod 600 "$KUBECONFIG"
h() { timeout 400 "$HELM" "$@"; }
cp -r "$HERE/chart" "$WORK/chart"
web_json() { orch get deployment shop-web -o json | jq -r "$1"; }

says "version" "v" h version --short
says "lint" "0 chart(s) failed" h lint "$WORK/chart"
says "template" "kind: Deployment" h template shop "$WORK/chart"
says "install waits until all runs" "STATUS: deployed" h install shop "$WORK/chart" --wait --timeout 180s
check "the deployment is ready" [ "$(web_json .status.readyReplicas)" = 2 ]
check "hooks ran before" orch get configmap shop-before
says "list" "shop" h list
says "status" "STATUS: deployed" h status shop
says "get manifest" "kind: Service" h get manifest shop
says "get values" "replicas: 2" h get values shop -a
says "upgrade" "REVISION: 2" h upgrade shop "$WORK/chart" --set replicas=3,message=second --wait --timeout 180s
check "it changed" [ "$(web_json .spec.replicas)" = 3 ]
check "the ConfigMap too" [ "$(orch get configmap shop-web -o json | jq -r .data.message)" = second ]
says "an upgrade that takes a part away" "REVISION: 3" h upgrade shop "$WORK/chart" --set service=false --wait --timeout 180s
fails "the Service is gone" "not found" orch get service shop-web
fails "a bad upgrade is refused" "must be greater than or equal to 0" h upgrade shop "$WORK/chart" --set replicas=-1
says "history" "superseded" h history shop
says "rollback" "Rollback was a success" h rollback shop 2 --wait --timeout 180s
check "it is as it was" [ "$(web_json .spec.replicas)" = 3 ]
check "the Service is back" orch get service shop-web
says "upgrade --install of another" "STATUS: deployed" h upgrade --install other "$WORK/chart" --set replicas=1 --wait --timeout 180s
says "uninstall" "uninstalled" h uninstall shop --wait --timeout 180s
fails "nothing of it stays" "not found" orch get deployment shop-web
check "the other stays" orch get deployment other-web
says "uninstall the other" "uninstalled" h uninstall other --wait --timeout 180s
[ "${2:-}" != record ] || stop_recorder 50
stop_cluster
