{{- define "sluice.verbs.all" -}}
[get, list, watch, create, update, patch, delete, deletecollection]
{{- end }}

{{- define "sluice.verbs.read" -}}
[get, list, watch]
{{- end }}

{{- /* What every member of a project may do in its namespaces. What they may do to a colleague's work is the webhook's to say, not RBAC's.
Not here: rolebindings, tokens and impersonation, the proxy subresources. */}}
{{- define "sluice.rules.member" -}}
{{- $all := include "sluice.verbs.all" . -}}
{{- $read := include "sluice.verbs.read" . -}}
{{- range include "sluice.workloadKinds" . | fromYamlArray }}
- apiGroups: [{{ .group | quote }}]
  resources: {{ .resources | toJson }}
  verbs: {{ $all }}
- apiGroups: [{{ .group | quote }}]
  resources:
    {{- range .resources }}
    - {{ . }}/scale
    {{- end }}
  verbs: [get, update, patch]
{{- end }}
- apiGroups: [""]
  resources: [pods, persistentvolumeclaims]
  verbs: {{ $all }}
# A deletion of all Secrets at once would answer with what is in them.
{{- range include "sluice.peoplesConfigKinds" . | fromYamlArray }}
- apiGroups: [{{ .group | quote }}]
  resources: {{ .resources | toJson }}
  verbs: [get, list, watch, create, update, patch, delete]
{{- end }}
- apiGroups: [snapshot.storage.k8s.io]
  resources: [volumesnapshots]
  verbs: {{ $all }}
- apiGroups: [""]
  resources: [pods/log, pods/status]
  verbs: [get]
- apiGroups: [""]
  resources: [pods/exec, pods/attach, pods/portforward]
  verbs: [get, create]
# kubectl debug and kubectl patch --subresource resize
- apiGroups: [""]
  resources: [pods/ephemeralcontainers, pods/resize]
  verbs: [get, update, patch]
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
- apiGroups: [resource.k8s.io]
  resources: [resourceclaims, resourceclaimtemplates]
  verbs: {{ $all }}
- apiGroups: [""]
  resources: [events, serviceaccounts, endpoints, limitranges, resourcequotas]
  verbs: {{ $read }}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: {{ $read }}
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: {{ $read }}
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: {{ $read }}
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: {{ $read }}
{{- end }}

{{- /* What a Manager may do besides: things that touch everybody's Pods at once. A project's Admin may do more to its record, not in its namespaces. */}}
{{- define "sluice.rules.manager" -}}
# No verb of Kubernetes: the static policies ask for it.
- apiGroups: [sluice.dev]
  resources: [projects]
  verbs: [manage]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: {{ include "sluice.verbs.all" . }}
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: {{ include "sluice.verbs.all" . }}
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: {{ include "sluice.verbs.read" . }}
{{- end }}

{{- /* Leadership, and Events about itself. */}}
{{- define "sluice.rules.ownNamespace" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [get, list, watch, create, update, patch]
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{- /* Binds a component's ClusterRole and Role to the account that it runs as. */}}
{{- define "sluice.bindings" }}
{{- $account := index (include "sluice.serviceAccounts" .root | fromYaml) .component }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: sluice-{{ .component }}
  labels:
    {{- include "sluice.labels" .root | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sluice-{{ .component }}}
subjects:
  - {kind: ServiceAccount, name: {{ $account }}, namespace: {{ .root.Release.Namespace }}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: sluice-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sluice.labels" .root | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: sluice-{{ .component }}}
subjects:
  - {kind: ServiceAccount, name: {{ $account }}, namespace: {{ .root.Release.Namespace }}}
{{- end }}
