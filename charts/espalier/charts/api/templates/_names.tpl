{{/* Host names that the API accepts. */}}
{{- define "api.allowedHosts" -}}
{{- $name := include "espalier.fullname" . -}}
{{- $hosts := list $name (printf "%s.%s" $name .Release.Namespace) (printf "%s.%s.svc" $name .Release.Namespace) (printf "%s.%s.svc.cluster.local" $name .Release.Namespace) "localhost" -}}
{{- if .Values.ingress.enabled }}{{ $hosts = append $hosts (required "api.ingress.host is not set: the host name of the API" .Values.ingress.host) }}{{ end -}}
{{- if .Values.httpRoute.enabled }}{{ $hosts = concat $hosts .Values.httpRoute.hostnames }}{{ end -}}
{{- concat $hosts .Values.server.extraAllowedHosts | uniq | join "," -}}
{{- end }}

{{/* Proxies whose X-Forwarded-For is trusted. Without an ingress there are none. */}}
{{- define "api.forwardedAllowIps" -}}
{{- $addresses := .Values.server.forwardedAllowIps -}}
{{- if and (not $addresses) (or .Values.ingress.enabled .Values.httpRoute.enabled) -}}
{{- fail "\n\napi.server.forwardedAllowIps is not set: the addresses of the ingress controller's (or Gateway's) pods. The API trusts their\nX-Forwarded-For when it throttles and logs clients, so a client that connects from one of them can impersonate any client.\nList as few as possible. Find them with:\n\n    kubectl get pods --all-namespaces -o wide | grep -i -E 'ingress|traefik|gateway|envoy'\n\nand set them, or a network that contains only these pods, for example: --set api.server.forwardedAllowIps=10.20.30.0/28\n" -}}
{{- end -}}
{{- $addresses | default "127.0.0.1" -}}
{{- end }}

{{/* Paths of mounted keys. Call: (list "/run/secrets/model" .Values.model.publicKeys) */}}
{{- define "api.paths" -}}
{{- $folder := index . 0 -}}
{{- $paths := list -}}
{{- range index . 1 }}{{ $paths = append $paths (printf "%s/%s" $folder .) }}{{ end -}}
{{- join "," $paths -}}
{{- end }}

{{- define "api.tlsSecret" -}}
{{- .Values.ingress.tls.existingSecret | required "api.ingress.tls.existingSecret is not set: a Secret of type kubernetes.io/tls, or the name of the Secret that cert-manager writes (make secrets creates one for evaluation)" -}}
{{- end }}

{{/* Labels of helm test's pod. The name is not "api", so that no Service selects it. */}}
{{- define "api.smokeSelector" -}}
app.kubernetes.io/name: api-smoke
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
