{{/*
The containers of training pods. Their mounts separate them: only the gate has the signing key and the account's token, and
of the volume that the training container writes it mounts only one folder of data files, read-only.
*/}}

{{/* Fields that all of them share. Call: (dict "root" . "name" "gate" "args" list "configMaps" list "resources" dict "env" list) */}}
{{- define "training.container" -}}
{{- $root := .root -}}
- name: {{ .name }}
  image: {{ include "espalier.image" $root }}
  imagePullPolicy: {{ include "espalier.imagePullPolicy" $root }}
  args: [{{ join ", " .args }}]
  securityContext:
    {{- include "espalier.containerSecurity" $root | nindent 4 }}
  envFrom: # addresses and other settings from the chart's values
    {{- range .configMaps }}
    - configMapRef: {name: {{ . }}}
    {{- end }}
    {{- with include "espalier.extraEnvFrom" $root }}
    {{- . | trim | nindent 4 }}
    {{- end }}
  {{- with trim (printf "%s\n%s" (include "espalier.extraEnv" $root | trim) (.env | default "")) }}
  env:
    {{- . | nindent 4 }}
  {{- end }}
  resources:
    {{- toYaml .resources | nindent 4 }}
  volumeMounts:
    {{- .mounts | nindent 4 }}
    - {name: data, mountPath: /etc/espalier/training, readOnly: true}
    {{- with include "espalier.extraVolumeMounts" $root }}
    {{- . | trim | nindent 4 }}
    {{- end }}
{{- end }}

{{/*
A container that reads the data remote: it has the S3 credentials, but neither key nor token. Call:
(list . "training" args mounts), with the mounts that only this container has, as text
*/}}
{{- define "training.container.data" -}}
{{- $root := index . 0 -}}
{{- $name := include "espalier.fullname" $root -}}
{{- $env := "" -}}
{{- $mounts := printf "%s\n%s" (include "training.mounts.data" $root) (index . 3) | trim -}}
{{- with $root.Values.remote.extraEnv }}{{ $env = tpl (toYaml .) $root }}{{ end -}}
{{- if and (eq (index . 1) "training") $root.Values.checkpoints.enabled }}
{{- $env = printf "%s\n- {name: PIPELINE_CHECKPOINT_FOLDER, value: /checkpoints}" $env | trim }}
{{- $mounts = printf "%s\n- {name: checkpoints, mountPath: /checkpoints}" $mounts }}
{{- end }}
{{- include "training.container" (dict "root" $root "name" (index . 1) "args" (index . 2) "env" $env
  "configMaps" (list $name (printf "%s-remote" $name)) "resources" $root.Values.resources
  "mounts" $mounts) -}}
{{- end }}

{{/* Certificate and key by which a run reaches a Dask cluster (train.engine: dask). */}}
{{- define "training.mounts.dask" -}}
- {name: dask-tls, mountPath: /run/secrets/dask, readOnly: true}
{{- end }}

{{- define "training.mounts.data" -}}
{{- if not .Values.remote.workloadIdentity -}}
- {name: s3-credentials, mountPath: /run/secrets/remote, readOnly: true}
{{ end -}}
- {name: work, mountPath: /work}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{/* The gate: it has the signing key, the token, and the image's own code. It reads only the data files that training wrote. */}}
{{- define "training.container.gate" -}}
{{- $name := include "espalier.fullname" . -}}
{{- include "training.container" (dict "root" . "name" "gate" "args" (list "espalier" "gate" "--from" "/run/handover")
  "configMaps" (list $name (printf "%s-gate" $name)) "resources" .Values.gate.resources
  "mounts" (printf "- {name: signing-key, mountPath: /run/secrets/gate, readOnly: true}\n%s\n- {name: work, mountPath: /run/handover, subPath: pipelines/work, readOnly: true}" (include "training.mounts.gate" .))) -}}
{{- end }}

{{/* Rolls back to the previous version. It signs nothing, so it has no signing key. */}}
{{- define "training.container.rollback" -}}
{{- $name := include "espalier.fullname" . -}}
{{- include "training.container" (dict "root" . "name" "rollback" "args" (list "espalier" "rollback")
  "configMaps" (list $name (printf "%s-gate" $name)) "resources" .Values.gate.resources
  "mounts" (include "training.mounts.gate" .)) -}}
{{- end }}

{{- define "training.mounts.gate" -}}
- {name: model-keys, mountPath: /run/secrets/model, readOnly: true}
{{ if include "training.asksKubernetes" . -}}
- {name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{ end -}}
- {name: gate-work, mountPath: /work}
- {name: gate-tmp, mountPath: /tmp}
{{- end }}

{{/* Volumes of the containers training and seed. */}}
{{- define "training.volumes.data" -}}
{{- if not .Values.remote.workloadIdentity }}
- name: s3-credentials
  secret:
    secretName: {{ include "espalier.secret" (list . "existingSecret" "the keys model.key.pem and s3-credentials") }}
    defaultMode: 0440
    items: [{key: s3-credentials, path: s3-credentials}]
{{- end }}
- name: work # not shared with other pods: DVC's cache must not be shared (docs/security.md)
  emptyDir: {sizeLimit: {{ .Values.workSize }}}
- name: tmp
  emptyDir: {sizeLimit: {{ .Values.tmpSize }}}
{{- end }}

{{/* The volume of the container training alone. Checkpoints are data, so unlike the work folder a later pod may have them. */}}
{{- define "training.volumes.checkpoints" -}}
{{- with .Values.checkpoints }}
{{- if .enabled }}
- name: checkpoints
  persistentVolumeClaim: {claimName: {{ .existingClaim | default (include "training.checkpointsName" $) }}}
{{- end }}
{{- end }}
{{- end }}

{{/* Volumes of the containers gate and rollback. */}}
{{- define "training.volumes.gate" -}}
- name: model-keys
  secret:
    secretName: {{ include "espalier.secret" (list . "publicKeysSecret" "the public keys that sign models, model.pub.pem") }}
    defaultMode: 0440
{{- if include "training.asksKubernetes" . }}
- name: token # the same as automountServiceAccountToken would mount in every container
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end }}
- name: gate-work # not the volume that the training container writes
  emptyDir: {sizeLimit: {{ .Values.gate.workSize }}}
- name: gate-tmp
  emptyDir: {sizeLimit: {{ .Values.tmpSize }}}
{{- end }}

{{- define "training.volumes.signing-key" -}}
- name: signing-key
  secret:
    secretName: {{ include "espalier.secret" (list . "existingSecret" "the keys model.key.pem and s3-credentials") }}
    defaultMode: 0440
    items: [{key: model.key.pem, path: model.key.pem}]
{{- end }}
