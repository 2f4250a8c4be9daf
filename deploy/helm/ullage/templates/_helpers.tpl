{{- define "ullage.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* A label may have 63 characters, and one of a StatefulSet's pods is its name with a hash of 11. */}}
{{- define "ullage.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | replace "." "-" | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "ullage.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ullage.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "ullage.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "ullage.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "ullage.serviceAccount" -}}
{{- $made := ternary (include "ullage.fullname" .) "default" .Values.serviceAccount.create -}}
{{- default $made .Values.serviceAccount.name -}}
{{- end -}}

{{- define "ullage.secret" -}}
{{- default (include "ullage.fullname" .) .Values.auth.existingSecret -}}
{{- end -}}

{{/* Numbers of a values file arrive as floats: 1073741824 would be written 1.073741824e+09. */}}
{{- define "ullage.memory" -}}
{{- if kindIs "string" .Values.memory }}{{ .Values.memory }}{{ else }}{{ int64 .Values.memory }}{{ end -}}
{{- end -}}

{{- define "ullage.memoryMiB" -}}
{{- $factors := dict "" 1.0 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024.0
    "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0
    "Ei" 1152921504606846976.0 -}}
{{- $memory := include "ullage.memory" . -}}
{{- $suffix := regexFind "[KMGTPE]i?$|[mk]$" $memory -}}
{{- $number := float64 (trimSuffix $suffix $memory) -}}
{{/* Beyond what an integer holds it is too much all the same. */}}
{{- int64 (floor (minf 1e12 (divf (mulf $number (get $factors $suffix)) 1048576.0))) -}}
{{- end -}}

{{/* A number, a word, a flag or a list of words as TOML has them: of these all but floats look as in
JSON. */}}
{{- define "ullage.tomlValue" -}}
{{- if kindIs "float64" . }}{{ int64 . }}{{ else }}{{ toRawJson . }}{{ end -}}
{{- end -}}

{{- define "ullage.toml" -}}
{{- $settings := dict "bind" (list "0.0.0.0") "admin_bind" "0.0.0.0" "memory_limit" "auto" "log_format" "json" -}}
{{- $settings = mergeOverwrite $settings (deepCopy .Values.settings) -}}
{{- range $name, $value := $settings }}
{{ $name }} = {{ include "ullage.tomlValue" $value }}
{{- end }}
{{- end -}}

{{- define "ullage.tlsPort" -}}
{{- int64 (default 0 .Values.settings.tls_port) -}}
{{- end -}}

{{/* The pod's end waits for the server's. */}}
{{- define "ullage.graceSeconds" -}}
{{- $drain := 5000 -}}
{{- if hasKey .Values.settings "drain_timeout" }}{{ $drain = int64 .Values.settings.drain_timeout }}{{ end -}}
{{- add 10 (div (add $drain 999) 1000) -}}
{{- end -}}
