{{- define "sluice.webhook.client" -}}
{{- /* caBundle is left out on purpose. The process writes it as its own field manager: an upgrade, server-side or three-way, touches only the
fields that the chart renders and leaves it as it is. An upgrade with --force-replace empties it, and so does coming back after break-glass;
until the process, which watches, has put it back (well within a second), governed requests are refused as they are while Sluice is down. */ -}}
{{- if .root.Values.webhook.url -}}
url: {{ .root.Values.webhook.url }}{{ .path }}
{{- else -}}
service:
  name: sluice
  namespace: {{ .root.Release.Namespace }}
  path: {{ .path }}
  port: 443
{{- end }}
{{- end }}

{{- define "sluice.webhook.common" -}}
admissionReviewVersions: [v1]
clientConfig:
  {{- include "sluice.webhook.client" . | nindent 2 }}
matchPolicy: Equivalent
timeoutSeconds: {{ .root.Values.webhook.timeoutSeconds }}
{{- end }}

{{- /* Governed: the namespace is bound to a project and not exempt. */}}
{{- define "sluice.webhook.namespaceSelector" -}}
matchExpressions:
  - {key: platform-go/project-id, operator: Exists}
  - {key: kubernetes.io/metadata.name, operator: NotIn, values: {{ include "sluice.exemptNamespaces" . }}}
{{- end }}

{{- /* It carries out deletions that were judged when they were asked for. */}}
{{- define "sluice.webhook.notTheGarbageCollector" -}}
# Owner references and finalizers that it takes away end a deletion, which must never wait.
- name: not-the-garbage-collector
  expression: >-
    request.operation != 'UPDATE' ||
    request.userInfo.?username.orValue('') != 'system:serviceaccount:kube-system:generic-garbage-collector'
{{- end }}

{{- /* What the governed entry hears; the mutating and the validating one are the same. */}}
{{- define "sluice.webhook.governed" -}}
namespaceSelector:
  {{- include "sluice.webhook.namespaceSelector" . | nindent 2 }}
