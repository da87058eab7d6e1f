{{- define "observability.labels" -}}
{{ include "espalier.labels" . }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Paths of the files that match a pattern, as JSON. Fails if there are none: the chart was packaged without them. */}}
{{- define "observability.files" -}}
{{- $root := index . 0 -}}
{{- $paths := list -}}
{{- range $path, $_ := $root.Files.Glob (index . 1) -}}{{- $paths = append $paths $path -}}{{- end -}}
{{- if not $paths -}}{{- fail (printf "the chart contains no file %s: alerts/ and dashboards/ are links to the project's folders, and are missing" (index . 1)) -}}{{- end -}}
{{- $paths | toJson -}}
{{- end }}

{{/*
The files are written for the release "espalier" in the namespace "espalier", so that promtool and people can read them as they
are. This replaces those names by this release's. Only the patterns below stand for the release; tests/charts checks that no
others do. Call: (list . text quote). `quote` is a quotation mark as queries in the file contain it; in dashboards it is
escaped, so that a dashboard's own name, which is not inside a query, stays.
*/}}
{{- define "observability.ofThisRelease" -}}
{{- $root := index . 0 -}}
{{- $quote := index . 2 -}}
{{- $text := index . 1
  | replace (printf "namespace=%sespalier%s" $quote $quote) (printf "namespace=%s%s%s" $quote $root.Release.Namespace $quote)
  | replace (printf "%sespalier-" $quote) (printf "%s%s-" $quote $root.Release.Name)
  | replace "release: espalier" (printf "release: %s" $root.Release.Name)
  | replace "a-seasonal-feature" (join "|" $root.Values.rules.seasonalFeatures | default "a-seasonal-feature")
  | replace "https://github.com/espalier/espalier/blob/main/alerts/runbooks" $root.Values.rules.runbooks
  | replace "https://grafana.example.com" $root.Values.grafanaUrl
-}}
{{- range include "observability.files" (list $root "files/dashboards/*.json") | fromJsonArray -}}
{{- $name := base . | trimSuffix ".json" -}}
{{- $text = $text | replace (printf "/d/%s" $name) (printf "/d/%s" (include "observability.uid" (list $root $name))) -}}
{{- end -}}
{{- $text -}}
{{- end }}

{{/*
Identifier of a dashboard in Grafana, and name of its file for the sidecar. It is unique in the cluster, because one Grafana shows
the dashboards of all releases.
Call: (list . "espalier-api")
*/}}
{{- define "observability.uid" -}}
{{- $root := index . 0 -}}
{{- $release := printf "%s/%s" $root.Release.Namespace $root.Release.Name -}}
{{- $uid := ternary (index . 1) (printf "%s-%s" (index . 1) (include "espalier.releaseHash" $root)) (eq $release "espalier/espalier") -}}
{{- if gt (len $uid) 40 }}{{ fail (printf "the uid %s is longer than Grafana's 40 characters" $uid) }}{{ end -}}
{{- $uid -}}
{{- end }}
