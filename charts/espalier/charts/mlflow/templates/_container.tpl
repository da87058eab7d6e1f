{{/* Fields that the containers of the server and of its database upgrade share. */}}
{{- define "mlflow.container" -}}
image: {{ include "espalier.image" . }}
imagePullPolicy: {{ include "espalier.imagePullPolicy" . }}
securityContext:
  {{- include "espalier.containerSecurity" . | nindent 2 }}
envFrom:
  - configMapRef: {name: {{ include "espalier.fullname" . }}}
  {{- with include "espalier.extraEnvFrom" . }}
  {{- . | trim | nindent 2 }}
  {{- end }}
{{- with include "espalier.extraEnv" . }}
env:
  {{- . | trim | nindent 2 }}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  - {name: secrets, mountPath: /run/secrets/mlflow, readOnly: true}
  - {name: tmp, mountPath: /tmp}
  {{- with include "espalier.extraVolumeMounts" . }}
  {{- . | trim | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Host names that the server accepts, with the port, as clients send them. */}}
{{- define "mlflow.allowedHosts" -}}
{{- $name := include "espalier.fullname" . -}}
{{- $hosts := list "localhost:5000" -}}
{{- range list $name (printf "%s.%s" $name .Release.Namespace) (printf "%s.%s.svc" $name .Release.Namespace) (printf "%s.%s.svc.cluster.local" $name .Release.Namespace) -}}
{{- $hosts = append $hosts (printf "%s:5000" .) -}}
{{- end -}}
{{- concat $hosts .Values.extraAllowedHosts | join "," -}}
{{- end }}
