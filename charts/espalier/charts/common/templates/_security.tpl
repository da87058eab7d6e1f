{{/* Security context of a pod (Pod Security "restricted"). Call: include "espalier.podSecurity" 10001 */}}
{{- define "espalier.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
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

{{/* Name of the ServiceAccount of a part's pods. */}}
{{- define "espalier.serviceAccountName" -}}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) -}}
{{- fail (printf "\n\n%s.serviceAccount.create is false, so %s.serviceAccount.name has to name an existing ServiceAccount\n" .Chart.Name .Chart.Name) -}}
{{- end -}}
{{- .Values.serviceAccount.name | default (include "espalier.fullname" .) -}}
{{- end }}

{{/* The ServiceAccount, without a token. */}}
{{- define "espalier.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "espalier.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "espalier.labels" . | nindent 4 }}
  {{- with .Values.serviceAccount.annotations }}
  annotations: {{ toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
{{- end }}
