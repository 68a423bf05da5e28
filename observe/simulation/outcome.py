"""What becomes of the requests on a link: tries, timeouts, limits, ejected instances, and what both sides see of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from observe import policy
from observe.policy.requests import waits
from observe.simulation.reports import Answer, failure, success, turned_away

if TYPE_CHECKING:
    from observe.model import Service
    from observe.simulation.conditions import LinkCondition, ServiceCondition
    from observe.simulation.recorder import Durations
    from observe.simulation.traffic import Link, Operation

WEIGHTS: Final = (50, 40, 9, 1)
"""Of a hundred good requests so many take each of the levels."""
Levels = tuple[float, float, float, float]
"""Milliseconds: of the faster half, of most others, of the slow ones, of the slowest."""

GATEWAY_ERRORS: Final = ("502", "503", "504")
"""What `gateway-error` tries again (envoy `router_filter.rst`)."""
NOTHING: Final = 1e-9
"""A share below which there is none."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a service's application answers."""

    good: Levels
    """Milliseconds that good answers take, what it waits for included."""
    failing: float = 0
    """Share of the requests that it fails."""
    code: str = "503"
    """With which HTTP code."""
    bad: float = 10
    """Milliseconds that a failure takes."""


@dataclass(frozen=True, slots=True)
class Told:
    """Requests that end alike, as one side sees them."""

    part: float
    """So many of each request that the caller makes; of those that arrive there may be more than one."""
    answer: Answer
    durations: Durations
    operation: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of the requests on a link; shares are of the requests that the caller makes."""

    sent: tuple[Told, ...]
    """As the caller's proxy sees them, all tries together."""
    arrived: tuple[Told, ...]
    """As the callee's proxy sees them, each try by itself."""
    failed: float
    """Share that fails in the end."""
    good: Levels
    """Milliseconds of those that succeed."""
    bad: float
    """Milliseconds of those that fail."""
    tries: float
    """How many requests arrive for each."""
    failing_tries: float
    """Share of the tries that count as failures of the instance they were sent to."""
    late_tries: float = 0
    """Those of them that were only too slow."""
    retried: float = 0
    retried_well: float = 0
    gave_up: float = 0
    """Share whose retries ran out."""
    overflowed: float = 0
    """Share that a limit of the connection pool turned away."""
    unreached: float = 0
    """Share that no connection could be made for."""
    timed_out: float = 0
    """Share that the caller's proxy stopped waiting for."""
    in_flight: float = 0
    """Requests that the caller would have open at a time, all its pods together, for each request per second: what
    a pool limit turns away among them. Without requests it is connections.
    """


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds on a link beside how its callee answers."""

    callee: ServiceCondition
    link: LinkCondition
    instances: int
    ejected: int
    overflowed: float
    """Share of the requests that finds the connection pool full."""


def outcome(link: Link, behaviour: Behaviour, setting: Setting) -> Outcome:
    """What becomes of the requests on a link, its operations together."""
    if link.is_tcp:
        return _plain(behaviour, setting)
    parts = [_of_operation(link, operation, behaviour, setting) for operation in link.operations]
    return _mixed(link.service, parts, setting)


@dataclass(frozen=True, slots=True)
class _Try:
    """What one try may come to: shares of all tries, and milliseconds."""

    good: tuple[tuple[float, float], ...]
    failed: float
    failed_after: float
    timed_out: float
    limit: float
    denied: float
    unreached: float


def _of_operation(link: Link, operation: Operation, behaviour: Behaviour, setting: Setting) -> Outcome:
    service, route = link.service, operation.route
    if setting.callee.gone or setting.ejected >= setting.instances:
        return _turned_away(service, "UH", behaviour)
    forced = setting.link.retries is not None
    attempts = setting.link.retries if setting.link.retries is not None else route.attempts.value
    repeatable = (operation.repeatable or forced) and attempts > 0
    timeout = route.timeout.value or math.inf
    per_try = route.per_try_timeout.value if route.per_try_timeout and repeatable else math.inf
    one = _one_try(behaviour, setting, min(per_try, timeout))
    gateway_error = service.speaks_grpc or forced or behaviour.code in GATEWAY_ERRORS
    failures = _failures(service, behaviour, one, answers_again=repeatable and gateway_error, late_again=repeatable)
    return _with_retries(service, operation, one, failures, attempts, timeout)


def _one_try(behaviour: Behaviour, setting: Setting, limit: float) -> _Try:
    if setting.link.refused:
        return _Try((), 0, 0, 0, limit, 0, 1)
    left = setting.instances - setting.ejected
    bad = max(setting.callee.bad_instances - setting.ejected, 0) / left
    denied = setting.link.denied
    failing = (1 - denied) * (bad + (1 - bad) * behaviour.failing)
    well = 1 - denied - failing
    levels = [(well * weight / 100, taken) for weight, taken in zip(WEIGHTS, behaviour.good, strict=True)]
    late = sum(part for part, taken in levels if taken > limit)
    if behaviour.bad > limit:
        failing, late = 0, late + failing
    good = tuple((part, taken) for part, taken in levels if taken <= limit and part > NOTHING)
    return _Try(good, failing, behaviour.bad, late, limit, denied, 0)


@dataclass(frozen=True, slots=True)
class _Failure:
    """A way in which tries fail."""

    part: float
    sent: Answer
    """What the caller's proxy makes of it."""
    arrived: Answer | None
    """What the callee's saw."""
    again: bool
    """Whether it is tried again."""


