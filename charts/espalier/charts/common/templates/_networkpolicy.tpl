{{/* Egress to the cluster's DNS server. */}}
{{- define "espalier.dnsEgress" -}}
- to: {{ toYaml .Values.global.networkPolicy.dns | nindent 4 }}
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end }}

{{/* One egress rule. Call: (list . .Values.networkPolicy.mlflow) with {to: [...], ports: [...]} */}}
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
