{{/*
The Dask cluster of `train.engine: dask`: one scheduler, and workers. Both run what their clients send, so they get no
credentials but the certificate that lets them talk to each other, and an account without permissions.
*/}}

{{/* Not empty if the release has scheduler and workers of its own. */}}
{{- define "training.dask.installed" -}}
{{- if and .Values.dask.enabled .Values.dask.address -}}
{{- fail "\n\ntraining.dask.enabled installs a scheduler, and training.dask.address names another one: set only one of them\n" -}}
{{- end -}}
{{- if .Values.dask.enabled }}true{{ end -}}
{{- end }}

{{/* Name of the objects of a part. Call: (list . "scheduler") */}}
{{- define "training.dask.name" -}}
{{- include "espalier.sibling" (list (index . 0) (printf "dask-%s" (index . 1))) -}}
{{- end }}

{{/* Labels that select the pods of a part: ours, or those that the Dask operator gives. Call: (list . "scheduler") */}}
{{- define "training.dask.selector" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.dask.operator -}}
dask.org/cluster-name: {{ include "espalier.sibling" (list $root "dask") }}
dask.org/component: {{ index . 1 }}
{{- else -}}
app.kubernetes.io/name: dask-{{ index . 1 }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- end -}}
{{- end }}

{{/* Metadata of an object of a part. Call: (list . "scheduler"), or (list . "") for the cluster. */}}
{{- define "training.dask.metadata" -}}
{{- $root := index . 0 -}}
{{- $name := printf "dask-%s" (index . 1) | trimSuffix "-" -}}
name: {{ include "espalier.sibling" (list $root $name) }}
namespace: {{ $root.Release.Namespace }}
labels:
  app.kubernetes.io/name: {{ $name }}
  app.kubernetes.io/instance: {{ $root.Release.Name }}
  app.kubernetes.io/part-of: espalier
  app.kubernetes.io/component: {{ $name }}
  app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
  helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end }}

{{/* Address of the scheduler for a training run; empty without Dask. */}}
{{- define "training.dask.address" -}}
{{- if include "training.dask.installed" . -}}
tls://{{ include "training.dask.name" (list . "scheduler") }}:8786
{{- else -}}
{{- include "espalier.text" (list . .Values.dask.address) -}}
{{- end -}}
{{- end }}

{{/* Name of the Secret with ca.crt, tls.crt and tls.key. */}}
{{- define "training.dask.secret" -}}
{{- .Values.dask.existingSecret | default (include "espalier.sibling" (list . "dask")) -}}
{{- end }}

{{/*
The Secret as a volume. Optional for a run, so that the Job of manifests/ is the same with and without Dask. Call:
(list . "optional")
*/}}
{{- define "training.dask.volume" -}}
- name: dask-tls
  secret: {secretName: {{ include "training.dask.secret" (index . 0) }}, defaultMode: 0440{{ if index . 1 }}, optional: true{{ end }}}
{{- end }}

{{/* Spec of a pod. Call: (list . "scheduler" args resources ports) */}}
{{- define "training.dask.podSpec" -}}
{{- $root := index . 0 -}}
serviceAccountName: {{ include "espalier.sibling" (list $root "dask") }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: 30
securityContext:
  {{- include "espalier.podSecurity" 10001 | nindent 2 }}
{{- include "espalier.podPlacement" $root }}
containers:
  - name: {{ index . 1 }}
    image: {{ include "espalier.image" $root }}
    imagePullPolicy: {{ include "espalier.imagePullPolicy" $root }}
    command: [dask, {{ index . 1 }}]
    args:
      {{- range index . 2 }}
      - {{ . | quote }}
      {{- end }}
      - --tls-ca-file=/run/secrets/dask/ca.crt
      - --tls-cert=/run/secrets/dask/tls.crt
      - --tls-key=/run/secrets/dask/tls.key
    securityContext:
      {{- include "espalier.containerSecurity" $root | nindent 6 }}
    env:
      - {name: DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION, value: "true"}
      # Of the HTTP server only what the probes ask.
      - {name: DASK_DISTRIBUTED__{{ index . 1 | upper }}__HTTP__ROUTES, value: '["distributed.http.health"]'}
    ports:
      {{- range $name, $port := index . 4 }}
      - {name: {{ $name }}, containerPort: {{ $port }}}
      {{- end }}
    startupProbe:
      httpGet: {path: /health, port: health}
      periodSeconds: 3
      timeoutSeconds: 5
      failureThreshold: 60
    readinessProbe:
      httpGet: {path: /health, port: health}
      periodSeconds: 10
      timeoutSeconds: 5
    livenessProbe:
      tcpSocket: {port: health} # only that the process listens: one that boosts must not be restarted for being busy
      periodSeconds: 20
      timeoutSeconds: 10
      failureThreshold: 6
    resources:
      {{- toYaml (index . 3) | nindent 6 }}
    volumeMounts:
      - {name: dask-tls, mountPath: /run/secrets/dask, readOnly: true}
      - {name: tmp, mountPath: /tmp}
volumes:
  {{- include "training.dask.volume" (list $root "") | nindent 2 }}
  - name: tmp # where workers put rows that do not fit into memory
    emptyDir: {sizeLimit: {{ $root.Values.dask.tmpSize }}}
{{- end }}

{{- define "training.dask.schedulerSpec" -}}
{{- $args := list "--protocol=tls" "--port=8786" "--dashboard-address=:8787" "--no-dashboard" -}}
{{- include "training.dask.podSpec" (list . "scheduler" $args .Values.dask.scheduler.resources (dict "comm" 8786 "health" 8787)) -}}
{{- end }}

{{/* The whole memory limit is the worker's: Dask's own default is a share by threads. */}}
{{- define "training.dask.workerSpec" -}}
{{- $args := list (include "training.dask.address" .) "--protocol=tls" "--worker-port=8789" "--nanny-port=8790"
  "--dashboard-address=:8788" "--no-dashboard" (printf "--nthreads=%d" (int .Values.dask.threads)) "--memory-limit=1.0"
  "--local-directory=/tmp" "--death-timeout=60" -}}
{{- include "training.dask.podSpec" (list . "worker" $args .Values.dask.resources (dict "comm" 8789 "nanny" 8790 "health" 8788)) -}}
{{- end }}

{{- define "training.dask.service" -}}
type: ClusterIP
selector:
  {{- include "training.dask.selector" (list . "scheduler") | nindent 2 }}
ports:
  - {name: comm, port: 8786, targetPort: comm}
{{- end }}

{{/* A peer in a NetworkPolicy. Call: (list . "scheduler") */}}
{{- define "training.dask.peer" -}}
- podSelector:
    matchLabels:
      {{- include "training.dask.selector" . | nindent 6 }}
{{- end }}