def _failures(
    service: Service, behaviour: Behaviour, one: _Try, *, answers_again: bool, late_again: bool
) -> tuple[_Failure, ...]:
    """How tries fail. Connections that fail are always tried again, answers and timeouts only of requests that may
    be sent twice.

    Who stops waiting goes away, to the callee's proxy: no response code, and the flag DC.
    """
    denied = Answer(grpc="7") if service.speaks_grpc else Answer("403")
    own = failure(service, behaviour.code)
    late = replace(turned_away(service, "UT", "504"), arrived=True)
    kinds = (
        _Failure(one.failed, own, own, answers_again),
        _Failure(one.timed_out, late, Answer("0", flags="DC"), late_again),
        _Failure(one.denied, denied, denied, again=False),
        _Failure(one.unreached, turned_away(service, "UC"), None, again=True),
    )
    return tuple(kind for kind in kinds if kind.part > NOTHING)


def _with_retries(
    service: Service, operation: Operation, one: _Try, failures: tuple[_Failure, ...], attempts: int, timeout: float
) -> Outcome:
    """All tries of a request: each that may be is followed by another one, as long as attempts are left."""
    again = sum(kind.part for kind in failures if kind.again)
    tries, last = sum(again**number for number in range(attempts + 1)), again**attempts
    taken = _failed_after(one)
    sent = [Told(part * tries, success(service), ((1, ms),), operation.title) for part, ms in one.good]
    arrived, failed = list(sent), []
    for kind in failures:
        ends = kind.part * (last if kind.again else tries)
        flags = (kind.sent.flags, "URX") if kind.again and attempts else (kind.sent.flags,)
        whole = (attempts + 1) * taken + waits(attempts) if kind.again else taken
        answer = replace(kind.sent, flags=_joined(flags))
        failed.append(Told(ends, answer, ((1, min(whole, timeout)),), operation.title))
        if kind.arrived:
            arrived.append(Told(kind.part * tries, kind.arrived, ((1, taken),), operation.title))
    good = sum(part for part, _ in one.good)
    busy = sum(part * ms for part, ms in one.good) + (one.failed + one.timed_out) * taken
    return Outcome(
        sent=_grouped([*sent, *failed]),
        arrived=_grouped(arrived),
        failed=min(sum(told.part for told in failed), 1),
        good=_levels(one),
        bad=_mean(failed),
        tries=tries * (1 - one.unreached),
        failing_tries=one.failed + one.timed_out + one.unreached,
        late_tries=one.timed_out,
        retried=tries - 1,
        retried_well=good * (tries - 1),
        gave_up=again * last if attempts else 0,
        unreached=one.unreached * tries,
        timed_out=sum(told.part for told in failed if "UT" in told.answer.flags),
        in_flight=busy * tries / 1000,
    )


def _joined(flags: tuple[str, ...]) -> str:
    return ",".join(flag for flag in flags if flag != "-") or "-"


