{{/*
A CronJob for one kind of training pod. Call:
(dict "root" . "name" text "suspend" bool "schedule" text "backoffLimit" n "seconds" n
      "initContainers" text "containers" text "names" (list of containers) "volumes" text)
*/}}
{{- define "training.cronJob" -}}
{{- $root := .root -}}
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {{ .name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "espalier.labels" $root | nindent 4 }}
spec:
  suspend: {{ .suspend }}
  schedule: {{ .schedule | quote }}
  timeZone: {{ $root.Values.schedule.timeZone }}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 3600
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 3
  jobTemplate:
    metadata:
      labels:
        {{- include "espalier.podLabels" $root | nindent 8 }}
    spec:
      backoffLimit: {{ .backoffLimit }}
      activeDeadlineSeconds: {{ .seconds }}
      ttlSecondsAfterFinished: {{ $root.Values.job.ttlSecondsAfterFinished }}
      podReplacementPolicy: Failed # never two pods of one run at the same time
      podFailurePolicy:
        rules:
          - action: Ignore # a drained node is not a failure of the run
            onPodConditions: [{type: DisruptionTarget, status: "True"}]
          {{- range .names }}
          - action: FailJob # wrong parameters, wrong data, a failed rollout: a retry would fail the same way
            onExitCodes: {containerName: {{ . }}, operator: In, values: [2, 3, 4, 5, 8, 9]}
          {{- end }}
      template:
        metadata:
          labels:
            {{- include "espalier.podTemplateLabels" $root | nindent 12 }}
          {{- with include "training.podAnnotations" $root | trim }}
          annotations:
            {{- . | nindent 12 }}
          {{- end }}
        spec:
          restartPolicy: Never
          serviceAccountName: {{ include "espalier.serviceAccountName" $root }}
          automountServiceAccountToken: false # gate and rollback mount their own token
          enableServiceLinks: false
          terminationGracePeriodSeconds: 30
          securityContext:
            {{- include "espalier.podSecurity" 10001 | nindent 12 }}
          {{- include "espalier.podPlacement" $root | nindent 10 }}
          {{- with .initContainers }}
          initContainers:
            {{- . | nindent 12 }}
          {{- end }}
          containers:
            {{- .containers | nindent 12 }}
          volumes:
            {{- .volumes | trim | nindent 12 }}
            - name: data # .dvc pointer, params.yaml and schema.yaml, to change them without a new image
              configMap: {name: {{ include "espalier.fullname" $root }}-data}
            {{- with include "espalier.extraVolumes" $root }}
            {{- . | trim | nindent 12 }}
            {{- end }}
{{- end }}

{{/* Amazon's webhook injects the account's cloud credentials into every container except those in this annotation. */}}
{{- define "training.podAnnotations" -}}
{{- if .Values.remote.workloadIdentity }}
eks.amazonaws.com/skip-containers: gate,rollback
{{- end }}
{{ include "espalier.podAnnotations" . }}
{{- end }}
