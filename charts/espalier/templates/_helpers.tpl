{{/*
What every part shares. Templates are global in Helm: the subcharts in charts/ call these, and are rendered with this
chart only.
*/}}

{{/* Name of every object of a part: <release>-<part>. */}}
{{- define "espalier.fullname" -}}
{{- include "espalier.sibling" (list . .Chart.Name) -}}
{{- end }}

{{/* Name of another part's objects. Call: include "espalier.sibling" (list . "mlflow") */}}
{{- define "espalier.sibling" -}}
{{- $root := index . 0 -}}
{{- if gt (len $root.Release.Name) 40 -}}
{{- fail (printf "the release name %q is longer than 40 characters, and names made of it would be too long" $root.Release.Name) -}}
{{- end -}}
{{- printf "%s-%s" $root.Release.Name (index . 1) -}}
{{- end }}

{{/*
What tells a release from every other of the cluster, in names that belong to no namespace. Namespace and release joined by a
hyphen could be another pair's: release a-b in namespace c, release b in namespace c-a. A slash is in no name.
*/}}
{{- define "espalier.releaseHash" -}}
{{- printf "%s/%s" .Release.Namespace .Release.Name | sha256sum | trunc 8 -}}
{{- end }}

{{/* What selects the pods of a part, and nothing that an upgrade could change. */}}
{{- define "espalier.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "espalier.podLabels" -}}
{{ include "espalier.selector" . }}
app.kubernetes.io/part-of: espalier
{{- end }}

{{- define "espalier.labels" -}}
{{ include "espalier.podLabels" . }}
app.kubernetes.io/component: {{ .Chart.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "espalier.metadata" -}}
name: {{ include "espalier.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "espalier.labels" . | nindent 2 }}
{{- end }}

{{/* The name of an existing Secret, or a failure that tells how to make it. Call: (list . "existingSecret" "jwt.key.pem") */}}
{{- define "espalier.secret" -}}
{{- $root := index . 0 -}}
{{- $value := $root.Values -}}
{{- range splitList "." (index . 1) }}{{ $value = index $value . }}{{ end -}}
{{- if not $value -}}
{{- fail (printf "\n\n%s.%s is not set: it names a Secret with %s.\nMake the Secrets of an evaluation cluster with:\n\n    make secrets\n\nand use them with: -f charts/espalier/values-kind.yaml\n" $root.Chart.Name (index . 1) (index . 2)) -}}
{{- end -}}
{{- $value -}}
{{- end }}

{{/* A string of values.yaml that may hold {{ .Release.Name }}. Call: (list . .Values.some.string) */}}
{{- define "espalier.text" -}}
{{- tpl (index . 1) (index . 0) -}}
{{- end }}

{{/*
The full name of one of Espalier's own images: the registry in front, the chart's appVersion for a tag; a digest wins over
a tag. Without a registry a node would ask Docker Hub for espalier/<name>, which is nobody's: refused, unless the nodes
have the images already.
*/}}
{{- define "espalier.image" -}}
{{- $global := .Values.global.espalier -}}
{{- $registry := .Values.image.registry | default $global.imageRegistry -}}
{{- if and (not $registry) (not $global.imagesPreloaded) -}}
{{- fail (printf "\n\nglobal.espalier.imageRegistry is not set: it names the registry that has the image %s.\nBuild and push the images with:\n\n    make images REGISTRY=registry.example.com PUSH=1\n\nor, where every node has them already (kind load), set global.espalier.imagesPreloaded=true\n" .Values.image.repository) -}}
{{- end -}}
{{- include "espalier.imageReference" (list $registry .) -}}
{{- end }}

{{/*
When one of Espalier's own images is pulled. Where the nodes are given them, never: a pod that comes before its image then
waits for it some seconds at a time, and not, after a pull that cannot succeed, for up to five minutes.
*/}}
{{- define "espalier.imagePullPolicy" -}}
{{- $global := .Values.global.espalier -}}
{{- $pulled := or .Values.image.registry $global.imageRegistry (not $global.imagesPreloaded) -}}
{{- ternary .Values.image.pullPolicy "Never" (not (empty $pulled)) -}}
{{- end }}

{{/* The full name of an image of another project: from its own registry, or from the mirror of all of them. */}}
{{- define "espalier.thirdPartyImage" -}}
{{- include "espalier.imageReference" (list (.Values.global.espalier.mirrorRegistry | default .Values.image.registry) .) -}}
{{- end }}

{{/* Call: (list "registry.example.com" .) */}}
{{- define "espalier.imageReference" -}}
{{- $root := index . 1 -}}
{{- $image := $root.Values.image -}}
{{- $name := ternary (printf "%s/%s" (index . 0) $image.repository) $image.repository (ne (index . 0) "") -}}
{{- if $image.digest }}{{ printf "%s@%s" $name $image.digest }}{{ else }}{{ printf "%s:%s" $name ($image.tag | default $root.Chart.AppVersion) }}{{ end -}}
{{- end }}

{{/* Pod Security "restricted". Call: (list . 10001) */}}
{{- define "espalier.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ index . 1 }}
runAsGroup: {{ index . 1 }}
fsGroup: {{ index . 1 }}
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

{{/* Labels of a pod template: those that select it, and the user's. */}}
{{- define "espalier.podTemplateLabels" -}}
{{ include "espalier.podLabels" . }}
{{- with .Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The user's annotations of a pod template; empty without any. */}}
{{- define "espalier.podAnnotations" -}}
{{- with .Values.podAnnotations }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* What a pod spec has in every part. */}}
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

{{/* Items of `env`: the CA bundle, and the user's. Put them after those of the part. */}}
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

{{/* Items of `volumeMounts`: the CA bundle, and the user's. */}}
{{- define "espalier.extraVolumeMounts" -}}
{{- if include "espalier.caBundleVolume" . }}
- {name: ca-bundle, mountPath: /etc/espalier/ca, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end }}

{{/* Items of `volumes`. */}}
{{- define "espalier.extraVolumes" -}}
{{- include "espalier.caBundleVolume" . }}
{{- with .Values.extraVolumes }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end }}

{{/* The volume with the certificate authorities to trust; empty without any. */}}
{{- define "espalier.caBundleVolume" -}}
{{- with .Values.global.espalier.caBundle }}
{{- if and .configMap .secret -}}
{{- fail "\n\nglobal.espalier.caBundle names a ConfigMap and a Secret: set one of them\n" -}}
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
What our programs read the bundle's path from: OpenSSL and httpx, requests (MLflow's client), boto and DVC's S3 client,
libpq (with sslmode=verify-ca or verify-full in the URL).
*/}}
{{- define "espalier.caBundleEnv" -}}
{{- if include "espalier.caBundleVolume" . }}
{{- range list "SSL_CERT_FILE" "REQUESTS_CA_BUNDLE" "AWS_CA_BUNDLE" "PGSSLROOTCERT" }}
- {name: {{ . }}, value: /etc/espalier/ca/ca.crt}
{{- end }}
{{- end }}
{{- end }}

{{/* Name of the account that a part's pods run under. */}}
{{- define "espalier.serviceAccountName" -}}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) -}}
{{- fail (printf "\n\n%s.serviceAccount.create is false, so %s.serviceAccount.name has to name an account that exists\n" .Chart.Name .Chart.Name) -}}
{{- end -}}
{{- .Values.serviceAccount.name | default (include "espalier.fullname" .) -}}
{{- end }}

