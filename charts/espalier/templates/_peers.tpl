{{/*
Fails where a part is disabled but its clients' values still name this release's pods, which do not exist then. The message
names the value that has to be set.
*/}}
{{- define "espalier.requirePeers" -}}
{{- $root := . -}}
{{- range $part, $paths := dict
  "mlflow" (list "api.mlflowTrackingUri" "api.networkPolicy.mlflow.to" "training.mlflowTrackingUri" "training.networkPolicy.mlflow.to" "scoring.mlflowTrackingUri" "scoring.networkPolicy.mlflow.to")
  "postgresql" (list "api.networkPolicy.database.to" "mlflow.networkPolicy.database.to")
  "object-store" (list "mlflow.artifacts.endpointUrl" "mlflow.networkPolicy.objectStore.to" "training.remote.endpointUrl" "training.networkPolicy.objectStore.to" "scoring.storage.endpointUrl" "scoring.networkPolicy.objectStore.to") -}}
{{- if not (index $root.Values $part "enabled") -}}
{{- range $path := $paths -}}
{{- $client := splitList "." $path | first -}}
{{- if index $root.Values $client "enabled" -}}
{{- $value := $root.Values -}}
{{- range splitList "." $path }}{{ $value = index $value . }}{{ end -}}
{{- if include "espalier.namesPart" (list $root $part $value) -}}
{{- fail (printf "\n\n%s.enabled is false, but %s still names this release's pods: set the address of your own%s\n" $part $path (ternary " (a list of NetworkPolicyPeer, such as [{ipBlock: {cidr: 10.20.0.0/24}}]; [] allows all peers)" "" (hasSuffix ".to" $path))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Not empty if an address or a list of peers refers to a part of this release. Call: (list $ "mlflow" value) */}}
{{- define "espalier.namesPart" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
{{- $value := index . 2 -}}
{{- if kindIs "string" $value -}}
{{- if contains (printf "//%s" (include "espalier.sibling" (list $root $part))) (tpl $value $root) -}}yes{{- end -}}
{{- else if $root.Values.global.networkPolicy.enabled -}}
{{- range tpl (toYaml $value) $root | fromYamlArray -}}
{{- $labels := dig "podSelector" "matchLabels" (dict) . -}}
{{- if and (eq (get $labels "app.kubernetes.io/name") $part) (eq (get $labels "app.kubernetes.io/instance") $root.Release.Name) -}}yes{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
