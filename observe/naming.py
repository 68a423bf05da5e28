"""Every generated name, spelled once and called from both sides, so that a record and its alert, a panel and the
link to it, a tag and the search for it cannot drift apart.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, Literal

TOOL: Final = "observe"
FIELD_MANAGER: Final = TOOL
"""Who owns the fields that are applied to the cluster."""

LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
LABEL_PART_OF: Final = "app.kubernetes.io/part-of"
ANNOTATION_HASH: Final = "observe/content-hash"
ANNOTATION_REASON: Final = "observe/reason"
ANNOTATION_OWNER: Final = "observe/owner"
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


def manifest_path(namespace: str, service: str, kind: str) -> str:
    """Where an Istio resource lies in the pack: `istio/<namespace>/<service>/virtual-service.yaml`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind).lower()
    return f"istio/{namespace}/{service}/{words}.yaml"


def rule_path(namespace: str, service: str) -> str:
    """Where a service's PrometheusRule lies in the pack."""
    return f"alerts/{namespace}/{service}.yaml"


MESH_RULE_PATH: Final = "alerts/mesh-records.yaml"
INSTALL_PATH: Final = "istio/mesh/istio-operator.yaml"


def dashboard_path(dashboard: str) -> str:
    """Where a dashboard lies in the pack."""
    return f"dashboards/{dashboard}.json"


def host(namespace: str, service: str, cluster_domain: str) -> str:
    """A service's fully qualified host. Short names mean the namespace of the resource that says them, so they
    are never written (istio `ResolveShortnameToFQDN`).
    """
    return f"{service}.{namespace}.svc.{cluster_domain}"


def principal(trust_domain: str, namespace: str, service_account: str) -> str:
    """An identity as AuthorizationPolicy writes it: without `spiffe://`."""
    return f"{trust_domain}/ns/{namespace}/sa/{service_account}"