rules:
  # Every Pod subresource, so that one which Kubernetes adds is judged and not skipped. `bindings` is the old name of pods/binding.
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [pods, pods/*, bindings]
    scope: Namespaced
  {{- range include "sluice.workloadKinds" . | fromYamlArray }}
  - apiGroups: [{{ .group | quote }}]
    apiVersions: [{{ .version }}]
    operations: [CREATE, UPDATE]
    resources:
      {{- range .resources }}
      - {{ . }}
      - {{ . }}/*
      {{- end }}
    scope: Namespaced
  {{- end }}
matchConditions:
  - name: not-sluice-itself
    expression: >-
      {{ include "sluice.cel.notSluice" . | indent 6 | trim }}
  # log is nobody's change, exec, attach, portforward and proxy are connections, and an eviction is a deletion.
  - name: not-another-entrys-subresource
    expression: >-
      !(request.resource.group == '' && request.resource.resource == 'pods' &&
      request.?subResource.orValue('') in ['log', 'proxy', 'exec', 'attach', 'portforward', 'eviction'])
  # The scheduler's decision follows from what was admitted; anybody else's binding is judged.
  - name: not-the-schedulers-binding
    expression: >-
      !(request.resource.group == '' && request.resource.resource == 'pods' &&
      request.?subResource.orValue('') == 'binding' &&
      request.userInfo.?username.orValue('') == 'system:kube-scheduler')
  # Status is reported all the time, and a status request can change labels. A Pod's status is believed from nodes and the control plane alone.
  - name: status-that-changes-more
    expression: >-
      request.?subResource.orValue('') != 'status' || request.operation != 'UPDATE' ||
      {{ include "sluice.cel.metadataDiffers" . | indent 6 | trim }} ||
      (request.resource.group == '' && request.resource.resource == 'pods' &&
      !{{ include "sluice.cel.infrastructure" . | indent 6 | trim }})
  {{- include "sluice.webhook.notTheGarbageCollector" . | nindent 2 }}
  # An update that changes nothing, or only takes finalizers away, must never wait: a deletion hangs on it. Adding one is a change.
  - name: changes-something
    expression: >-
      request.operation != 'UPDATE' ||
      {{ include "sluice.cel.contentDiffers" . | indent 6 | trim }} ||
      {{ include "sluice.cel.metadataDiffers" . | indent 6 | trim }} ||
      object.metadata.?finalizers.orValue([]).exists(f, !(f in oldObject.metadata.?finalizers.orValue([])))
{{- end }}

{{- /* Claims and snapshots; the mutating and the validating entry are the same. */}}
{{- define "sluice.webhook.volumes" -}}
namespaceSelector:
  {{- include "sluice.webhook.namespaceSelector" . | nindent 2 }}
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [persistentvolumeclaims, persistentvolumeclaims/*]
    scope: Namespaced
  # Where snapshots are installed.
  - apiGroups: [snapshot.storage.k8s.io]
    apiVersions: ["*"]
    operations: [CREATE, UPDATE]
    resources: [volumesnapshots, volumesnapshots/*]
    scope: Namespaced
matchConditions:
  - name: not-sluice-itself
    expression: >-
      {{ include "sluice.cel.notSluice" . | indent 6 | trim }}
  {{- include "sluice.webhook.notTheGarbageCollector" . | nindent 2 }}
  # Volumes are bound, resized and protected by the control plane. Whom a claim is given to as its owner is judged whoever asks: it goes with them.
  # And so is from what a copy is made, when it is made.
  - name: not-the-control-planes-update
    expression: >-
      request.operation != 'UPDATE' || object.metadata[?'ownerReferences'] != oldObject.metadata[?'ownerReferences'] ||
      {{ include "sluice.cel.copyBegins" . | indent 6 | trim }} ||
      !{{ include "sluice.cel.infrastructure" . | indent 6 | trim }}
  # Storage drivers run in namespaces of their own and write annotations, finalizers and status all the time.
  - name: changes-something
    expression: >-
      request.operation != 'UPDATE' ||
      ['labels', 'ownerReferences'].exists(f, object.metadata[?f] != oldObject.metadata[?f]) ||
      object[?'spec'] != oldObject[?'spec'] ||
      {{ include "sluice.cel.copyBegins" . | indent 6 | trim }} ||
      ((object.metadata[?'annotations'] != oldObject.metadata[?'annotations'] ||
      object.metadata.?finalizers.orValue([]).exists(f, !(f in oldObject.metadata.?finalizers.orValue([]))) ||
      request.?subResource.orValue('') == 'status') &&
      (!request.userInfo.?username.orValue('').startsWith('system:serviceaccount:') ||
      request.userInfo.?username.orValue('').startsWith('system:serviceaccount:' + request.namespace + ':')))
{{- end }}

{{- /* Claims of devices and templates of them; the mutating and the validating entry are the same. A claim's status cannot change its metadata. */}}
{{- define "sluice.webhook.claims" -}}
namespaceSelector:
  {{- include "sluice.webhook.namespaceSelector" . | nindent 2 }}
rules:
  # Older versions are converted: matchPolicy Equivalent.
  - apiGroups: [resource.k8s.io]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [resourceclaims, resourceclaimtemplates]
    scope: Namespaced
matchConditions:
  - name: not-sluice-itself
    expression: >-
      {{ include "sluice.cel.notSluice" . | indent 6 | trim }}
  {{- include "sluice.webhook.notTheGarbageCollector" . | nindent 2 }}
  # The scheduler and the claim's controller put a finalizer on and take it off: allocation and release never wait. That which
  # protects a claim stays until the claim is deleted, but for what was made for one Pod.
  - name: changes-something
    expression: >-
      request.operation != 'UPDATE' ||
      {{ include "sluice.cel.metadataDiffers" . | indent 6 | trim }} ||
      object[?'spec'] != oldObject[?'spec'] ||
      {{ include "sluice.cel.protectionEnds" . | indent 6 | trim }} ||
      (!{{ include "sluice.cel.infrastructure" . | indent 6 | trim }} &&
      object.metadata.?finalizers.orValue([]).exists(f, !(f in oldObject.metadata.?finalizers.orValue([]))))
{{- end }}

