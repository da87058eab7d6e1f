{{/*
The stack's values cannot be templates of ours, so what it lacks is found here: without these two it would start with a
password that everybody knows, and with alerts that nobody hears.
*/}}
{{- define "espalier.requireMonitoringSecrets" -}}
{{- $stack := index .Values "kube-prometheus-stack" -}}
{{- if $stack.enabled -}}
{{- $how := "Make the Secrets of an evaluation cluster with:\n\n    make secrets\n\nand use them with: -f charts/espalier/values-kind.yaml\n" -}}
{{- if and (ne (toString (dig "enabled" true $stack.alertmanager)) "false") (not $stack.alertmanager.alertmanagerSpec.secrets) -}}
{{- fail (printf "\n\nkube-prometheus-stack.alertmanager.alertmanagerSpec.secrets is empty: it names a Secret with the keys platform-url, model-url and heartbeat-url.\n%s" $how) -}}
{{- end -}}
{{- if and (ne (toString (dig "enabled" true $stack.grafana)) "false") (not $stack.grafana.admin.existingSecret) -}}
{{- fail (printf "\n\nkube-prometheus-stack.grafana.admin.existingSecret is not set: it names a Secret with the keys admin-user and admin-password.\n%s" $how) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
What kube-prometheus-stack calls its objects (its own template kube-prometheus-stack.fullname, which is not loaded without
it). Parts do not see the stack's values; from them this is the name without overrides.
*/}}
{{- define "espalier.stackFullname" -}}
{{- $stack := index .Values "kube-prometheus-stack" | default dict -}}
{{- $name := $stack.nameOverride | default "kube-prometheus-stack" -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- $stack.fullnameOverride | default $full | trunc 26 | trimSuffix "-" -}}
{{- end }}

{{/* Name of the stack's Prometheus or Alertmanager object. Call: (list . "prometheus") */}}
{{- define "espalier.stackObject" -}}
{{- $stack := index (index . 0).Values "kube-prometheus-stack" | default dict -}}
{{- $name := include "espalier.stackFullname" (index . 0) -}}
{{- ternary $name (printf "%s-%s" $name (index . 1)) (default false $stack.cleanPrometheusOperatorObjectNames) -}}
{{- end }}

{{/* Name of the Prometheus object whose pods may read the metrics: their label app.kubernetes.io/instance. */}}
{{- define "espalier.prometheusInstance" -}}
{{- .Values.global.espalier.prometheus.instance | default (include "espalier.stackObject" (list . "prometheus")) -}}
{{- end }}

{{- define "espalier.prometheusNamespace" -}}
{{- .Values.global.espalier.prometheus.namespace | default .Release.Namespace -}}
{{- end }}

{{/* Parts cannot see that the stack's names are overridden, and would shut its Prometheus out. */}}
{{- define "espalier.requirePrometheusName" -}}
{{- if index .Values "kube-prometheus-stack" "enabled" -}}
{{- $name := include "espalier.stackObject" (list . "prometheus") -}}
{{- $plain := include "espalier.prometheusInstance" (dict "Values" (dict "global" .Values.global) "Release" .Release) -}}
{{- if ne $name $plain -}}
{{- fail (printf "\n\nthe Prometheus of kube-prometheus-stack is called %s here, and the API's metrics are open to %s:\nset global.espalier.prometheus.instance=%s\n" $name $plain $name) -}}
{{- end -}}
{{- end -}}
{{- end }}
