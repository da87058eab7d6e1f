{{/*
The stack's values cannot be templates of ours, so what it lacks is found here: without these two it would start with a
password that everybody knows, and with alerts that nobody hears.
*/}}
{{- define "espalier.requireMonitoringSecrets" -}}
{{- $stack := index .Values "kube-prometheus-stack" -}}
{{- if $stack.enabled -}}
{{- $how := "Make the Secrets of an evaluation cluster with:\n\n    make secrets\n\nand use them with: -f charts/espalier/values-kind.yaml\n" -}}
{{- if not $stack.alertmanager.alertmanagerSpec.secrets -}}
{{- fail (printf "\n\nkube-prometheus-stack.alertmanager.alertmanagerSpec.secrets is empty: it names a Secret with the keys platform-url, model-url and heartbeat-url.\n%s" $how) -}}
{{- end -}}
{{- if and (ne (toString (dig "enabled" true $stack.grafana)) "false") (not $stack.grafana.admin.existingSecret) -}}
{{- fail (printf "\n\nkube-prometheus-stack.grafana.admin.existingSecret is not set: it names a Secret with the keys admin-user and admin-password.\n%s" $how) -}}
{{- end -}}
{{- end -}}
{{- end }}
