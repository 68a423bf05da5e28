"""Every generated name, spelled once and called from both sides, so that a record and its alert, a panel and the
link to it, a tag and the search for it cannot drift apart.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from observe.model import Mesh, Service

TOOL: Final = "observe"
FIELD_MANAGER: Final = TOOL
"""Who owns the fields that are applied to the cluster."""

LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
LABEL_PART_OF: Final = "app.kubernetes.io/part-of"
ANNOTATION_HASH: Final = "observe/content-hash"
ANNOTATION_REASON: Final = "observe/reason"
ANNOTATION_OWNER: Final = "observe/owner"
WAYPOINT: Final = "waypoint"
"""A namespace's waypoint: the Gateway, and the service account that its pods get by it (istio
`pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go`)."""
ANNOTATION_EXPIRES: Final = "observe/expires"
"""The last day on which an object may be there."""
TAG_TOOL: Final = TOOL

SERVICE_LABELS: Final = ("destination_service_namespace", "destination_service_name")
"""What requests are counted by. Unlike the workload labels they survive a request that reached no host
(istio/proxy `istio_stats.cc`: the workload is `unknown` then)."""


def slug(text: str) -> str:
    """Lower-case letters, digits and single dashes, beginning and ending with no dash; never empty."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def digest(content: bytes, length: int = 16) -> str:
    """The first hexadecimal digits of the content's SHA-256."""
    return hashlib.sha256(content).hexdigest()[:length]


def uid(mesh: str, *parts: str) -> str:
    """A Grafana uid: at most 40 of `[a-z0-9-]`, readable in front, and distinct for distinct parts.

    Grafana accepts 40 characters of `[a-zA-Z0-9_-]`; newer versions also want a Kubernetes name.
    """
    exact = digest("\0".join((mesh, *parts)).encode(), 8)
    return f"{slug('-'.join((mesh, *parts)))[:31].strip('-')}-{exact}"


def folder_uid(mesh: str) -> str:
    """The uid of the folder that the pack's dashboards lie in."""
    return uid(mesh, "folder")


def overview_uid(mesh: str) -> str:
    """The uid of the mesh overview dashboard."""
    return uid(mesh, "mesh-overview")


def mtls_uid(mesh: str) -> str:
    """The uid of the mTLS coverage dashboard."""
    return uid(mesh, "mtls-coverage")


def service_uid(mesh: str, namespace: str, service: str) -> str:
    """The uid of a service's dashboard."""
    return uid(mesh, "svc", namespace, service)


def panel_id(key: str) -> int:
    """A panel's id, told by its key alone: moving or adding panels renumbers nothing, so links keep working."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:3], "big") + 1


def pack_tag(mesh: str) -> str:
    """The dashboard tag that says which pack owns it."""
    return f"{TOOL}-pack-{mesh}"


def hash_tag(content_hash: str) -> str:
    """The dashboard tag that carries the content hash: one search returns it for every dashboard."""
    return f"{TOOL}-hash-{content_hash}"


def hash_of_tags(tags: list[str]) -> str | None:
    """The content hash that `hash_tag` wrote."""
    prefix = hash_tag("")
    return next((tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)), None)


def labels(mesh: str) -> dict[str, str]:
    """The labels on every generated Kubernetes object."""
    return {LABEL_MANAGED_BY: TOOL, LABEL_PART_OF: mesh}


def rule_object(namespace: str, service: str) -> str:
    """A service's PrometheusRule. All of them share one namespace; a dot cannot stand in either part, so no two
    services get the same name.
    """
    return f"{namespace}.{service}"


def mesh_rule_object(mesh: str) -> str:
    """The PrometheusRule with the recording rules; without a dot, so it is no service's."""
    return f"{mesh}-mesh-records"


Level = Literal["service", "service_answer", "service_peer"]


def record(level: Level, metric: str, operations: str) -> str:
    """A recorded series: `level:metric:operations`, as Prometheus' own practice asks."""
    return f"{level}:{metric}:{operations}"


def quantile_name(quantile: float) -> str:
    """`p99` for 0.99, `p99_9` for 0.999: what record names and titles say."""
    return "p" + f"{quantile * 100:.6g}".replace(".", "_")


AlertName = Literal[
    "ServiceErrorRateHigh",
    "ServiceErrorRateCritical",
    "ServiceLatencyHigh",
    "ServiceCircuitBreakerEjecting",
    "ServiceMtlsCoverageLow",
]


def runbook_path(alert: str) -> str:
    """Where an alert's runbook lies in the pack."""
    return f"runbooks/{alert}.md"


