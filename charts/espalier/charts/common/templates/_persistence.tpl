{{/*
Fails where an upgrade would change a StatefulSet's volume claim template. Kubernetes refuses that, and its message does not
say what to do. `lookup` finds nothing in `helm template`, nor in tools that render with it (Argo CD).
*/}}
{{- define "espalier.refuseResize" -}}
{{- $current := lookup "apps/v1" "StatefulSet" .Release.Namespace (include "espalier.fullname" .) -}}
{{- if $current -}}
{{- $size := (index $current.spec.volumeClaimTemplates 0).spec.resources.requests.storage -}}
{{- if ne $size .Values.persistence.size -}}
{{- fail (printf "\n\n%s.persistence.size is %s, but the volume of %s was created with %s, and an upgrade cannot change that.\nSet the old size again, or grow the volume: docs/install-on-a-cluster.md, \"A larger volume\"\n" .Chart.Name .Values.persistence.size (include "espalier.fullname" .) $size) -}}
{{- end -}}
{{- end -}}
{{- end }}
