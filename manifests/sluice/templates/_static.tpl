{{- /* What the static policies share: for whom they hold, and that they refuse. */}}

{{- define "sluice.static.people" -}}
# Storage drivers and operators in namespaces of their own take their finalizers off; the accounts of a project are its people's.
- name: people-and-their-accounts
  expression: >-
    {{ include "sluice.cel.people" . | indent 4 | trim }}
{{- end }}

{{- define "sluice.cel.people" -}}
(!{{ include "sluice.cel.infrastructure" . }} &&
!request.userInfo.?groups.orValue([]).exists(g, g in {{ include "sluice.adminGroups" . }}) &&
(!request.userInfo.?username.orValue('').startsWith('system:serviceaccount:') ||
request.userInfo.?username.orValue('').startsWith('system:serviceaccount:' + request.namespace + ':')))
{{- end }}

{{- define "sluice.static.binding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels:
    {{- include "sluice.labels" .root | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: [{{ include "sluice.staticPolicies" .root }}]
{{- end }}

{{- /* Kinds that people write and Sluice never hears of, or hears of only when they are written. RBAC is rendered from the first. */}}
{{- define "sluice.peoplesConfigKinds" -}}
- {group: "", resources: [configmaps, secrets, services]}
- {group: networking.k8s.io, resources: [ingresses]}
{{- end }}

{{- define "sluice.configKinds" -}}
{{ include "sluice.peoplesConfigKinds" . }}
- {group: "", resources: [endpoints]}
- {group: discovery.k8s.io, resources: [endpointslices]}
{{- end }}

{{- /* True of whoever manages the namespace's project: the verb is the roles' of Managers and Admins. */}}
{{- define "sluice.cel.manages" -}}
authorizer.group('sluice.dev').resource('projects').namespace(request.namespace).check('manage').allowed()
{{- end }}