def runbook_url(base: str, alert: str) -> str:
    """Where an alert's runbook is read."""
    return f"{base.rstrip('/')}/{alert}.md"


def dashboard_url(grafana: str, dashboard: str) -> str:
    """A dashboard's address; Grafana redirects to the one with the title."""
    return f"{grafana.rstrip('/')}/d/{dashboard}"


def panel_url(grafana: str, dashboard: str, panel: str) -> str:
    """The address of one panel, by its key."""
    return f"{dashboard_url(grafana, dashboard)}?viewPanel={panel_id(panel)}"


def service_manifest_path(namespace: str, service: str, kind: str, name: str) -> str:
    """Where a service's Istio resource lies in the pack: `istio/<namespace>/<service>/virtual-service.yaml`, with
    the object's name where that is not the service's.
    """
    file = words(kind) if name == service else f"{words(kind)}-{name.removeprefix(f'{service}-')}"
    return f"istio/{namespace}/{service}/{file}.yaml"


def namespace_manifest_path(namespace: str, kind: str, name: str) -> str:
    """Where a resource lies that belongs to a namespace as a whole. No service's folder ends with `.yaml`."""
    return f"istio/{namespace}/{words(kind)}-{name}.yaml"


def words(kind: str) -> str:
    """`VirtualService` as `virtual-service`, `HTTPRoute` as `http-route`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", kind).lower()


LONGEST_NAME: Final = 200
"""Characters: Kubernetes takes 253 in a name, and a file's name may have 255 bytes with what stands around it."""


def gateway_route(gateway: str, asked: str) -> str:
    """The routes of a gateway for a host. A dot cannot stand in a gateway's or a service's name, so no two gateways
    and no service get the same name.
    """
    name = f"{gateway}.{asked}"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 9].rstrip('.-')}-{digest(name.encode(), 8)}"


def gateway_rate_limits(owner: str) -> str:
    """A gateway's EnvoyFilter with its global rate limits, and the mesh's ConfigMap for the service that counts."""
    return f"{owner}-rate-limits"


DEFAULT_POLICY: Final = "default"
DEFAULT_DENY: Final = "default-deny"
FOR_ALL: Final = frozenset({DEFAULT_POLICY, DEFAULT_DENY})
"""The names of policies without a selector: they hold for a namespace or for the mesh."""


def rule_path(namespace: str, service: str) -> str:
    """Where a service's PrometheusRule lies in the pack."""
    return f"alerts/{namespace}/{service}.yaml"


MESH_RULE_PATH: Final = "alerts/mesh-records.yaml"
INSTALL_PATH: Final = "install/istio-operator.yaml"
NAMESPACES_PATH: Final = "install/namespaces.yaml"


def helm_path(chart: str) -> str:
    """Where the values of one of Istio's charts lie in the pack."""
    return f"install/helm/{chart}.yaml"


def helm_gateway_path(namespace: str, gateway: str) -> str:
    """Where the values of the chart `gateway` lie for one of its releases."""
    return f"install/helm/gateways/{namespace}/{gateway}.yaml"


def workload_path(namespace: str, kind: str, name: str) -> str:
    """Where the patch of a workload lies in the pack, beside its namespace's kustomization."""
    return f"install/workloads/{namespace}/{words(kind)}-{name}.yaml"


def kustomization_path(namespace: str) -> str:
    """Where the kustomization lies that names the patches of a namespace's workloads."""
    return f"install/workloads/{namespace}/kustomization.yaml"


def dashboard_path(dashboard: str) -> str:
    """Where a dashboard lies in the pack."""
    return f"dashboards/{dashboard}.json"


def host(namespace: str, service: str, cluster_domain: str) -> str:
    """A service's fully qualified host. Short names mean the namespace of the resource that says them, so they
    are never written (istio `ResolveShortnameToFQDN`).
    """
    return f"{service}.{namespace}.svc.{cluster_domain}"


def host_of(mesh: Mesh, service: Service) -> str:
    """The host that callers dial: the Service's own, or where the service is outside the cluster."""
    return service.outside.host if service.outside else host(service.namespace, service.name, mesh.cluster_domain)


def namespace_of(mesh: Mesh, name: str) -> str | None:
    """The namespace of a host in the cluster's domain; None for one elsewhere."""
    service, _, rest = name.partition(".")
    namespace, _, domain = rest.partition(".")
    return namespace if service and domain == f"svc.{mesh.cluster_domain}" else None


def principal(trust_domain: str, namespace: str, service_account: str) -> str:
    """An identity as AuthorizationPolicy writes it: without `spiffe://`."""
    return f"{trust_domain}/ns/{namespace}/sa/{service_account}"
