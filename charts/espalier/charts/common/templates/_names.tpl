{{/* Name of a part's objects: <release>-<part>. */}}
{{- define "espalier.fullname" -}}
{{- include "espalier.sibling" (list . .Chart.Name) -}}
{{- end }}

{{/* Name of another part's objects. Call: include "espalier.sibling" (list . "mlflow") */}}
{{- define "espalier.sibling" -}}
{{- $root := index . 0 -}}
{{- if gt (len $root.Release.Name) 40 -}}
{{- fail (printf "the release name %q is longer than 40 characters, and object names made from it would be too long" $root.Release.Name) -}}
{{- end -}}
{{- printf "%s-%s" $root.Release.Name (index . 1) -}}
{{- end }}

{{/*
Distinguishes this release from all others in the cluster, for names of objects without a namespace. Namespace and release
joined by a hyphen are ambiguous: release a-b in namespace c, and release b in namespace c-a. No name contains a slash.
*/}}
{{- define "espalier.releaseHash" -}}
{{- printf "%s/%s" .Release.Namespace .Release.Name | sha256sum | trunc 8 -}}
{{- end }}

{{/* Labels that select the pods of a part. No upgrade changes them. */}}
{{- define "espalier.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "espalier.podLabels" -}}
{{ include "espalier.selector" . }}
app.kubernetes.io/part-of: espalier
{{- end }}

{{- define "espalier.labels" -}}
{{ include "espalier.podLabels" . }}
app.kubernetes.io/component: {{ .Chart.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "espalier.metadata" -}}
name: {{ include "espalier.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "espalier.labels" . | nindent 2 }}
{{- end }}

{{/* A string of values.yaml that may contain {{ .Release.Name }}. Call: (list . .Values.some.string) */}}
{{- define "espalier.text" -}}
{{- tpl (index . 1) (index . 0) -}}
{{- end }}
