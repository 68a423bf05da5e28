"""What proxies ask for: declared amounts where there are any, else what is worked out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from observe.istio.install import sizing
from observe.model.quantity import format_cpu, format_memory, parse_cpu, parse_memory
from observe.provenance import Origin, Sourced, declared, of_mesh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from observe.istio.install.sizing import Fleet
    from observe.istio.metadata import Manifest
    from observe.model import Resources, Service

AMOUNTS: Final = ("cpu", "memory", "cpu_limit", "memory_limit")
"""The fields of `Resources`."""


@dataclass(frozen=True, slots=True)
class Measure:
    """CPU or memory: numbers and texts of amounts."""

    parse: Callable[[str], float]
    format: Callable[[float], str]
    least_limit: float
    """Istio's own default limit. It is there to stop leaks: a proxy that is ended for its memory is an outage."""


CPU: Final = Measure(parse_cpu, format_cpu, 2_000)
MEMORY: Final = Measure(parse_memory, format_memory, 1_024)
HEADROOM: Final = 2
"""A limit that nobody declared is at least so many times the request."""


@dataclass(frozen=True, slots=True)
class Container:
    """Requests and limits of a container."""

    cpu: Sourced[str]
    memory: Sourced[str]
    cpu_limit: Sourced[str]
    memory_limit: Sourced[str]

    @property
    def resources(self) -> Manifest:
        """As Kubernetes has them."""
        requests = {"cpu": self.cpu, "memory": self.memory}
        return {"requests": requests, "limits": {"cpu": self.cpu_limit, "memory": self.memory_limit}}

    @property
    def amounts(self) -> tuple[str, str, str, str]:
        return self.cpu.value, self.memory.value, self.cpu_limit.value, self.memory_limit.value


def worked_out(thousandths: float, mebibytes: float, origin: Origin) -> Container:
    """A container that asks for so much, with limits that leave it room."""
    asked = Sourced(format_cpu(thousandths), origin), Sourced(format_memory(mebibytes), origin)
    return _with_limits(*asked, {}, {})


@dataclass(frozen=True)
class Sidecars:
    """What the sidecars of a fleet ask for."""

    fleet: Fleet

    @cached_property
    def usual(self) -> Container:
        """What those ask for that say nothing of their own."""
        why = "half of the services' proxies need no more: 111 MB, 105 kB a cluster, 7.5 kB an endpoint that they know"
        memory = Sourced(format_memory(self.fleet.usual_memory), of_mesh("egress_scope", why=why))
        enough = Origin("Istio's default: enough for 285 requests per second")
        cpu = Sourced(format_cpu(sizing.LEAST_PROXY_CPU), enough)
        return _with_limits(self._said.get("cpu", cpu), self._said.get("memory", memory), {}, self._said)

    def of(self, service: Service) -> Container:
        """What a service's ask for: its own amounts, else what all ask for, else what it needs beyond that."""
        said = _said(service.proxy, lambda field: declared(self.fleet.inventory, service, "proxy", field))
        cpu = said.get("cpu") or self._at_peak(service)
        memory = said.get("memory") or self._for_view(service)
        return _with_limits(cpu, memory, said, self._said)

    @cached_property
    def _said(self) -> Mapping[str, Sourced[str]]:
        """The amounts that are declared for all."""
        own = self.fleet.inventory.mesh.installation.proxy
        return _said(own, lambda field: of_mesh("installation", "proxy", field))

    def _at_peak(self, service: Service) -> Sourced[str]:
        if service.peak_rps is None:
            return self.usual.cpu
        why = f"{sizing.CPU_PER_RPS:g}m for each request per second that arrives at a pod"
        origin = declared(self.fleet.inventory, service, "peak_rps", why=why)
        return _more(CPU, self.usual.cpu, sizing.proxy_cpu(service.peak_rps / service.replicas), origin)

    def _for_view(self, service: Service) -> Sourced[str]:
        if "memory" in self._said:
            return self.usual.memory
        view = self.fleet.view(service)
        why = f"111 MB, {view.clusters} clusters of 105 kB and {view.endpoints} endpoints of 7.5 kB that it knows"
        origin = declared(self.fleet.inventory, service, "calls", why=why)
        return _more(MEMORY, self.usual.memory, sizing.proxy_memory(view), origin)


def largest(found: Iterable[Container]) -> Container:
    """What does for all of them: one pod has one sidecar, however many services it stands for."""
    made = tuple(found)
    by_cpu = max(made, key=lambda one: CPU.parse(one.cpu.value))
    by_memory = max(made, key=lambda one: MEMORY.parse(one.memory.value))
    return Container(by_cpu.cpu, by_memory.memory, by_cpu.cpu_limit, by_memory.memory_limit)


def _said(own: Resources, origin: Callable[[str], Origin]) -> Mapping[str, Sourced[str]]:
    """The amounts that are declared, by field."""
    said = ((field, getattr(own, field)) for field in AMOUNTS)
    return {field: Sourced(amount, origin(field)) for field, amount in said if amount is not None}


def _more(measure: Measure, usual: Sourced[str], need: float, origin: Origin) -> Sourced[str]:
    """The usual amount, or what is needed when that is more."""
    needed = measure.format(need)
    return Sourced(needed, origin) if measure.parse(needed) > measure.parse(usual.value) else usual


def _with_limits(
    cpu: Sourced[str], memory: Sourced[str], own: Mapping[str, Sourced[str]], of_all: Mapping[str, Sourced[str]]
) -> Container:
    cpu, cpu_limit = _limited(CPU, cpu, own.get("cpu_limit"), of_all.get("cpu_limit"))
    memory, memory_limit = _limited(MEMORY, memory, own.get("memory_limit"), of_all.get("memory_limit"))
    return Container(cpu, memory, cpu_limit, memory_limit)


def _limited(
    measure: Measure, asked: Sourced[str], own: Sourced[str] | None, usual: Sourced[str] | None
) -> tuple[Sourced[str], Sourced[str]]:
    """A request and its limit, of which the request is never the larger one: Kubernetes refuses such pods."""
    amount = measure.parse(asked.value)
    if own:
        within = amount <= measure.parse(own.value)
        return asked if within else Sourced(own.value, Origin("no more than its limit", own.origin.path)), own
    if usual and amount <= measure.parse(usual.value):
        return asked, usual
    room = HEADROOM * amount
    if room <= measure.least_limit:
        return asked, Sourced(measure.format(measure.least_limit), Origin("Istio's default"))
    return asked, Sourced(measure.format(room), Origin("twice what it asks for", asked.origin.path))
