"""What keeps the mesh going: istiod, certificates, injection, and what proxies cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.naming import record
from observe.promql import (
    Aggregation,
    Binary,
    Expr,
    Function,
    Matcher,
    Selector,
    quantile,
    rate,
    sum_by,
    tagged,
    union,
)
from observe.signals.presence import POD
from observe.signals.signal import Signal

if TYPE_CHECKING:
    from observe.model import Mesh
    from observe.signals.signal import Unit

WINDOW: Final = "10m"
"""Events of the control plane are rare: a roll-out, a change of configuration."""
NO_ISTIOD: Final = "istiod is not scraped"
NEVER: Final = f"it has not happened since istiod started, or {NO_ISTIOD}"
"""istiod has no series of what has not happened yet."""
WORKLOAD_CERTIFICATE: Final = Matcher("resource_name", "=", "default")
"""The workload's own certificate, not the roots that it trusts."""
PUSH_ERRORS: Final = Matcher("type", "=~", ".*_(senderr|builderr)")
SIDECAR: Final = (Matcher("container", "=", telemetry.PROXY_CONTAINER),)


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """istiod, as it reports itself."""

    instances: Signal
    versions: Signal
    """By component and version."""
    proxies: Signal
    rejects: Signal
    push_errors: Signal
    pushes: Signal
    convergence_buckets: Signal
    convergence: Signal
    injected: Signal
    injection_failures: Signal
    validation_failures: Signal
    conflicts: Signal


@dataclass(frozen=True, slots=True)
class Certificates:
    """How long certificates still hold, in seconds."""

    workloads: Signal
    """By pod."""
    namespaces: Signal
    """The shortest of each namespace."""
    authority: Signal
    """By kind: the root, and the chain that istiod signs with."""


@dataclass(frozen=True, slots=True)
class Saturation:
    """What the proxies themselves use, by pod."""

    cpu: Signal
    memory: Signal


def control_plane(mesh: Mesh) -> ControlPlane:
    """The signals of istiod."""
    istiod = Matcher("job", "=", mesh.prometheus.istiod_job)

    def of_mesh(
        id_: str,
        title: str,
        description: str,
        metric: str,
        operations: str,
        measure: Expr,
        *,
        labels: tuple[str, ...] = (),
        unit: Unit = "count",
        absent: str = NO_ISTIOD,
    ) -> Signal:
        name = record("mesh", metric, operations)
        return Signal(id_, title, unit, description, name, measure, labels, absent=absent)

    def increase(metric: str, *matchers: Matcher) -> Expr:
        return Function("increase", (Selector(metric, matchers, WINDOW),))

    buckets = of_mesh(
        "convergence-buckets",
        "Configuration delay",
        "Pushes of configuration per second by how long it took until a proxy had it, in seconds.",
        telemetry.CONVERGENCE_BUCKET,
        f"rate{WINDOW}",
        sum_by(("le",), rate(Selector(telemetry.CONVERGENCE_BUCKET), WINDOW)),
        labels=("le",),
        unit="per second",
    )
    conflicts = (tagged(Aggregation("max", (), Selector(name)), "conflict", name) for name in telemetry.CONFLICTS)
    return ControlPlane(
        instances=of_mesh(
            "istiod-instances",
            "istiod instances",
            "Instances of istiod that answer Prometheus.",
            telemetry.UP,
            "istiod",
            Aggregation("sum", (), Selector(telemetry.UP, (istiod,))),
        ),
        versions=of_mesh(
            "versions",
            "Versions",
            "Components by version: proxies of an old one have not been restarted since the last upgrade.",
            telemetry.BUILD,
            "versions",
            Aggregation("count", ("component", "tag"), Selector(telemetry.BUILD)),
            labels=("component", "tag"),
        ),
        proxies=of_mesh(
            "xds-connections",
            "Connected proxies",
            "Proxies that get their configuration from istiod right now.",
            telemetry.XDS_CONNECTIONS,
            "sum",
            sum_by((), Selector(telemetry.XDS_CONNECTIONS)),
        ),
        rejects=of_mesh(
            "xds-rejects",
            "Rejected configuration",
            f"Pushes within {WINDOW} that proxies rejected, by type. A proxy goes on with what it had before.",
            telemetry.XDS_REJECTS,
            f"increase{WINDOW}",
            sum_by(("type",), increase(telemetry.XDS_REJECTS)),
            labels=("type",),
            absent=NEVER,
        ),
        push_errors=of_mesh(
            "xds-push-errors",
            "Failed pushes",
            f"Pushes within {WINDOW} that istiod could not build or send, by type.",
            f"{telemetry.XDS_PUSHES}_failed",
            f"increase{WINDOW}",
            sum_by(("type",), increase(telemetry.XDS_PUSHES, PUSH_ERRORS)),
            labels=("type",),
            absent=NEVER,
        ),
        pushes=of_mesh(
            "xds-pushes",
            "Pushes",
            "Pushes of configuration per second, by type.",
            telemetry.XDS_PUSHES,
            f"rate{WINDOW}",
            sum_by(("type",), rate(Selector(telemetry.XDS_PUSHES), WINDOW)),
            labels=("type",),
            unit="per second",
        ),
        convergence_buckets=buckets,
        convergence=of_mesh(
            "convergence",
            "P99 configuration delay",
            "99 % of the proxies have a change of configuration sooner than this.",
            "pilot_proxy_convergence_time",
            f"p99_rate{WINDOW}",
            quantile(0.99, buckets.where()),
            unit="seconds",
        ),
        injected=of_mesh(
            "injections",
            "Sidecars injected",
            f"Pods within {WINDOW} that got a sidecar.",
            telemetry.INJECTION_SUCCESSES,
            f"increase{WINDOW}",
            sum_by((), increase(telemetry.INJECTION_SUCCESSES)),
            absent=NEVER,
        ),
        injection_failures=of_mesh(
            "injection-failures",
            "Failed injections",
            f"Pods within {WINDOW} that could not be given a sidecar. They are not created at all.",
            telemetry.INJECTION_FAILURES,
            f"increase{WINDOW}",
            sum_by((), increase(telemetry.INJECTION_FAILURES)),
            absent=NEVER,
        ),
        validation_failures=of_mesh(
            "validation-failures",
            "Refused configuration",
            f"Istio objects within {WINDOW} that istiod's webhook refused, by resource and reason.",
            telemetry.VALIDATION_FAILURES,
            f"increase{WINDOW}",
            sum_by(("resource", "reason"), increase(telemetry.VALIDATION_FAILURES)),
            labels=("resource", "reason"),
            absent=NEVER,
        ),
        conflicts=of_mesh(
            "configuration-conflicts",
            "Contradictory configuration",
            "What of the configuration contradicts itself, by istiod's own count.",
            "pilot_conflicts",
            "max",
            union(*conflicts),
            labels=("conflict",),
        ),
    )


