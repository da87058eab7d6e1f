{{/* Name of an existing Secret. Fails with the command that makes it. Call: (list . "existingSecret" "the key jwt.key.pem") */}}
{{- define "espalier.secret" -}}
{{- $root := index . 0 -}}
{{- $value := $root.Values -}}
{{- range splitList "." (index . 1) }}{{ $value = index $value . }}{{ end -}}
{{- if not $value -}}
{{- fail (printf "\n\n%s.%s is not set: the name of a Secret with %s.\nMake the Secrets of an evaluation cluster with:\n\n    make secrets\n\nand use them with: -f charts/espalier/values-kind.yaml\n" $root.Chart.Name (index . 1) (index . 2)) -}}
{{- end -}}
{{- $value -}}
{{- end }}
