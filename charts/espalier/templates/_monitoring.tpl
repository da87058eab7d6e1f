{{/*
Checks the values of kube-prometheus-stack, which cannot be templates. Without these two Secrets, Grafana would start with the
default password of its chart, and no alert would be delivered.
*/}}
{{- define "espalier.requireMonitoringSecrets" -}}
{{- $stack := index .Values "kube-prometheus-stack" -}}
{{- if $stack.enabled -}}
{{- $how := "Make the Secrets of an evaluation cluster with:\n\n    make secrets\n\nand use them with: -f charts/espalier/values-kind.yaml\n" -}}
{{- if and (ne (toString (dig "enabled" true $stack.alertmanager)) "false") (not $stack.alertmanager.alertmanagerSpec.secrets) -}}
{{- fail (printf "\n\nkube-prometheus-stack.alertmanager.alertmanagerSpec.secrets is empty: the name of a Secret with the keys platform-url, model-url and heartbeat-url.\n%s" $how) -}}
{{- end -}}
{{- if and (ne (toString (dig "enabled" true $stack.grafana)) "false") (not $stack.grafana.admin.existingSecret) -}}
{{- fail (printf "\n\nkube-prometheus-stack.grafana.admin.existingSecret is not set: the name of a Secret with the keys admin-user and admin-password.\n%s" $how) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
Fails where the stack's Prometheus has another name than the parts assume: they do not see the stack's name overrides, and their
NetworkPolicies would block it.
*/}}
{{- define "espalier.requirePrometheusName" -}}
{{- if index .Values "kube-prometheus-stack" "enabled" -}}
{{- $name := include "espalier.stackObject" (list . "prometheus") -}}
{{- $assumed := include "espalier.prometheusInstance" (dict "Values" (dict "global" .Values.global) "Release" .Release) -}}
{{- if ne $name $assumed -}}
{{- fail (printf "\n\nthe Prometheus of kube-prometheus-stack is called %s here, but the NetworkPolicies let only %s read the API's metrics:\nset global.espalier.prometheus.instance=%s\n" $name $assumed $name) -}}
{{- end -}}
{{- end -}}
{{- end }}
