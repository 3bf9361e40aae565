{{- define "tundish.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "tundish.labels" -}}
app.kubernetes.io/name: tundish
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Of one part: (list $ "api"). */}}
{{- define "tundish.selector" -}}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "tundish.image" -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ required "an image needs a tag or a digest" .tag }}{{- end -}}
{{- end }}

{{- define "tundish.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "tundish.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Where the same part would otherwise stand twice on one node. */}}
{{- define "tundish.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "tundish.selector" . | nindent 8 }}
{{- end }}

{{- define "tundish.placing" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Environment of every part: which file of settings, and a name of its own. */}}
{{- define "tundish.environment" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: TUNDISH_STORE__NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end }}

{{/*
Each part gets the secrets that it needs and no other: servers all, writers those of database and store, workers
their token and the models' key. (list $ "server"), (list $ "writer"), (list $ "worker").
*/}}
{{- define "tundish.mounts" -}}
{{- $kind := index . 1 -}}
- {name: settings, mountPath: /etc/tundish/settings, readOnly: true}
- {name: data, mountPath: /var/lib/tundish}
- {name: scratch, mountPath: /tmp}
{{- if ne $kind "writer" }}
- {name: keys, mountPath: /etc/tundish/keys, readOnly: true}
- {name: shared, mountPath: /var/lib/tundish/models, subPath: models}
{{- end }}
{{- if ne $kind "worker" }}
- {name: database, mountPath: /etc/tundish/database, readOnly: true}
- {name: objects, mountPath: /etc/tundish/objects, readOnly: true}
- {name: log-ca, mountPath: /etc/tundish/log, readOnly: true}
{{- end }}
{{- if eq $kind "server" }}
- {name: shared, mountPath: /var/lib/tundish/apps, subPath: apps}
{{- end }}
{{- if eq $kind "worker" }}
- {name: worker, mountPath: /etc/tundish/worker, readOnly: true}
{{- end }}
{{- end }}

{{- define "tundish.volumes" -}}
{{- $kind := index . 1 -}}
{{- with index . 0 -}}
- name: settings
  configMap:
    name: {{ include "tundish.name" . }}-settings
    items: [{key: {{ $kind }}.toml, path: tundish.toml}]
- name: data
  emptyDir: {}
- name: scratch
  emptyDir: {}
{{- if ne $kind "writer" }}
- name: keys
  secret:
    secretName: {{ .Values.secrets.keys }}
    defaultMode: 0440
    {{- if eq $kind "worker" }}
    items: [{key: models.key, path: models.key}]
    {{- end }}
- name: shared
  persistentVolumeClaim: {claimName: {{ .Values.shared.existingClaim | default (printf "%s-shared" (include "tundish.name" .)) }}}
{{- end }}
{{- if ne $kind "worker" }}
- name: database
  secret:
    secretName: {{ .Values.secrets.database }}
    defaultMode: 0440
    items: [{key: metadata.url, path: metadata.url}]
- name: objects
  secret:
    secretName: {{ .Values.secrets.objects }}
    defaultMode: 0440
    items: [{key: objects.key, path: objects.key}]
- name: log-ca
  secret:
    secretName: {{ .Values.secrets.nats }}
    defaultMode: 0440
    items: [{key: ca.crt, path: ca.crt}]
{{- else }}
- name: worker
  secret:
    secretName: {{ .Values.secrets.worker }}
    defaultMode: 0440
    items: [{key: worker.token, path: worker.token}]
{{- end }}
{{- end }}
{{- end }}

{{/* Of a part that has no port of its own. */}}
{{- define "tundish.partProbes" -}}
ports:
  - {name: probes, containerPort: 8051}
startupProbe:
  httpGet: {path: /alive, port: probes}
  periodSeconds: 5
  failureThreshold: 60
readinessProbe:
  httpGet: {path: /ready, port: probes}
  periodSeconds: 10
  timeoutSeconds: 7
livenessProbe:
  httpGet: {path: /alive, port: probes}
  periodSeconds: 20
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}

{{/* Head of a network policy: (list $ "name"). */}}
{{- define "tundish.policy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "tundish.name" (index . 0) }}-{{ index . 1 }}
  labels: {{- include "tundish.labels" (index . 0) | nindent 4 }}
{{- end }}
