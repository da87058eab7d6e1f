{{/* Items of `env`: the CA bundle's, and the user's. They come after the part's own. */}}
{{- define "espalier.extraEnv" -}}
{{- include "espalier.caBundleEnv" . }}
{{- with .Values.extraEnv }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end }}

{{/* Items of `envFrom`. */}}
{{- define "espalier.extraEnvFrom" -}}
{{- with .Values.extraEnvFrom }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end }}

{{/* Items of `volumeMounts`: the CA bundle's, and the user's. */}}
{{- define "espalier.extraVolumeMounts" -}}
{{- if include "espalier.caBundleVolume" . }}
- {name: ca-bundle, mountPath: /etc/espalier/ca, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end }}

{{/* Items of `volumes`: the CA bundle's, and the user's. */}}
{{- define "espalier.extraVolumes" -}}
{{- include "espalier.caBundleVolume" . }}
{{- with .Values.extraVolumes }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end }}

{{/* The volume with the trusted certificate authorities; empty if no bundle is set. */}}
{{- define "espalier.caBundleVolume" -}}
{{- with .Values.global.espalier.caBundle }}
{{- if and .configMap .secret -}}
{{- fail "\n\nglobal.espalier.caBundle names a ConfigMap and a Secret: set only one of them\n" -}}
{{- end }}
{{- if .configMap }}
- name: ca-bundle
  configMap: {name: {{ .configMap }}, items: [{key: {{ .key }}, path: ca.crt}]}
{{- else if .secret }}
- name: ca-bundle
  secret: {secretName: {{ .secret }}, defaultMode: 0440, items: [{key: {{ .key }}, path: ca.crt}]}
{{- end }}
{{- end }}
{{- end }}

{{/*
Variables from which programs read the bundle's path: OpenSSL and httpx, requests (MLflow's client), boto and DVC's S3
client, libpq (with sslmode=verify-ca or verify-full in the URL).
*/}}
{{- define "espalier.caBundleEnv" -}}
{{- if include "espalier.caBundleVolume" . }}
{{- range list "SSL_CERT_FILE" "REQUESTS_CA_BUNDLE" "AWS_CA_BUNDLE" "PGSSLROOTCERT" }}
- {name: {{ . }}, value: /etc/espalier/ca/ca.crt}
{{- end }}
{{- end }}
{{- end }}
