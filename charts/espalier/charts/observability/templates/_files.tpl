{{- define "observability.labels" -}}
{{ include "espalier.labels" . }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Paths of the files that a pattern names, as JSON; none at all is a chart that was packaged without them. */}}
{{- define "observability.files" -}}
{{- $root := index . 0 -}}
{{- $paths := list -}}
{{- range $path, $_ := $root.Files.Glob (index . 1) -}}{{- $paths = append $paths $path -}}{{- end -}}
{{- if not $paths -}}{{- fail (printf "the chart has no file %s: alerts/ and dashboards/ are links to the project's folders, and were lost" (index . 1)) -}}{{- end -}}
{{- $paths | toJson -}}
{{- end }}

{{/*
Alerts and dashboards are written for the release "espalier" in the namespace "espalier", so that promtool and people read
them as they are. Here they become those of this release: the words below are the only ones that stand for it, and a test
holds the files to them. Call: (list . text quote), where quote is how a quotation mark inside a query is written: a
dashboard's name is in quotation marks too, and stays.
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
What Grafana knows a dashboard by, and its sidecar its file: one Grafana shows those of every release in the cluster.
Call: (list . "espalier-api")
*/}}
{{- define "observability.uid" -}}
{{- $root := index . 0 -}}
{{- $release := printf "%s/%s" $root.Release.Namespace $root.Release.Name -}}
{{- $uid := ternary (index . 1) (printf "%s-%s" (index . 1) (include "espalier.releaseHash" $root)) (eq $release "espalier/espalier") -}}
{{- if gt (len $uid) 40 }}{{ fail (printf "the uid %s is longer than Grafana's 40 characters" $uid) }}{{ end -}}
{{- $uid -}}
{{- end }}