{{- /* Services of people and of a project's own accounts; the mutating and the validating entry are the same. */}}
{{- define "sluice.webhook.services" -}}
namespaceSelector:
  {{- include "sluice.webhook.namespaceSelector" . | nindent 2 }}
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [services, services/*]
    scope: Namespaced
matchConditions:
  - name: not-sluice-itself
    expression: >-
      {{ include "sluice.cel.notSluice" . | indent 6 | trim }}
  {{- include "sluice.static.people" . | nindent 2 }}
  # Load balancers report in the status, and an update that changes nothing must never wait: a deletion hangs on it.
  - name: changes-something
    expression: >-
      request.operation != 'UPDATE' || object[?'spec'] != oldObject[?'spec'] ||
      {{ include "sluice.cel.metadataDiffers" . | indent 6 | trim }}
{{- end }}

{{- define "sluice.webhook.elsewhereSelector" -}}
matchExpressions:
  - {key: platform-go/project-id, operator: DoesNotExist}
  - {key: kubernetes.io/metadata.name, operator: NotIn, values: {{ include "sluice.exemptNamespaces" . }}}
{{- end }}

{{- /* Workloads where no project is, as people and operators write them. */}}
{{- define "sluice.webhook.elsewhereWorkloads" -}}
namespaceSelector:
  {{- include "sluice.webhook.elsewhereSelector" . | nindent 2 }}
rules:
  {{- range include "sluice.workloadKinds" . | fromYamlArray }}
  {{- $makesPods := without .resources "horizontalpodautoscalers" "poddisruptionbudgets" "podgroups" "workloads" }}
  {{- if $makesPods }}
  - apiGroups: [{{ .group | quote }}]
    apiVersions: [{{ .version }}]
    operations: [CREATE, UPDATE]
    resources: {{ $makesPods | toJson }}
    scope: Namespaced
  {{- end }}
  {{- end }}
matchConditions:
  - name: not-sluice-itself
    expression: >-
      {{ include "sluice.cel.notSluice" . | indent 6 | trim }}
  - name: not-infrastructure
    expression: >-
      !{{ include "sluice.cel.infrastructure" . | indent 6 | trim }}
  - name: changes-something
    expression: >-
      request.operation != 'UPDATE' ||
      {{ include "sluice.cel.contentDiffers" . | indent 6 | trim }}
{{- end }}

{{- /* Devices that are asked for where no project is. What names no claim and no resource with a domain is not sent. */}}
{{- define "sluice.webhook.elsewhere" -}}
namespaceSelector:
  {{- include "sluice.webhook.elsewhereSelector" . | nindent 2 }}
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE]
    resources: [pods]
    scope: Namespaced
  - apiGroups: [resource.k8s.io]
    apiVersions: [v1]
    operations: [CREATE]
    resources: [resourceclaims, resourceclaimtemplates]
    scope: Namespaced
matchConditions:
  - name: not-sluice-itself
    expression: >-
      {{ include "sluice.cel.notSluice" . | indent 6 | trim }}
  - name: asks-devices
    expression: >-
      request.resource.resource != 'pods' || has(object.spec.resourceClaims) ||
      (object.spec.containers + object.spec.?initContainers.orValue([])).exists(c,
      ['limits', 'requests'].exists(m, c.?resources[?m].orValue({}).exists(r, r.contains('/'))))
{{- end }}

{{- /* What the entries of records hear: `records` are plural names. */}}
{{- define "sluice.webhook.records" -}}
rules:
  - apiGroups: [sluice.dev]
    apiVersions: [v1alpha1]
    operations: [CREATE, UPDATE, DELETE]
    resources:
      {{- range .records }}
      - {{ . }}
      - {{ . }}/status
      {{- end }}
    scope: Cluster
matchConditions:
  - name: not-sluice-itself
    expression: >-
      {{ include "sluice.cel.notSluice" .root | indent 6 | trim }}
  {{- include "sluice.webhook.notTheGarbageCollector" .root | nindent 2 }}
  # `helm upgrade` and GitOps tools write the same again: that needs no Sluice. Finalizers are an Admin's, like everything else here.
  - name: changes-something
    expression: >-
      request.operation != 'UPDATE' ||
      {{ include "sluice.cel.contentDiffers" .root | indent 6 | trim }} ||
      {{ include "sluice.cel.metadataDiffers" .root | indent 6 | trim }} ||
      object.metadata[?'finalizers'] != oldObject.metadata[?'finalizers']
{{- end }}