def certificates(mesh: Mesh) -> Certificates:
    """The signals of certificates."""
    nothing = "ztunnel reports no expiry" if mesh.data_plane == "ambient" else "no proxy's agent is scraped"
    says = (
        "Time until the workload certificate expires. Istio gives 24 hours and renews at half of that: less than "
        "12 hours left means that renewal fails."
    )
    held = Selector(telemetry.CERTIFICATE_EXPIRY, (WORKLOAD_CERTIFICATE,))
    workloads = Signal(
        id="certificates-pods",
        title="Certificate life by pod",
        unit="seconds",
        description=says,
        record=record("pod", telemetry.CERTIFICATE_EXPIRY, "min"),
        measure=Aggregation("min", POD, held),
        labels=POD,
        absent=nothing,
    )
    namespaces = Signal(
        id="certificates",
        title="Shortest certificate life by namespace",
        unit="seconds",
        description=says,
        record=record("namespace", telemetry.CERTIFICATE_EXPIRY, "min"),
        measure=Aggregation("min", POD[:1], workloads.where()),
        labels=POD[:1],
        absent=nothing,
    )
    kinds = {"root": telemetry.ROOT_EXPIRY, "chain": telemetry.CHAIN_EXPIRY}
    ends = (tagged(Aggregation("min", (), Selector(metric)), "certificate", kind) for kind, metric in kinds.items())
    authority = Signal(
        id="ca-certificates",
        title="Life of the CA's certificates",
        unit="seconds",
        description="Time until istiod's root certificate, and the chain that it signs with, expire.",
        record=record("mesh", "citadel_server_cert_expiry_seconds", "min"),
        measure=Binary("-", union(*ends), Function("time", ())),
        labels=("certificate",),
        absent=NO_ISTIOD,
    )
    return Certificates(workloads, namespaces, authority)


def saturation(window: str) -> Saturation:
    """What sidecars and gateways use, as the kubelet counts it."""
    nothing = "the kubelet's metrics of containers are not scraped"
    cpu = Signal(
        id=f"proxy-cpu-{window}",
        title="Proxy CPU",
        unit="cores",
        description="CPU that each pod's proxy uses.",
        record=record("pod", "istio_proxy_cpu", f"rate{window}"),
        measure=sum_by(POD, rate(Selector(telemetry.PROXY_CPU, SIDECAR), window)),
        labels=POD,
        absent=nothing,
    )
    memory = Signal(
        id="proxy-memory",
        title="Proxy memory",
        unit="bytes",
        description="Memory of each pod's proxy that cannot be reclaimed.",
        record=record("pod", "istio_proxy_memory_bytes", "max"),
        measure=Aggregation("max", POD, Selector(telemetry.PROXY_MEMORY, SIDECAR)),
        labels=POD,
        absent=nothing,
    )
    return Saturation(cpu, memory)
