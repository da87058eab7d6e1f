{{/*
Values whose name has changed. A release that still sets the old one is refused with the new name, for a value that is
silently ignored is worse than an upgrade that stops. files/renamed.yaml lists them: old path, new path. The old key
stays in values.schema.json (deprecated), or the schema would refuse it without telling the new name.
*/}}
{{- define "espalier.refuseRenamed" -}}
{{- $root := . -}}
{{- range $old, $new := (.Files.Get "files/renamed.yaml" | fromYaml) -}}
{{- $value := $root.Values -}}
{{- $found := true -}}
{{- range splitList "." $old -}}
{{- if and $found (kindIs "map" $value) (hasKey $value .) -}}{{- $value = index $value . -}}{{- else -}}{{- $found = false -}}{{- end -}}
{{- end -}}
{{- if $found -}}{{- fail (printf "\n\nthe value %s is now called %s: rename it in your values (CHANGELOG.md says why)\n" $old $new) -}}{{- end -}}
{{- end -}}
{{- end }}
