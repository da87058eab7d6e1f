{{/* Fields that the containers of the API and of its migration share. */}}
{{- define "api.container" -}}
image: {{ include "espalier.image" . }}
imagePullPolicy: {{ include "espalier.imagePullPolicy" . }}
securityContext:
  {{- include "espalier.containerSecurity" . | nindent 2 }}
envFrom:
  - configMapRef: {name: {{ include "espalier.fullname" . }}}
  {{- with include "espalier.extraEnvFrom" . }}
  {{- . | trim | nindent 2 }}
  {{- end }}
env:
  - name: API_MODEL_VERSION # written into the pod template by the training Job; if empty, the alias is served
    valueFrom:
      fieldRef: {fieldPath: "metadata.annotations['espalier.dev/model-version']"}
  {{- with include "espalier.extraEnv" . }}
  {{- . | trim | nindent 2 }}
  {{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  - {name: secrets, mountPath: /run/secrets/api, readOnly: true}
  - {name: model-keys, mountPath: /run/secrets/model, readOnly: true}
  - {name: cache, mountPath: /var/cache/espalier}
  - {name: tmp, mountPath: /tmp}
  {{- with include "espalier.extraVolumeMounts" . }}
  {{- . | trim | nindent 2 }}
  {{- end }}
{{- end }}
