{{/*
Name of a CronJob beside the one that trains: <release>-training-<step>. Kubernetes allows 52 characters for it, since a Job's
name has eleven more. Call: (list . "rollback")
*/}}
{{- define "training.cronJobName" -}}
{{- $training := include "espalier.sibling" (list (index . 0) "training") -}}
{{- $step := index . 1 -}}
{{- printf "%s-%s" ($training | trunc (sub 51 (len $step) | int) | trimSuffix "-") $step -}}
{{- end }}

{{/* The object that lets one promotion at a time happen. */}}
{{- define "training.leaseName" -}}
{{- printf "%s-promotion" (include "espalier.fullname" .) -}}
{{- end }}

{{/* Not empty where a promotion has to ask the Kubernetes API. */}}
{{- define "training.asksKubernetes" -}}
{{- if eq .Values.rollout.kind "kubernetes" }}true{{ end -}}
{{- end }}

{{/* The policy belongs to the cluster, and so does its name. */}}
{{- define "training.policyName" -}}
{{- printf "%s-%s-%s" .Release.Namespace (include "espalier.fullname" .) (include "espalier.releaseHash" .) -}}
{{- end }}
