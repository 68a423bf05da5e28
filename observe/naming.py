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

USUAL_GATEWAY: Final = "istio-ingressgateway"
"""The gateway that istioctl installs unless it is told otherwise."""
ACCOUNT_SUFFIX: Final = "-service-account"
"""What the charts of istioctl append to a gateway's name (`manifests/charts/gateways/istio-ingress`)."""
MANAGED_SUFFIX: Final = "-istio"
"""What istiod appends to the name of a Gateway that it deploys: its class (istio `gateway_utils.go`,
`GetDefaultName`)."""

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


def resilience_uid(mesh: str) -> str:
    """The uid of the circuit breakers and resilience dashboard."""
    return uid(mesh, "resilience")


def migration_uid(mesh: str) -> str:
    """The uid of the migration dashboard."""
    return uid(mesh, "migration")


def control_plane_uid(mesh: str) -> str:
    """The uid of the control plane dashboard."""
    return uid(mesh, "control-plane")


def ingress_uid(mesh: str) -> str:
    """The uid of the ingress dashboard."""
    return uid(mesh, "ingress")


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


def mesh_rule_object(mesh: str, part: MeshRules) -> str:
    """The PrometheusRule with the mesh's records, or with its alerts; without a dot, so it is no service's."""
    return f"{mesh}-mesh-{part}"


MeshRules = Literal["records", "alerts"]


Level = Literal[
    "caller",
    "edge",
    "edge_answer",
    "gateway",
    "gateway_answer",
    "mesh",
    "namespace",
    "pod",
    "service",
    "service_answer",
    "service_endpoint",
    "service_endpoint_answer",
    "service_peer",
]


def record(level: Level, metric: str, operations: str) -> str:
    """A recorded series: `level:metric:operations`, as Prometheus' own practice asks."""
    return f"{level}:{metric}:{operations}"


def quantile_name(quantile: float) -> str:
    """`p99` for 0.99, `p99_9` for 0.999: what record names and titles say."""
    return "p" + f"{quantile * 100:.6g}".replace(".", "_")


ServiceAlert = Literal[
    "ServiceErrorRateHigh",
    "ServiceErrorRateCritical",
    "ServiceLatencyHigh",
    "ServiceErrorBudgetBurningFast",
    "ServiceErrorBudgetBurningSlow",
    "ServiceLatencyBudgetBurningFast",
    "ServiceLatencyBudgetBurningSlow",
    "ServiceFailingAtLowTraffic",
    "ServiceConnectionsFailing",
    "ServiceGone",
    "ServiceTelemetryLost",
    "ServiceTrafficStopped",
    "ServiceCircuitBreakerEjecting",
    "ServiceEjectionsDenied",
    "ServiceConnectionPoolOverflowing",
    "ServiceRetryStorm",
    "ServiceMtlsCoverageLow",
    "ServicePlaintextCaller",
    "ServiceRequestsDenied",
    "ServiceEgressBlocked",
]
"""Alerts that each service has its own of."""

MeshAlert = Literal[
    "MeshTelemetryLost",
    "MeshWorkloadCertificateExpiring",
    "MeshCaCertificateExpiring",
    "ControlPlaneDown",
    "ControlPlaneConfigurationRejected",
    "ControlPlanePushFailing",
    "ControlPlaneConvergenceSlow",
    "SidecarInjectionFailing",
]
"""Alerts of the mesh as a whole."""

AlertName = ServiceAlert | MeshAlert


def runbook_path(alert: str) -> str:
    """Where an alert's general runbook lies in the pack."""
    return f"runbooks/{alert}.md"


def service_runbook_path(namespace: str, service: str) -> str:
    """Where the runbook of a service lies. Alerts begin with a capital, so no namespace's folder meets them."""
    return f"runbooks/{namespace}/{service}.md"


def runbook_anchor(alert: str) -> str:
    """Where on a service's runbook an alert is found: the `id` of an `<a>` there, so that it does not depend on how
    somebody's Markdown makes anchors of headings. GitHub and GitLab put `user-content-` before every id, and find it
    by the fragment without that.
    """
    return alert.lower()


def runbook_url(base: str, alert: str) -> str:
    """Where the runbook of an alert of the mesh is read."""
    return f"{base.rstrip('/')}/{alert}.md"


def service_runbook_url(base: str, namespace: str, service: str, alert: str) -> str:
    """Where a service's runbook is read, at one of its alerts."""
    return f"{base.rstrip('/')}/{namespace}/{service}.md#{runbook_anchor(alert)}"


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


def mesh_rule_path(part: MeshRules) -> str:
    """Where the rules of the mesh as a whole lie. No namespace's folder ends with `.yaml`."""
    return f"alerts/mesh-{part}.yaml"


ALERTMANAGER_PATH: Final = "alertmanager/alertmanager.yaml"
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


def gateway_deployments(mesh: Mesh) -> dict[str, str]:
    """The Deployment that the pods of each gateway belong to, by the gateway's key; it is the workload in telemetry.

    Gateways that select the same pods are on one Deployment; others in the namespace cannot have its name.
    """
    if mesh.routing == "gateway-api":
        return {key: f"{key}{MANAGED_SUFFIX}" for key in sorted(mesh.gateways)}
    names: dict[tuple[str, frozenset[tuple[str, str]]], str] = {}
    taken: set[tuple[str, str]] = set()
    found = {}
    for key in sorted(mesh.gateways):
        gateway = mesh.gateways[key]
        pods = gateway.namespace, frozenset(gateway.labels.items())
        if pods not in names:
            name = gateway_of_account(gateway.service_account)
            names[pods] = f"{name}-{key}" if (gateway.namespace, name) in taken else name
            taken.add((gateway.namespace, names[pods]))
        found[key] = names[pods]
    return found


def ingress_deployment(mesh: Mesh) -> str:
    """The Deployment of the gateway that is declared under `ingress`: that of a gateway with its account, if any."""
    deployments, ingress = gateway_deployments(mesh), mesh.ingress
    identity = ingress.namespace, ingress.service_account
    same = (deployments[key] for key, one in mesh.gateways.items() if (one.namespace, one.service_account) == identity)
    return min(same, default=gateway_of_account(ingress.service_account))


def gateway_workloads(mesh: Mesh) -> tuple[str, ...]:
    """The workloads of all gateways of the mesh, sorted, istioctl's usual one among them."""
    return tuple(sorted({USUAL_GATEWAY, ingress_deployment(mesh), *gateway_deployments(mesh).values()}))


def gateway_of_account(account: str) -> str:
    """The name by which istioctl's charts, or a release of the chart `gateway`, come to this service account."""
    return account.removesuffix(ACCOUNT_SUFFIX) or account


def principal(trust_domain: str, namespace: str, service_account: str) -> str:
    """An identity as AuthorizationPolicy writes it: without `spiffe://`."""
    return f"{trust_domain}/ns/{namespace}/sa/{service_account}"
