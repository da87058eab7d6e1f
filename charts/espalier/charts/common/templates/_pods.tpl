{{/* Labels of a pod template: the selector's, and the user's. */}}
{{- define "espalier.podTemplateLabels" -}}
{{ include "espalier.podLabels" . }}
{{- with .Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The user's annotations of a pod template; empty if there are none. */}}
{{- define "espalier.podAnnotations" -}}
{{- with .Values.podAnnotations }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* Fields that the pod spec of every part has: pull secrets, runtime class, priority, placement on nodes. */}}
{{- define "espalier.podPlacement" -}}
{{- with .Values.global.espalier.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
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
