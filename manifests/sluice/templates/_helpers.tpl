{{- define "sluice.labels" -}}
app.kubernetes.io/name: sluice
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* Every workload kind: the built-in ones, those of them last that make no Pods and reach others', then the policy's. One entry a group and version. */}}
{{- define "sluice.workloadKinds" -}}
- {group: sluice.dev, version: v1alpha1, resources: [workspaces]}
- {group: apps, version: v1, resources: [deployments, replicasets, statefulsets, daemonsets]}
- {group: batch, version: v1, resources: [jobs, cronjobs]}
- {group: "", version: v1, resources: [replicationcontrollers]}
- {group: autoscaling, version: v2, resources: [horizontalpodautoscalers]}
- {group: policy, version: v1, resources: [poddisruptionbudgets]}
- {group: scheduling.k8s.io, version: v1beta1, resources: [podgroups, workloads]}
{{- range .Values.policy.workloadKinds }}
- {group: {{ .group | default "" | quote }}, version: {{ .version }}, resources: [{{ .resource }}]}
{{- end }}
{{- end }}

{{- /* Not empty where a rule is enforced, as far as the policy says it: a project may enforce more. */}}
{{- define "sluice.enforces" -}}
{{- $modes := .Values.policy.ruleModes -}}
{{- if or (not (has (get $modes "*") (list "warn" "off"))) (has "enforce" (values $modes)) -}}
true
{{- end -}}
{{- end }}

{{- /* What becomes of a request while Sluice is away. Where nothing is enforced, a Sluice that is away refuses nobody either. */}}
{{- define "sluice.failurePolicy" -}}
{{ if include "sluice.enforces" . }}Fail{{ else }}Ignore{{ end }}
{{- end }}

{{- /* What the static policies do. */}}
{{- define "sluice.staticPolicies" -}}
{{ .Values.staticPolicies | default (eq (include "sluice.failurePolicy" .) "Fail" | ternary "Deny" "Warn") }}
{{- end }}

{{- /* The policy's exempt namespaces and Sluice's own. kube-system is exempt whatever the values say. */}}
{{- define "sluice.exemptNamespaces" -}}
{{- concat .Values.policy.exemptNamespaces (list "kube-system" .Release.Namespace) | uniq | toJson }}
{{- end }}

{{- /* Component -> service account. The names are fixed: people's RBAC and the entries below know them. */}}
{{- define "sluice.serviceAccounts" -}}
{{- if eq .Values.components "apart" -}}
{webhook: sluice-webhook, reapers: sluice-reapers}
{{- else -}}
{webhook: sluice, reapers: sluice}
{{- end }}
{{- end }}

{{- /* The subjects that are Sluice itself, as usernames. */}}
{{- define "sluice.usernames" -}}
{{- $names := list }}
{{- range include "sluice.serviceAccounts" . | fromYaml | values }}
{{- $names = append $names (printf "system:serviceaccount:%s:%s" $.Release.Namespace .) }}
{{- end }}
{{- $names | uniq | sortAlpha | toJson }}
{{- end }}

{{- /* Under this account the Pods of workspaces are made. The webhooks hear of it: it is none of Sluice's own usernames. */}}
{{- define "sluice.workspacesUsername" -}}
system:serviceaccount:{{ .Release.Namespace }}:sluice-workspaces
{{- end }}

{{- /* The groups whose people are Admins. */}}
{{- define "sluice.adminGroups" -}}
{{- concat (list "system:masters") .Values.adminGroups | uniq | toJson }}
{{- end }}

{{- define "sluice.projectRoles" -}}
[sluice-project-member, sluice-project-manager, sluice-project-admin]
{{- end }}

{{- define "sluice.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "sluice.certsSecret" -}}
{{ .Values.webhook.tls.secretName | default "sluice-certs" }}
{{- end }}

{{- define "sluice.records" -}}
[users, groups, projects, resourceplans, platformqueues, gpumodels, platformpolicies]
{{- end }}

{{- /* Not empty where the ledger is a file: then there may be one process. */}}
{{- define "sluice.database.isSqlite" -}}
{{- if not (or .Values.database.url .Values.database.secret) -}}
{{- if or (gt (int .Values.replicas) 1) (eq .Values.components "apart") -}}
{{- fail "more than one process cannot share a ledger in SQLite: set database.url or database.secret to a PostgreSQL, or replicas: 1 and components: together" -}}
{{- end -}}
true
{{- end -}}
{{- end }}

{{- /* Not empty where the chart makes the claim that keeps the file. */}}
{{- define "sluice.database.ownClaim" -}}
{{- if and (eq .Values.database.storage "Ephemeral") .Values.database.volumeClaim -}}
{{- fail "database.volumeClaim keeps the ledger, and database.storage: Ephemeral does not: set one of them" -}}
{{- end -}}
{{- if and (eq .Values.database.storage "Claim") (not .Values.database.volumeClaim) -}}
true
{{- end -}}
{{- end }}

{{- define "sluice.database.secret" -}}
{{- with .Values.database.secret -}}
{{ dict "name" .name "key" (.key | default "url") | toJson }}
{{- else -}}
{name: sluice-database, key: url}
{{- end -}}
{{- end }}
