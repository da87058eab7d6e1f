{{/*
Name of a CronJob other than the training one: <release>-training-<step>. Kubernetes allows 52 characters, because it adds
eleven for the name of a Job. Call: (list . "rollback")
*/}}
{{- define "training.cronJobName" -}}
{{- $training := include "espalier.sibling" (list (index . 0) "training") -}}
{{- $step := index . 1 -}}
{{- printf "%s-%s" ($training | trunc (sub 51 (len $step) | int) | trimSuffix "-") $step -}}
{{- end }}

{{/* Name of the Lease that allows only one promotion at a time. */}}
{{- define "training.leaseName" -}}
{{- printf "%s-promotion" (include "espalier.fullname" .) -}}
{{- end }}

{{/* Name of the claim of checkpoints. */}}
{{- define "training.checkpointsName" -}}
{{- printf "%s-checkpoints" (include "espalier.fullname" .) -}}
{{- end }}

{{/* Not empty if a promotion calls the Kubernetes API. */}}
{{- define "training.asksKubernetes" -}}
{{- if eq .Values.rollout.kind "kubernetes" }}true{{ end -}}
{{- end }}

{{/* Name of the policy. It is cluster-scoped, so the name has to be unique in the cluster. */}}
{{- define "training.policyName" -}}
{{- printf "%s-%s-%s" .Release.Namespace (include "espalier.fullname" .) (include "espalier.releaseHash" .) -}}
{{- end }}
