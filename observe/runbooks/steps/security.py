"""Steps for plaintext, refused requests and blocked egress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.istio.security.grants import grants
from observe.promql import Aggregation, Binary, Matcher, Number, equal, sum_by
from observe.runbooks import istioctl, kubectl
from observe.runbooks.step import ask, change, note, run
from observe.runbooks.subject import MOST_VIEWS, by_need, labels
from observe.signals.presence import pods
from observe.signals.requests import CALLER_LABELS
from observe.telemetry import PLAINTEXT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from observe.model import Service
    from observe.model.mesh import DataPlane
    from observe.naming import AlertName
    from observe.runbooks.step import Step
    from observe.runbooks.subject import Subject

_HAVE_PROXIES: Final[Mapping[DataPlane, str]] = {
    "sidecar": """
        **Have its declared callers lost their proxies?** `READY` counts the proxy: one more than the application's
        containers. Pods older than their namespace's label, or than the webhook's return, have none until they are
        made anew.
        """,
    "ambient": """
        **Are its declared callers still captured?** `HBONE` says so. `TCP`: the namespace or the pod has lost its
        label, or the node agent (`istio-cni`) does not run on its node.
        """,
}


def plaintext(subject: Subject, here: Collection[AlertName]) -> Iterator[Step]:  # noqa: ARG001 - the shape of all
    """Plaintext arrives: from whom, and what lets it in."""
    mesh, signals, service = subject.mesh, subject.signals, subject.service
    plain = sum_by((*CALLER_LABELS, "kind"), signals.arrivals.of(service).where(PLAINTEXT))
    yield ask(
        mesh,
        "**Who sends it?** Requests and connections per second. `unknown` has no proxy: a job, a probe, a host "
        "outside the mesh.",
        Aggregation("topk", (), Binary(">", plain, Number(0)), Number(10)),
    )
    callers = _declared(subject)
    if callers:
        yield run(_HAVE_PROXIES[subject.mesh.data_plane], *_membership(subject, callers))
        if not subject.ambient:
            yield from (
                change(f"{caller.id} has lost its proxies: restart it.", kubectl.restart(caller)) for caller in callers
            )
    if subject.ambient:
        yield run("**What holds for it?**", f"kubectl -n {service.namespace} get peerauthentications")
    else:
        yield run(
            """
            **What holds for it?** `Workload mTLS mode` is what its pods have. Not STRICT although it should be: an
            older policy of the same scope wins, or a port has its own.
            """,
            istioctl.describe(subject),
            "kubectl get peerauthentications -A",
        )
    if subject.balancers and not subject.ambient:
        yield run(
            "**Do callers still speak TLS to it?** A DestinationRule of somebody else with a `tls` block ends it.",
            f"kubectl get destinationrules -A | grep -F {service.outside.host if service.outside else service.name}",
            istioctl.handshakes(subject),
        )
    yield note(_accepting(service))


def refused(subject: Subject, here: Collection[AlertName]) -> Iterator[Step]:  # noqa: ARG001
    """Authorization policies refuse requests."""
    mesh, signals, service = subject.mesh, subject.signals, subject.service
    if service.request_ports:
        code = (
            Matcher("grpc_response_status", "=", "7") if service.speaks_grpc else Matcher("response_code", "=", "403")
        )
        turned = sum_by(CALLER_LABELS, signals.edges.answers.of(service).where(code))
        yield ask(
            mesh,
            "**Whom?** Refusals per second by caller; the application's own are among them.",
            Aggregation("topk", (), Binary(">", turned, Number(0)), Number(5)),
        )
    of_pods = signals.boundaries.denied.where((Matcher("namespace", "=", service.namespace), pods(service)))
    yield ask(mesh, "**Which pods refuse?** One alone has old configuration.", of_pods)
    if mesh.installation.access_log == "json":
        yield run(
            """
            **Which requests?** `none` in the reason: no rule admits them. A name: that policy refuses them.
            """,
            kubectl.access_log(
                (subject.own,),
                '(.response_code_details // .connection_termination_details // "" | startswith("rbac_access_denied"))',
                r'\(.response_code_details // .connection_termination_details) \(.method // "-") '
                r'\(.path // "-" | split("?")[0]) from \(.downstream_remote_address // "-" | split(":")[0])',
            ),
        )
    yield run(
        "**What is in force,** and with which objects?",
        istioctl.authorization(subject),
        kubectl.objects(subject, "authorizationpolicies"),
    )
    yield change(
        "**As whom does the caller come?** The proxies say it for each request once they log more.",
        istioctl.log_level(subject.own, "rbac:debug"),
    )
    yield run(
        "Wait for a refusal, then read:",
        f"kubectl -n {service.namespace} logs -l {subject.selector} -c istio-proxy --since=1m --tail=-1 | grep -F "
        "rbac | tail -20",
    )
    yield change(
        "Afterwards set it back: it is a line and more for each request.", istioctl.log_level_back(subject.own)
    )
    yield note(_admitted(subject))


def egress(subject: Subject, here: Collection[AlertName]) -> Iterator[Step]:  # noqa: ARG001
    """Its own calls to hosts that nobody declared are blocked."""
    mesh, signals, service = subject.mesh, subject.signals, subject.service
    caller = equal(dict(zip(CALLER_LABELS, (service.namespace, service.workload_name), strict=True)))
    yield ask(mesh, "**How much?** Per second.", signals.boundaries.blocked.where(caller))
    if mesh.installation.access_log == "json":
        yield run(
            "**Which hosts?** From its proxies' access logs; for TLS the name that it asked for, else the address.",
            kubectl.access_log(
                (subject.own,),
                '(.upstream_cluster // .route_name // "" | test("BlackHoleCluster|block_all"))',
                r'\(.requested_server_name // .authority // "-") \(.downstream_local_address // "-")',
            ),
        )
    yield run(
        "**What may it call?** What its Sidecar and the ServiceEntries name.",
        f"istioctl proxy-config cluster {subject.own.target} --direction outbound",
        kubectl.objects(subject, "sidecars,serviceentries"),
    )
    hosts = ", ".join(f"`{one.host}:{one.port}`" for one in service.external_hosts) or "none"
    yield run(
        f"**Is it new?** Declared hosts: {hosts}. A host nobody knows, since the last roll-out: undo that first.",
        kubectl.rollouts(subject),
    )
    yield change("A roll-out brought it: go back.", kubectl.undo(subject), kubectl.status(subject))
    yield note(
        f"""
        **A host that it needs:** declare it below `external_hosts` of {service.name}, or the service below `calls`, and
        publish. **A host that nobody can explain:** leave it blocked, and tell security.
        """
    )


def _declared(subject: Subject) -> tuple[Service, ...]:
    """Its callers in the mesh, the most needed first, and not more than can be looked through."""
    found = {edge.caller.id: edge.caller for edge in subject.graph.callers(subject.service)}
    inside = [caller for caller in found.values() if caller.in_mesh]
    return tuple(sorted(inside, key=by_need)[:MOST_VIEWS])


def _membership(subject: Subject, callers: tuple[Service, ...]) -> Iterator[str]:
    if subject.ambient:
        yield from (istioctl.workloads(namespace) for namespace in sorted({caller.namespace for caller in callers}))
        return
    for caller in callers:
        yield f"kubectl -n {caller.namespace} get pods -l {labels(caller.selector)}"


def _accepting(service: Service) -> str:
    if service.mtls.mode == "STRICT":
        return (
            "**Until it is closed:** what arrives in plaintext has no identity, so rules on callers do not admit it; "
            "other traffic is as safe as before. Do not turn to PERMISSIVE to make the alert quiet."
        )
    return (
        "**A caller that cannot have a proxy:** declare it below `external_callers` with `via: direct`, and the "
        "exception with its reason below `mtls`. **Before STRICT:** wait for a day without plaintext."
    )


def _admitted(subject: Subject) -> str:
    """Who may call it, as its AuthorizationPolicy has it."""
    admitted = {grant.principal for grant in grants(subject.graph, subject.service)}
    names = ", ".join(f"`{name}`" for name in sorted(name for name in admitted if name))
    anybody = ", and whoever comes without an identity on some port" if None in admitted else ""
    return (
        f"**Admitted by the inventory:** {names or 'nobody with an identity'}{anybody}. A caller that should be: "
        "declare it below its `calls`, with the operations, and publish. One that comes with another identity has "
        "another service account. One that nobody knows: leave it refused, and tell security."
    )