def _mean(failed: list[Told]) -> float:
    """Milliseconds after which a request fails, on average."""
    whole = sum(told.part for told in failed)
    return sum(told.part * told.durations[0][1] for told in failed) / whole if whole > NOTHING else 1.0


def _failed_after(one: _Try) -> float:
    """Milliseconds of a try that fails, on average."""
    parts = ((one.failed, one.failed_after), (one.timed_out, one.limit), (one.denied, 1.0), (one.unreached, 2.0))
    whole = sum(part for part, _ in parts)
    return sum(part * taken for part, taken in parts if part) / whole if whole else 1.0


def _levels(one: _Try) -> Levels:
    """The levels of what succeeds: those that would be too late count as the slowest that is not."""
    found = [taken for (_, taken) in one.good] or [one.limit]
    a, b, c, d = (*found, *([found[-1]] * 4))[:4]
    return a, b, c, d


def _turned_away(service: Service, flags: str, behaviour: Behaviour) -> Outcome:
    """Nothing arrives; the caller's proxy answers at once, and tries nothing again."""
    told = Told(1, turned_away(service, flags), ((1, 1),))
    return Outcome((told,), (), 1, behaviour.good, 1, 0, 0)


def _plain(behaviour: Behaviour, setting: Setting) -> Outcome:
    """Connections without requests: what the application does with them nobody sees, but whether they come about."""
    lost = setting.callee.gone or setting.link.refused or setting.ejected >= setting.instances
    failing = 1.0 if lost else behaviour.failing
    busy = sum(weight * taken for weight, taken in zip(WEIGHTS, behaviour.good, strict=True)) / sum(WEIGHTS)
    return Outcome(
        (), (), failing, behaviour.good, behaviour.bad, 1 - failing, failing, unreached=failing,
        in_flight=(1 - failing) * busy / 1000,
    )  # fmt: skip


def _mixed(service: Service, parts: list[Outcome], setting: Setting) -> Outcome:
    """Operations with an even share each, and what the connection pool turns away before."""
    count, well = len(parts), 1 - setting.overflowed
    scale = well / count

    def mean(name: str) -> float:
        values: list[float] = [getattr(part, name) for part in parts]
        return sum(values) * scale

    sent = [replace(told, part=told.part * scale) for part in parts for told in part.sent]
    full = Told(setting.overflowed, turned_away(service, "UO"), ((1, 1),))
    return Outcome(
        sent=(*sent, full) if setting.overflowed > NOTHING else tuple(sent),
        arrived=tuple(replace(told, part=told.part * scale) for part in parts for told in part.arrived),
        failed=min(mean("failed") + setting.overflowed, 1),
        good=parts[0].good,
        bad=sum(part.bad for part in parts) / count,
        tries=mean("tries"),
        failing_tries=sum(part.failing_tries for part in parts) / count,
        late_tries=sum(part.late_tries for part in parts) / count,
        retried=mean("retried"),
        retried_well=mean("retried_well"),
        gave_up=mean("gave_up"),
        overflowed=setting.overflowed,
        unreached=mean("unreached"),
        timed_out=mean("timed_out"),
        in_flight=sum(part.in_flight for part in parts) / count,
    )


def _grouped(told: list[Told]) -> tuple[Told, ...]:
    """Requests that end alike as one, with the durations of all of them."""
    found: dict[Answer, list[Told]] = {}
    for one in told:
        if one.part > NOTHING:
            found.setdefault(one.answer, []).append(one)
    return tuple(
        Told(sum(one.part for one in ones), answer, _spread(ones), ones[0].operation) for answer, ones in found.items()
    )


def _spread(ones: list[Told]) -> Durations:
    whole = sum(one.part for one in ones)
    weighed = [(round(one.part / whole * 1000), one.durations[0][1]) for one in ones]
    return tuple(sorted(((weight, taken) for weight, taken in weighed if weight), key=lambda pair: pair[1]))


def instances(link: Link) -> int:
    """Instances among which a caller's proxy chooses: those of the version that gets most of the requests."""
    versions = [version for version in link.service.versions if version.weight]
    if not versions:
        return policy.instances(link.service)
    return policy.instances_of(link.service, max(versions, key=lambda version: version.weight))