{{/* The account itself, without a token. */}}
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

{{/* Egress to the cluster's name server. */}}
{{- define "espalier.dnsEgress" -}}
- to: {{ toYaml .Values.global.networkPolicy.dns | nindent 4 }}
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end }}

{{/* One rule to peers. Call: (list . .Values.networkPolicy.mlflow) with {to: [...], ports: [...]} */}}
{{- define "espalier.egress" -}}
{{- $root := index . 0 -}}
{{- $rule := index . 1 -}}
{{- if $rule.to -}}
- to: {{ tpl (toYaml $rule.to) $root | nindent 4 }}
  ports:
    {{- range $rule.ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- else -}}
- ports:
    {{- range $rule.ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end -}}
{{- end }}

{{/*
A StatefulSet's volume claim templates cannot be changed, and the API server's refusal does not say what to do. Nothing is
looked up by `helm template`, nor by what renders with it (Argo CD).
*/}}
{{- define "espalier.refuseResize" -}}
{{- $found := lookup "apps/v1" "StatefulSet" .Release.Namespace (include "espalier.fullname" .) -}}
{{- if $found -}}
{{- $size := (index $found.spec.volumeClaimTemplates 0).spec.resources.requests.storage -}}
{{- if ne $size .Values.persistence.size -}}
{{- fail (printf "\n\n%s.persistence.size is %s, but the volume of %s was made with %s, and an upgrade cannot change that.\nSet it back, or grow the volume: docs/install-on-a-cluster.md, \"A larger volume\"\n" .Chart.Name .Values.persistence.size (include "espalier.fullname" .) $size) -}}
{{- end -}}
{{- end -}}
{{- end }}
