{{- define "opentranscribe.labels" -}}
app.kubernetes.io/name: opentranscribe
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "opentranscribe.secret" -}}
{{ .Values.existingSecret | default (printf "%s-secrets" .Release.Name) }}
{{- end }}

{{- define "opentranscribe.image" -}}
{{ .root.Values.image.prefix }}-{{ .name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* What a pod may: root, user. */}}
{{- define "opentranscribe.podSecurity" -}}
serviceAccountName: {{ .root.Release.Name }}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .user }}
  fsGroup: {{ .user }}
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "opentranscribe.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "opentranscribe.env" -}}
{{- $name := .Release.Name -}}
- {name: OPENTR_PROFILE, value: distributed}
- {name: REDIS_HOST, value: {{ ternary (printf "%s-redis" $name) .Values.external.redisHost .Values.bundled.redis.enabled | quote }}}
- {name: OPENTR_S3_ENDPOINT, value: {{ ternary (printf "http://%s-objects:8333" $name) .Values.external.s3Endpoint .Values.bundled.objects.enabled | quote }}}
- {name: OPENTR_S3_BUCKET, value: {{ .Values.external.s3Bucket | quote }}}
- {name: OPENTR_OPENSEARCH_URL, value: {{ ternary (printf "http://%s-opensearch:9200" $name) .Values.external.opensearchUrl .Values.bundled.opensearch.enabled | quote }}}
- {name: OPENTR_ALLOWED_ORIGINS, value: {{ join "," .Values.origins | quote }}}
- {name: OPENTR_TRUSTED_PROXIES, value: {{ .Values.trustedProxies | quote }}}
- {name: OPENTR_COOKIE_SECURE, value: {{ ternary "true" "false" (ne .Values.ingress.tlsSecret "") | quote }}}
{{- range $key, $value := .Values.extraEnv }}
- {name: {{ $key }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{/* A container of the backend's image: root, arguments, resources, and lines of its own. */}}
{{- define "opentranscribe.program" -}}
image: {{ include "opentranscribe.image" (dict "root" .root "name" "backend") }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args: {{ toJson .arguments }}
envFrom: [{secretRef: {name: {{ include "opentranscribe.secret" .root }}}}]
env:
{{ include "opentranscribe.env" .root | indent 2 }}
{{ include "opentranscribe.containerSecurity" .root }}
volumeMounts:
  - {name: data, mountPath: /app/data}
  - {name: backups, mountPath: /app/backups}
  - {name: models, mountPath: /models}
  - {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "opentranscribe.volumes" -}}
volumes:
{{- range list "data" "backups" "models" }}
  - {name: {{ . }}, persistentVolumeClaim: {claimName: {{ $.Release.Name }}-{{ . }}}}
{{- end }}
  - {name: tmp, emptyDir: {sizeLimit: 1Gi}}
{{- end }}

{{/* Of a drain of nodes: one pod at a time. Root, component. */}}
{{- define "opentranscribe.disruption" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .root.Release.Name }}-{{ .component }}
  labels: {{- include "opentranscribe.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "opentranscribe.labels" . | nindent 6 }}
{{- end }}
