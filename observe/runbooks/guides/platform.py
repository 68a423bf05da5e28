"""The mesh as a whole: telemetry, certificates, control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.runbooks.guides.guide import Guide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.naming import AlertName

PLATFORM: Final[Mapping[AlertName, Guide]] = {
    "MeshTelemetryLost": Guide(
        meaning="Prometheus reads no proxy of the mesh at all.",
        impact="""\
Requests are not hurt by it. But no alert on requests, connections, certificates or pods can fire: the mesh is flown
blind.""",
        misleads="""\
- **Fires** on the first day, before the proxies' PodMonitor is there.
- **Quiet** when Prometheus itself is down: something outside must watch it (a dead man's switch).""",
        now="Bring scraping back. Until then watch the gateways' own logs and the checks from outside.",
        later="An alert outside of this Prometheus that this Prometheus is alive.",
    ),
    "MeshWorkloadCertificateExpiring": Guide(
        meaning="""\
A workload's certificate was not renewed. Istio gives 24 hours and renews at half of that, so less than 12 hours left
means that renewal fails: there are as many hours left as the alert says.""",
        impact="None yet. Whoever has an expired certificate is refused by everybody, and refuses everybody.",
        misleads="""\
- **Fires** with other lifetimes than Istio's (`SECRET_TTL`) that are shorter than the limits here.
- **Quiet** in ambient, where ztunnels do not report it, and for pods whose agent's port (15020) is not read.""",
        now="One pod: restart it. Many: bring istiod, or the way to it, back first; restarts alone make it worse.",
        later="Find out why renewal failed for twelve hours without anybody's notice: istiod's and the agents' logs.",
    ),
    "MeshCaCertificateExpiring": Guide(
        meaning="""\
A certificate of the mesh's CA ends soon: the root, or the chain that istiod signs with. No certificate outlives the
one it is signed with.""",
        impact="None yet. When it ends, every connection in the mesh is refused, at once and everywhere.",
        misleads="""\
- **Fires** once more after a rotation, if an old istiod still reports the old certificate.
- **Quiet** where another CA signs (`istio-csr`, a cloud's): it has a watch of its own.""",
        now="""\
The chain: sign a new intermediate with the same root, and put it into `cacerts`. The root: two roots side by side,
never an exchange in one step. Days are left: do it in working hours, with a second person.""",
        later="""\
Let cert-manager or the like renew the intermediate, and rehearse the root's rotation on a test mesh once a year.""",
    ),
    "ControlPlaneDown": Guide(
        meaning="No istiod answers Prometheus.",
        impact="""\
Traffic goes on: proxies keep what they have. But nothing changes any more: endpoints of pods that die are called on,
new pods get no sidecar and no certificate, and after 12 to 24 hours certificates end.""",
        misleads="""\
- **Fires** when only Prometheus cannot read istiod, or the value of `mesh.prometheus.istiod_job` is wrong.
- **Quiet** while one istiod of several answers.""",
        now="Stop roll-outs and drains, then bring istiod back. The first hour hurts little, unless pods move.",
        later="Several istiods on several nodes, with a PodDisruptionBudget; memory with room for the busiest push.",
    ),
    "ControlPlaneConfigurationRejected": Guide(
        meaning="Proxies reject configuration that istiod sends. They go on with what they had before.",
        impact="None at once. What was published does not hold there, and pods that start now may not become ready.",
        misleads="""\
- **Fires** during an upgrade, when old proxies are sent what only new ones know.
- **Ends by itself** after ten minutes without a push, although the proxies still lack the change.""",
        now="""\
Find the object by Envoy's own words in istiod's log, and undo its last change. EnvoyFilters are the usual cause.""",
        later="Validate before publishing; try EnvoyFilters on one workload first.",
    ),
    "ControlPlanePushFailing": Guide(
        meaning="istiod cannot build configuration, or cannot send it to proxies.",
        impact="Some proxies go on with old configuration and old endpoints: they call pods that are gone.",
        misleads="""\
- **Fires** for a few proxies that vanish during roll-outs and node drains: `senderr`, and gone soon.""",
        now="""\
`builderr`: the object that cannot be built, undo it. `senderr` of many: istiod's CPU and memory, the network.""",
        later="Size istiod by the number of proxies, and let each proxy know only what it calls.",
    ),
    "ControlPlaneConvergenceSlow": Guide(
        meaning="A change takes longer than it should until the proxies have it.",
        impact="Pods that are gone are called for as long as that; canaries and fail-overs take effect late.",
        misleads="""\
- **Fires** after a restart of istiod, when all proxies connect at once.
- **Quiet** when nothing changes: no pushes, no delay.""",
        now="""\
Find what pushes so often (endpoints that flap, a controller that writes in circles). More istiods help meanwhile.""",
        later="`egress_scope: declared` keeps pushes small.",
    ),
    "SidecarInjectionFailing": Guide(
        meaning="Pods could not be given a sidecar: the webhook answered with an error.",
        impact="Such pods are not created: roll-outs stand still, and pods that die are not replaced.",
        misleads="""\
- **Quiet** when the webhook is not reached at all: then ControlPlaneDown, or events of ReplicaSets alone, tell.
- **Quiet** for pods that the webhook never sees, for lack of a label: they start without a proxy.""",
        now="""\
Bring istiod's webhook back before you restart anything else. Do not take the webhook away: pods would start without
mTLS.""",
        later="Try a change of the installation on a revision of its own before all pods depend on it.",
    ),
}
