"""How long a request may take, and how often it is tried again: the most specific choice of anybody decides."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe.model import Endpoint, Retries, format_duration
from observe.policy.roles import ROLES
from observe.provenance import Origin, Sourced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.graph import Edge
    from observe.model import Inventory, Path, Service


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """How long a request may take with all its tries, and how often it is tried again."""

    timeout: Sourced[int] | Sourced[None]
    """Milliseconds; None for streams, which have no limit."""
    attempts: Sourced[int]
    """Tries after the first."""
    per_try_timeout: Sourced[int] | None
    """Milliseconds of one try; None where nothing is tried again, or a try may last for ever."""

    @property
    def reason(self) -> str:
        """The policy in a line, with what decided it."""
        limit = self.timeout.value
        timeout = "no timeout" if limit is None else f"timeout {format_duration(limit)}"
        attempts = f"retries {self.attempts.value} ({self.attempts.origin.why})"
        return f"{timeout} ({self.timeout.origin.why}), {attempts}"


@dataclass(frozen=True, slots=True)
class _Choice:
    """What somebody decided about some requests."""

    timeout: Sourced[int] | Sourced[None] | None
    """None: nothing."""
    retries: Sourced[Retries] | None


def route(
    inventory: Inventory,
    service: Service,
    *,
    edge: Edge | None = None,
    exposure: int | None = None,
    endpoint: Endpoint | None = None,
) -> RoutePolicy:
    """The policy for requests to a service: from one caller or through one of its exposures, to one endpoint.

    Timeout and retries are each decided by the most specific choice there is: the caller's for the endpoint, the
    endpoint's, the caller's or the exposure's, the service's, its role's.
    """
    choices = list(_choices(inventory, service, edge, exposure, endpoint))
    timeouts = [(rank, choice.timeout) for rank, choice in enumerate(choices) if choice.timeout]
    retries = [(rank, choice.retries) for rank, choice in enumerate(choices) if choice.retries]
    (rank, timeout), (rank_of_retries, chosen) = timeouts[0], retries[0]
    return _fit(timeout, chosen, chosen_for_it=rank_of_retries <= rank)


def _choices(
    inventory: Inventory, service: Service, edge: Edge | None, exposure: int | None, endpoint: Endpoint | None
) -> Iterator[_Choice]:
    """Most specific first; the last one decides everything."""
    if endpoint and edge:
        below = inventory.path(edge.caller, "calls", edge.index, "endpoints")
        yield from _of_endpoint(edge.call.endpoints, endpoint, below, "the caller's choice for the endpoint")
    if endpoint:
        below = inventory.path(service, "endpoints")
        yield from _of_endpoint(service.endpoints, endpoint, below, "the endpoint's own choice")
    if edge:
        below = inventory.path(edge.caller, "calls", edge.index)
        yield _choice(edge.call.timeout, edge.call.retries, below, "the caller's choice")
    if exposure is not None:
        below = inventory.path(service, "exposures", exposure)
        yield _choice(service.exposures[exposure].timeout, None, below, "the exposure's choice")
    yield _choice(service.route.timeout, service.route.retries, inventory.path(service, "route"), "own choice")
    role, origin = ROLES[service.role], Origin(f"role {service.role}", inventory.path(service, "role"))
    yield _Choice(Sourced(role.timeout, origin), Sourced(Retries(attempts=role.attempts), origin))


def _of_endpoint(endpoints: tuple[Endpoint, ...], asked: Endpoint, below: Path, why: str) -> Iterator[_Choice]:
    for index, endpoint in enumerate(endpoints):
        if operation(endpoint) == operation(asked):
            path = (*below, index)
            choice = _choice(endpoint.timeout, endpoint.retries, path, why)
            stream = Sourced(None, Origin("a stream has no limit", (*path, "streaming")))
            yield _Choice(stream, choice.retries) if endpoint.streaming else choice
            return


def _choice(timeout: int | None, retries: Retries | None, below: Path, why: str) -> _Choice:
    return _Choice(
        Sourced(timeout, Origin(why, (*below, "timeout"))) if timeout else None,
        Sourced(retries, Origin(why, (*below, "retries"))) if retries else None,
    )


def operation(endpoint: Endpoint) -> str:
    """What two declarations of the same operation share, whatever they call the segments of its path."""
    return re.sub(r"\{[^/}]*\}", "{}", endpoint.title)


def _fit(timeout: Sourced[int] | Sourced[None], retries: Sourced[Retries], *, chosen_for_it: bool) -> RoutePolicy:
    """Tries that fit into the timeout.

    A limit of a try that was chosen together with the timeout, or for it, stands as it is written. One that was
    chosen for a wider group of requests is no longer than the share; a stream is not cut by it.
    """
    wanted, origin = retries.value.attempts, retries.origin
    below = (*origin.path, "attempts") if origin.path and not origin.why.startswith("role") else origin.path
    attempts = Sourced(wanted, Origin(origin.why, below))
    own = _own_limit(retries)
    if not wanted or timeout.value is None or (own and chosen_for_it):
        return RoutePolicy(timeout, attempts, own if wanted and chosen_for_it else None)
    number = most_retries(timeout.value, wanted)
    if number < wanted:
        attempts = Sourced(number, Origin("as many as fit into the timeout", timeout.origin.path))
    return RoutePolicy(timeout, attempts, _shorter(own, _share(timeout.value, number, timeout.origin)))


def _own_limit(retries: Sourced[Retries]) -> Sourced[int] | None:
    limit, origin = retries.value.per_try_timeout, retries.origin
    return Sourced(limit, Origin(origin.why, (*(origin.path or ()), "per_try_timeout"))) if limit else None


def _share(timeout: int, attempts: int, origin: Origin) -> Sourced[int] | None:
    share = share_of(timeout, attempts)
    return Sourced(share, Origin("an even share of the timeout", origin.path)) if share else None


def _shorter(own: Sourced[int] | None, share: Sourced[int] | None) -> Sourced[int] | None:
    return own if own and share and own.value < share.value else share


SHORTEST_TRY: Final = 10
"""Milliseconds below which a try is not worth making: connections of their own take as long."""


def most_retries(timeout: int, wanted: int) -> int:
    """As many of the wanted retries as leave every try its shortest useful time."""
    fitting = (number for number in range(wanted, 0, -1) if (share_of(timeout, number) or 0) >= SHORTEST_TRY)
    return next(fitting, 0)


def share_of(timeout: int, attempts: int) -> int | None:
    """The longest try for which all tries and the waits between them fit into the timeout; None when nothing is
    tried again, or nothing is left for tries.

    The timeout covers the first try, every retry and the waits (envoy `router_filter.rst`), so a longer try would
    make the last ones impossible.
    """
    return max((timeout - waits(attempts)) // (attempts + 1), 0) or None if attempts else None


def waits(attempts: int) -> int:
    """The most milliseconds that Envoy waits before so many retries: 25, 75, 175, and 250 for each one beyond.

    Each wait is random, below 25 ms times 1, 3, 7, ..., and below 250 ms (envoy `router_filter.rst`,
    `x-envoy-retry-on`).
    """
    return sum(min(25 * (2**number - 1), 250) for number in range(1, attempts + 1))


def overrun(policy: RoutePolicy) -> int | None:
    """The milliseconds that all tries and waits take together, where that is longer than the timeout."""
    if policy.timeout.value is None or policy.per_try_timeout is None:
        return None
    attempts = policy.attempts.value
    whole = (attempts + 1) * policy.per_try_timeout.value + waits(attempts)
    return whole if whole > policy.timeout.value else None
