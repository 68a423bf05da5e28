"""Which alerts mute which: those that explain the others, in the same service and along the declared calls.

Three rules of Alertmanager decide how these are written (`inhibit/inhibit.go`). An alert that is muted itself still
mutes others, so a chain of any depth is muted link by link. An alert that is source and target of one
rule is not muted by another such one, so no alert here is ever both. And `equal` holds for labels that both lack, so
where it is used the labels must be there.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe.alertmanager.alerted import GONE
from observe.alertmanager.configuration import Inhibition, Matcher
from observe.alertmanager.propagation import Propagation, every_call_waits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from observe.alertmanager.alerted import Alerted
    from observe.graph import Graph
    from observe.model import Inventory, Mesh, Service
    from observe.naming import AlertName, MeshAlert, ServiceAlert

STOPPED: Final[ServiceAlert] = "ServiceTrafficStopped"
STANDSTILL: Final[tuple[ServiceAlert, ...]] = (GONE, STOPPED)
"""Alerts of a service that sends no requests any more."""
NO_CONTROL_PLANE: Final[MeshAlert] = "ControlPlaneDown"
ABSENCE: Final[tuple[AlertName, ...]] = (GONE, "ServiceTelemetryLost", STOPPED, NO_CONTROL_PLANE)
"""Alerts that fire because something is not measured; when nothing is measured they say nothing."""
NOTHING_MEASURED: Final[MeshAlert] = "MeshTelemetryLost"
REACH: Final = 2
"""Calls that a page's explanation goes along: past one service that stays quiet. With more, a database that many depend
on would mute half of the mesh while it is down, and the file for 1,000 services be over the 1 MiB of a Secret."""
CRITICAL: Final = Matcher("severity", ("critical",))
WARNING: Final = Matcher("severity", ("warning",))
REQUESTS: Final = Matcher("category", ("requests",))
NAMED: Final = Matcher("service", ("",), negated=True)
THERE: Final = Matcher("alertname", (GONE,), negated=True)


def inhibitions(inventory: Inventory, graph: Graph, alerted: Alerted) -> tuple[Inhibition, ...]:
    """All inhibitions of a mesh, those of the whole mesh first, then by service."""
    sending = Propagation(every_call_waits(inventory))
    author = _Author(inventory.mesh, inventory.by_id, alerted, Propagation(graph), sending)
    services = (author.of_service(service) for service in inventory.services)
    return (*author.of_mesh(), *itertools.chain.from_iterable(services))


@dataclass(frozen=True, slots=True)
class _Author:
    """Writes the inhibitions of one mesh."""

    mesh: Mesh
    services: Mapping[str, Service]
    """All services of the mesh, by id."""
    alerted: Alerted
    waiting: Propagation
    """By the calls that are waited for."""
    sending: Propagation
    """By all calls."""

    def of_mesh(self) -> Iterator[Inhibition]:
        """An alert over its own lower severity, a failing service over its tickets, lost telemetry over what is missing
        with it, a control plane that is down over what it no longer does.

        A security warning stays: it is a cause, or a matter of its own. Requests stay when the control plane is down,
        since proxies go on without it, and certificates stay, since they have a deadline.
        """
        yield self._rule((CRITICAL,), (WARNING,), ("alertname", "namespace", "service"))
        unrelated = Matcher("category", ("security",), negated=True)
        yield self._rule((REQUESTS, CRITICAL, NAMED), (WARNING, NAMED, unrelated), ("namespace", "service"))
        yield self._rule((Matcher("alertname", (NOTHING_MEASURED,)),), (Matcher("alertname", ABSENCE),))
        control_plane = Matcher("category", ("mesh",))
        yield self._rule((Matcher("alertname", (NO_CONTROL_PLANE,)),), (control_plane, WARNING))

    def of_service(self, service: Service) -> Iterator[Inhibition]:
        yield from self._over_callers(service)
        yield from self._over_standstill(service)

    def _over_callers(self, service: Service) -> Iterator[Inhibition]:
        """Its failing requests over those of its callers; its warnings over their warnings only, since a ticket must
        never mute a page. A caller that is gone did not go because of it.
        """
        sufferers = self.waiting.sufferers(service, self.alerted.suffers, REACH)
        if self.alerted.fails(service, "critical"):
            for callers in self._named(sufferers):
                yield self._rule((REQUESTS, CRITICAL, *_these((service,))), (REQUESTS, THERE, *_these(callers)))
        if self.alerted.fails(service, "warning"):
            callers = self.waiting.sufferers(service, self.alerted.suffers, 1)
            warned = [caller for caller in callers if self.alerted.suffers(caller, "warning")]
            for callers in self._named(warned):
                source = (REQUESTS, WARNING, *_these((service,)))
                yield self._rule(source, (REQUESTS, WARNING, THERE, *_these(callers)))

    def _over_standstill(self, service: Service) -> Iterator[Inhibition]:
        """A caller that sends nothing over the service that gets nothing."""
        if not self.alerted.has(service, (STOPPED,)):
            return
        callers = {caller.id: caller for caller in self.sending.callers(service)}
        heard = [caller for caller in callers.values() if self.alerted.has(caller, STANDSTILL)]
        for group in self._named(heard):
            stopped = (Matcher("alertname", (STOPPED,)), *_these((service,)))
            yield self._rule((Matcher("alertname", STANDSTILL), *_these(group)), stopped)

    def _named(self, services: Iterable[Service]) -> Iterator[tuple[Service, ...]]:
        """The services in groups that one rule can name, sorted.

        A rule for each call would be a file of megabytes for a thousand services. So one rule names the services of all
        namespaces, unless that would also name another service, which has the name of one and the namespace of another;
        then it is one rule for each namespace.
        """
        ordered = sorted(services, key=lambda service: (service.namespace, service.name))
        wanted = {service.id for service in ordered}
        combined = itertools.product({one.namespace for one in ordered}, {one.name for one in ordered})
        strangers = {f"{namespace}/{name}" for namespace, name in combined} - wanted
        if strangers.isdisjoint(self.services):
            yield from (tuple(ordered),) if ordered else ()
            return
        for _, group in itertools.groupby(ordered, key=lambda service: service.namespace):
            yield tuple(group)

    def _rule(
        self, sources: tuple[Matcher, ...], targets: tuple[Matcher, ...], equal: tuple[str, ...] = ()
    ) -> Inhibition:
        """Within one mesh, and within one cluster where alerts say which it is: what fails there is seen from there."""
        ours, cluster = Matcher("mesh", (self.mesh.name,)), self.mesh.prometheus.cluster_label
        return Inhibition((ours, *sources), (ours, *targets), (cluster, *equal) if cluster else equal)


def _these(services: Sequence[Service]) -> tuple[Matcher, Matcher]:
    """Alerts of services whose namespaces and names belong together in any combination."""
    namespaces = dict.fromkeys(service.namespace for service in services)
    names = dict.fromkeys(service.name for service in services)
    return Matcher("namespace", tuple(namespaces)), Matcher("service", tuple(names))
