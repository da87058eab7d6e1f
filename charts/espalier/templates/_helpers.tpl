{{/*
What every part shares. Templates are global in Helm: the subcharts in charts/ call these, and are rendered with this
chart only.
*/}}

{{/* Name of every object of a part: <release>-<part>. */}}
{{- define "espalier.fullname" -}}
{{- include "espalier.sibling" (list . .Chart.Name) -}}
{{- end }}

{{/* Name of another part's objects. Call: include "espalier.sibling" (list . "mlflow") */}}
{{- define "espalier.sibling" -}}
{{- $root := index . 0 -}}
{{- if gt (len $root.Release.Name) 40 -}}
{{- fail (printf "the release name %q is longer than 40 characters, and names made of it would be too long" $root.Release.Name) -}}
{{- end -}}
{{- printf "%s-%s" $root.Release.Name (index . 1) -}}
{{- end }}

{{/* What selects the pods of a part, and nothing that an upgrade could change. */}}
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

{{/* The name of an existing Secret, or a failure that tells how to make it. Call: (list . "existingSecret" "jwt.key.pem") */}}
{{- define "espalier.secret" -}}
{{- $root := index . 0 -}}
{{- $value := $root.Values -}}
{{- range splitList "." (index . 1) }}{{ $value = index $value . }}{{ end -}}
{{- if not $value -}}
{{- fail (printf "\n\n%s.%s is not set: it names a Secret with %s.\nMake the Secrets of an evaluation cluster with:\n\n    make secrets\n\nand use them with: -f charts/espalier/values-kind.yaml\n" $root.Chart.Name (index . 1) (index . 2)) -}}
{{- end -}}
{{- $value -}}
{{- end }}

{{/* A string of values.yaml that may hold {{ .Release.Name }}. Call: (list . .Values.some.string) */}}
{{- define "espalier.text" -}}
{{- tpl (index . 1) (index . 0) -}}
{{- end }}

{{/* Our images have the registry in front, and the chart's appVersion for a tag; a digest wins over a tag. */}}
{{- define "espalier.image" -}}
{{- $image := .Values.image -}}
{{- $registry := ternary (.Values.global.imageRegistry | default "") "" (hasPrefix "espalier/" $image.repository) -}}
{{- $name := ternary (printf "%s/%s" $registry $image.repository) $image.repository (ne $registry "") -}}
{{- if $image.digest }}{{ printf "%s@%s" $name $image.digest }}{{ else }}{{ printf "%s:%s" $name ($image.tag | default .Chart.AppVersion) }}{{ end -}}
{{- end }}

{{/* Pod Security "restricted". Call: (list . 10001) */}}
{{- define "espalier.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ index . 1 }}
runAsGroup: {{ index . 1 }}
fsGroup: {{ index . 1 }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "espalier.containerSecurity" -}}
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What a pod spec has in every part. */}}
{{- define "espalier.podPlacement" -}}
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Egress to the cluster's name server. */}}
{{- define "espalier.dnsEgress" -}}
- to: {{ toYaml .Values.global.networkPolicy.dns | nindent 4 }}
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end }}

{{/* One rule to peers. Call: (list . .Values.networkPolicy.mlflow) with {to: [...], ports: [...]} */}}
{{- define "espalier.egress" -}}
{{- $root := index . 0 -}}
{{- $rule := index . 1 -}}
{{- if $rule.to -}}
- to: {{ tpl (toYaml $rule.to) $root | nindent 4 }}
  ports:
    {{- range $rule.ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- else -}}
- ports:
    {{- range $rule.ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end -}}
{{- end }}
