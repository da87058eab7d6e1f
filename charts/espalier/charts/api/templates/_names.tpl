{{/* Every name that a request may ask for. */}}
{{- define "api.allowedHosts" -}}
{{- $name := include "espalier.fullname" . -}}
{{- $hosts := list $name (printf "%s.%s" $name .Release.Namespace) (printf "%s.%s.svc" $name .Release.Namespace) (printf "%s.%s.svc.cluster.local" $name .Release.Namespace) "localhost" -}}
{{- if .Values.ingress.enabled }}{{ $hosts = append $hosts (required "api.ingress.host is not set: the host name of the API" .Values.ingress.host) }}{{ end -}}
{{- if .Values.httpRoute.enabled }}{{ $hosts = concat $hosts .Values.httpRoute.hostnames }}{{ end -}}
{{- concat $hosts .Values.server.extraAllowedHosts | uniq | join "," -}}
{{- end }}

{{/* Proxies whose X-Forwarded-For is believed. Without an ingress there are none. */}}
{{- define "api.forwardedAllowIps" -}}
{{- $given := .Values.server.forwardedAllowIps -}}
{{- if and (not $given) (or .Values.ingress.enabled .Values.httpRoute.enabled) -}}
{{- fail "\n\napi.server.forwardedAllowIps is not set: the addresses of the ingress controller's (or Gateway's) pods, whose X-Forwarded-For the API\nbelieves when it throttles and logs clients. As narrow as you can: whoever connects from there can pass for any client. Find them with:\n\n    kubectl get pods --all-namespaces -o wide | grep -i -E 'ingress|traefik|gateway|envoy'\n\nand set them, or a network that only these pods are in, such as: --set api.server.forwardedAllowIps=10.20.30.0/28\n" -}}
{{- end -}}
{{- $given | default "127.0.0.1" -}}
{{- end }}

{{/* Paths of mounted keys. Call: (list "/run/secrets/model" .Values.model.publicKeys) */}}
{{- define "api.paths" -}}
{{- $folder := index . 0 -}}
{{- $paths := list -}}
{{- range index . 1 }}{{ $paths = append $paths (printf "%s/%s" $folder .) }}{{ end -}}
{{- join "," $paths -}}
{{- end }}

{{- define "api.tlsSecret" -}}
{{- .Values.ingress.tls.existingSecret | required "api.ingress.tls.existingSecret is not set: a Secret of type kubernetes.io/tls, or the name that cert-manager gives one (make secrets makes one for evaluation)" -}}
{{- end }}

{{/* The pod of helm test: not "api", for no Service may select it. */}}
{{- define "api.smokeSelector" -}}
app.kubernetes.io/name: api-smoke
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
