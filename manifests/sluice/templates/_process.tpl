{{- /* One Deployment, running `sluice <command>` as the service account of its own name, and its PodDisruptionBudget. */}}
{{- define "sluice.process" }}
{{- $values := .root.Values }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sluice.labels" .root | nindent 4 }}
spec:
  replicas: {{ $values.replicas }}
  selector:
    matchLabels:
      {{- include "sluice.podSelector" . | nindent 6 }}
  strategy:
    {{- if include "sluice.database.isSqlite" .root }}
    # Two ledgers at once would admit twice as much.
    type: Recreate
    {{- else }}
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
    {{- end }}
  template:
    metadata:
      labels:
        {{- include "sluice.labels" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .command }}
        {{- if .serves }}
        sluice.dev/serves: admission
        {{- end }}
    spec:
      serviceAccountName: {{ .name }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $values.image.pullSecrets }}
      imagePullSecrets: {{ toJson . }}
      {{- end }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        fsGroup: 65532
        seccompProfile: {type: RuntimeDefault}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "sluice.podSelector" . | nindent 14 }}
      containers:
        - name: sluice
          image: {{ include "sluice.image" .root | quote }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          args:
            - {{ .command }}
            {{- if .serves }}
            - --listen=0.0.0.0:8443
            - --service-name=sluice
            - --certs-secret={{ include "sluice.certsSecret" .root }}
            {{- if $values.webhook.tls.secretName }}
            - --certs-issuer=external
            {{- end }}
            {{- if eq $values.webhook.tls.caBundle "External" }}
            - --ca-bundle=external
            {{- end }}
            {{- if $values.webhook.clientCA }}
            - --client-ca=/etc/sluice/client-ca/ca.crt
            {{- range $values.webhook.clientNames }}
            - {{ printf "--client-name=%s" . | quote }}
            {{- end }}
            {{- end }}
            {{- end }}
            - --metrics-listen=0.0.0.0:8080
            - --namespace={{ .root.Release.Namespace }}
          env:
            - {name: RUST_LOG, value: {{ $values.logLevel }}}
            # Outlives a crash of the process: the leader leads again at once.
            - name: POD_NAME
              valueFrom: {fieldRef: {fieldPath: metadata.name}}
            {{- if include "sluice.database.isSqlite" .root }}
            - {name: SLUICE_DATABASE_URL, value: "sqlite:///var/lib/sluice/ledger.db"}
            {{- else }}
            - name: SLUICE_DATABASE_URL
              valueFrom:
                secretKeyRef: {{ include "sluice.database.secret" .root }}
            {{- end }}
          ports:
            {{- if .serves }}
            - {name: https, containerPort: 8443}
            {{- end }}
            - {name: metrics, containerPort: 8080}
          startupProbe:
            httpGet: {path: /healthz, port: metrics}
            periodSeconds: 1
            failureThreshold: 60
          livenessProbe:
            httpGet: {path: /healthz, port: metrics}
          readinessProbe:
            httpGet: {path: /readyz, port: metrics}
            periodSeconds: 2
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
          {{- $isSqlite := include "sluice.database.isSqlite" .root }}
          {{- $clientCA := and .serves $values.webhook.clientCA }}
          {{- if or $isSqlite $clientCA }}
          volumeMounts:
            {{- if $isSqlite }}
            - {name: ledger, mountPath: /var/lib/sluice}
            {{- end }}
            {{- if $clientCA }}
            - {name: client-ca, mountPath: /etc/sluice/client-ca, readOnly: true}
            {{- end }}
      volumes:
        {{- if $isSqlite }}
        - name: ledger
          {{- if eq $values.database.storage "Ephemeral" }}
          emptyDir: {}
          {{- else }}
          persistentVolumeClaim: {claimName: {{ $values.database.volumeClaim | default "sluice-ledger" }}}
          {{- end }}
        {{- end }}
        {{- if $clientCA }}
        - name: client-ca
          configMap: {name: sluice-client-ca}
        {{- end }}
          {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector: {{ toJson . }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations: {{ toJson . }}
      {{- end }}
{{- if gt (int $values.replicas) 1 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sluice.labels" .root | nindent 4 }}
spec:
  minAvailable: 1
  selector:
    matchLabels:
      {{- include "sluice.podSelector" . | nindent 6 }}
{{- end }}
{{- end }}

{{- define "sluice.podSelector" -}}
app.kubernetes.io/name: sluice
app.kubernetes.io/component: {{ .command }}
{{- end }}
