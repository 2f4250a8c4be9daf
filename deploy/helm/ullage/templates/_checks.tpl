{{/* What the schema cannot say: values that do not go together, and why. */}}
{{- define "ullage.checks" -}}
{{- $name := include "ullage.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "the name %s, of the release or fullnameOverride, must begin with a small letter, and have small letters, digits and - in it: a Service may be called nothing else" $name) -}}
{{- end -}}
{{- range $port := list 7379 7380 -}}
{{- if eq (int64 $port) (int64 (include "ullage.tlsPort" $)) -}}
{{- fail (printf "settings.tls_port: %d is taken, by clients without TLS (7379) or the admin port (7380)" $port) -}}
{{- end -}}
{{- end -}}
{{- $memory := include "ullage.memory" . -}}
{{- $mib := int64 (include "ullage.memoryMiB" .) -}}
{{- if lt $mib 64 -}}
{{- fail (printf "memory: %s is too small: of less than 64Mi there is not enough for a cache" $memory) -}}
{{- end -}}
{{- if gt $mib 88064 -}}
{{- fail (printf "memory: %s is more than one server can use, which is 86Gi: give more replicas" $memory) -}}
{{- end -}}
{{- $owned := dict
    "memory_limit" "it follows from the value memory"
    "password" "it is the value auth.password, or a key of auth.existingSecret"
    "admin_token" "it is the value auth.adminToken, or a key of auth.existingSecret"
    "port" "clients are served on 7379"
    "admin_port" "probes and metrics are on 7380" -}}
{{- range $name, $why := $owned -}}
{{- if hasKey $.Values.settings $name -}}
{{- fail (printf "settings.%s: %s" $name $why) -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if hasPrefix "ULLAGE_" .name -}}
{{- fail (printf "extraEnv: %s is a setting of the server, and belongs in settings" .name) -}}
{{- end -}}
{{- end -}}
{{- with .Values.auth -}}
{{- if and .existingSecret (or .password .adminToken) -}}
{{- fail "auth: existingSecret has the password and the token; give that, or password and adminToken" -}}
{{- end -}}
{{- end -}}
{{- with .Values.autoscaling -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- fail (printf "autoscaling.minReplicas: %d is more than autoscaling.maxReplicas: %d"
    (int .minReplicas) (int .maxReplicas)) -}}
{{- end -}}
{{- if and .enabled (gt (int $.Values.replicas) (int .maxReplicas)) -}}
{{- fail (printf "replicas: %d is more than autoscaling.maxReplicas: %d, all that the autoscaler lets stand"
    (int $.Values.replicas) (int .maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
