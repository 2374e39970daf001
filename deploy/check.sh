#!/bin/sh
# Checks the workflows, the Helm chart, the Kubernetes example and the Compose example against schemas of others. It needs Go, Helm 3 or 4,
# kubectl or kustomize, and a network; .github/workflows/test.yml runs it. SCHEMAS names another place of Kubernetes' schemas.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
kubernetes=1.34.0

GOBIN="$work" go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
GOBIN="$work" go install github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
GOBIN="$work" go install github.com/compose-spec/compose-go/v2/cmd@v2.16.2
valid() {
	"$work/kubeconform" -strict -summary -kubernetes-version "$kubernetes" -schema-location "${SCHEMAS:-default}" \
		-skip Kustomization "$@"
}

echo "── workflows"
"$work/actionlint"

echo "── the chart"
chart=deploy/helm/duku
for values in "$chart/values.yaml" "$chart"/ci/*.yaml; do
	helm lint --strict --values "$values" "$chart"
	helm template duku "$chart" --namespace duku --kube-version "$kubernetes" --values "$values" >"$work/chart.yaml"
	valid "$work/chart.yaml"
done
refused() {
	if helm template duku "$chart" --kube-version "$kubernetes" "$@" >"$work/refused" 2>&1; then
		echo "the chart takes $*" >&2
		exit 1
	fi
}
refused --set replicaCount=2
refused --set database.type=postgres
refused --set database.type=postgres,database.existingSecret=duku
refused --set settings.database_url=postgres://duku:secret@database/duku
refused --set ingress.enabled=true
refused --set no.such.value=1

echo "── Kubernetes"
valid deploy/kubernetes/*.yaml
if command -v kubectl >/dev/null; then kubectl kustomize deploy/kubernetes; else kustomize build deploy/kubernetes; fi >"$work/kustomized.yaml"
valid "$work/kustomized.yaml"
valid integrations/kubernetes/*.yaml
if command -v kubectl >/dev/null; then kubectl kustomize integrations/kubernetes; else kustomize build integrations/kubernetes; fi >"$work/client.yaml"
valid "$work/client.yaml"

echo "── Compose"
"$work/cmd" deploy/compose/compose.yaml >"$work/compose.yaml"
