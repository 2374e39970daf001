{{- define "duku.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "duku.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "duku.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "duku.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "duku.selector" -}}
app.kubernetes.io/name: {{ include "duku.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "duku.labels" -}}
{{ include "duku.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "duku.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "duku.claim" -}}
{{- default (include "duku.fullname" .) .Values.persistence.existingClaim }}
{{- end }}

{{- /* The host names of the URLs, each once, as JSON. */ -}}
{{- define "duku.hosts" -}}
{{- $hosts := list }}
{{- range list .Values.urls.public .Values.urls.auth .Values.urls.viewport }}
{{- with . }}{{ $hosts = append $hosts (urlParse .).hostname }}{{ end }}
{{- end }}
{{- $hosts | uniq | toJson }}
{{- end }}

{{- /* What values.schema.json cannot say. */ -}}
{{- define "duku.check" -}}
{{- if eq .Values.database.type "sqlite" }}
{{- if gt (int .Values.replicaCount) 1 }}
{{- fail "SQLite takes one node: set replicaCount to 1, or database.type to postgres" }}
{{- end }}
{{- else }}
{{- if not .Values.database.existingSecret }}
{{- fail "database.type is postgres: set database.existingSecret to the Secret that holds the database's URL" }}
{{- end }}
{{- if not .Values.masterKey.existingSecret }}
{{- fail "database.type is postgres: set masterKey.existingSecret to the Secret that holds the master key" }}
{{- end }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.urls.public) }}
{{- fail "ingress.enabled needs urls.public" }}
{{- end }}
{{- end }}
