{{/*
Name of kube-prometheus-stack's objects. Its own template kube-prometheus-stack.fullname is not loaded when the stack is off.
Parts do not see the stack's values, so for them it is the name without overrides.
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

{{/* Namespace of that Prometheus. */}}
{{- define "espalier.prometheusNamespace" -}}
{{- .Values.global.espalier.prometheus.namespace | default .Release.Namespace -}}
{{- end }}
