{{- /*
Expressions of the webhooks' matchConditions. One that fails to evaluate refuses the request where failurePolicy is Fail, so nothing here may:
fields that JSON leaves out when empty are read with `.?`, and `oldObject` (null on CREATE) only behind a look at the operation.
*/}}

{{- define "sluice.cel.notSluice" -}}
!(request.userInfo.?username.orValue('') in {{ include "sluice.usernames" . }})
{{- end }}

{{- /* Nodes and the control plane: they report on objects and clean up, they don't decide what runs. */}}
{{- define "sluice.cel.infrastructure" -}}
(request.userInfo.?groups.orValue([]).exists(g, g in ['system:nodes', 'system:serviceaccounts:kube-system']) ||
request.userInfo.?username.orValue('') in ['system:kube-scheduler', 'system:kube-controller-manager'])
{{- end }}

{{- /* True where one of the metadata fields that say who, whose and what differs. */}}
{{- define "sluice.cel.metadataDiffers" -}}
['labels', 'annotations', 'ownerReferences'].exists(f, object.metadata[?f] != oldObject.metadata[?f])
{{- end }}

{{- /* True where anything but metadata differs, whatever fields the kind has. */}}
{{- define "sluice.cel.contentDiffers" -}}
(object.exists(f, f != 'metadata' && (!(f in oldObject) || object[f] != oldObject[f])) ||
oldObject.exists(f, !(f in object)))
{{- end }}

{{- /* True where a claim of devices that stays, and was not made for one Pod, loses what protects it. */}}
{{- define "sluice.cel.protectionEnds" -}}
(request.operation == 'UPDATE' && !has(object.metadata.deletionTimestamp) &&
'resource.kubernetes.io/delete-protection' in oldObject.metadata.?finalizers.orValue([]) &&
!('resource.kubernetes.io/delete-protection' in object.metadata.?finalizers.orValue([])) &&
!{{ include "sluice.cel.madeForAPod" . }})
{{- end }}

{{- /* True of a claim of devices that Kubernetes made for a Pod: its controller. Anybody may write owners; these annotations only Kubernetes does. */}}
{{- define "sluice.cel.madeForAPod" -}}
object.metadata.?annotations.orValue({}).exists(k, k.startsWith('resource.kubernetes.io/'))
{{- end }}

{{- /* True where the control plane tells a storage driver to make a volume as a copy: the driver looks for the source by its name from now on. */}}
{{- define "sluice.cel.copyBegins" -}}
(request.operation == 'UPDATE' && request.resource.resource == 'persistentvolumeclaims' &&
(object.?spec.?dataSource.hasValue() || object.?spec.?dataSourceRef.hasValue()) &&
['volume.kubernetes.io/storage-provisioner', 'volume.beta.kubernetes.io/storage-provisioner'].exists(k,
k in object.metadata.?annotations.orValue({}) && !(k in oldObject.metadata.?annotations.orValue({}))))
{{- end }}
