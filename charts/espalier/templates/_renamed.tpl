{{/*
Fails where a release sets a value under its old name, and names the new one: a value that is silently ignored is worse than
an upgrade that stops. files/renamed.yaml lists old path and new path. The old key stays in values.schema.json (deprecated).
Otherwise the schema would refuse it without naming the new key.
*/}}
{{- define "espalier.refuseRenamed" -}}
{{- $root := . -}}
{{- range $old, $new := (.Files.Get "files/renamed.yaml" | fromYaml) -}}
{{- $value := $root.Values -}}
{{- $isSet := true -}}
{{- range splitList "." $old -}}
{{- if and $isSet (kindIs "map" $value) (hasKey $value .) -}}{{- $value = index $value . -}}{{- else -}}{{- $isSet = false -}}{{- end -}}
{{- end -}}
{{- if $isSet -}}{{- fail (printf "\n\nthe value %s is now called %s: rename it in your values (see CHANGELOG.md)\n" $old $new) -}}{{- end -}}
{{- end -}}
{{- end }}
