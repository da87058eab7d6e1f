{{/*
Registry of Espalier's own images; empty where they are already on the nodes. Without a registry a node would pull
espalier/<name> from Docker Hub, where the project owns no such name. So a missing registry fails.
*/}}
{{- define "espalier.registry" -}}
{{- $global := .Values.global.espalier -}}
{{- $registry := .Values.image.registry | default $global.imageRegistry -}}
{{- if and (not $registry) (not $global.imagesPreloaded) -}}
{{- fail (printf "\n\nglobal.espalier.imageRegistry is not set: the registry that has the image %s.\nBuild and push the images with:\n\n    make images REGISTRY=registry.example.com PUSH=1\n\nor, if the images are already on every node (kind load), set global.espalier.imagesPreloaded=true\n" .Values.image.repository) -}}
{{- end -}}
{{- $registry -}}
{{- end }}

{{/* Reference of one of Espalier's own images: registry, name, and the chart's appVersion as the tag. A digest replaces the tag. */}}
{{- define "espalier.image" -}}
{{- include "espalier.imageReference" (list (include "espalier.registry" .) .) -}}
{{- end }}

{{/*
Pull policy of one of Espalier's own images. It is Never where the images are loaded onto the nodes: a pod that starts before
its image arrives then retries within seconds. After a failed pull it would wait for up to five minutes.
*/}}
{{- define "espalier.imagePullPolicy" -}}
{{- ternary .Values.image.pullPolicy "Never" (ne (include "espalier.registry" .) "") -}}
{{- end }}

{{/* Reference of another project's image: from global.espalier.mirrorRegistry, or from its own registry. */}}
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
