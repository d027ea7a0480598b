{{- /* What the static policies share: for whom they hold, and that they refuse. */}}

{{- define "sluice.static.people" -}}
# Storage drivers and operators in namespaces of their own take their finalizers off; the accounts of a project are its people's.
- name: people-and-their-accounts
  expression: >-
    !{{ include "sluice.cel.infrastructure" . | indent 4 | trim }} &&
    !request.userInfo.?groups.orValue([]).exists(g, g in {{ include "sluice.adminGroups" . }}) &&
    (!request.userInfo.?username.orValue('').startsWith('system:serviceaccount:') ||
    request.userInfo.?username.orValue('').startsWith('system:serviceaccount:' + request.namespace + ':'))
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
  validationActions: [Deny]
{{- end }}
