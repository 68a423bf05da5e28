"""The mesh in motion: from moment to moment how loads go down the call graph, and failures and delays up it.

Time goes in ticks, several to a scrape. What happens in a tick follows from the conditions then and from which
instances callers have ejected, so equal ticks are worked out once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from observe import policy
from observe.policy.arrivals import GATEWAY_PODS
from observe.simulation.conditions import Conditions
from observe.simulation.ejection import Detector, Ejections, Tries
from observe.simulation.outcome import Behaviour, Levels, Outcome, Setting, instances, outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from observe.model import Role, Service
    from observe.policy import BreakerPolicy
    from observe.simulation.traffic import Link, Traffic

TICKS: Final = 5
"""Ticks to a scrape: the first failures of an instance last for one, not for all until the next scrape."""
OWN_TIME: Final[dict[Role, float]] = {
    "gateway": 2, "sync": 6, "orchestrator": 8, "external": 60, "worker": 40, "data": 3,
}  # fmt: skip
"""Milliseconds that most answers take a service of a role by itself."""
SPREAD: Final[Levels] = (0.6, 1.0, 2.2, 4.0)
"""What the levels are of that time."""
TIGHTEST: Final = 16
"""A service is so many times faster by itself than it promises."""
PASSES: Final = 4
"""Loads depend on retries, retries on failures, failures on full pools, and these on loads."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What passes on every link in a tick."""

    conditions: Conditions
    rates: tuple[float, ...]
    """Requests per second that the callers make, by link."""
    outcomes: tuple[Outcome, ...]
    """What becomes of them, by link."""


@dataclass(frozen=True, slots=True)
class Course:
    """What passed over time."""

    moments: tuple[Moment, ...]
    """Each that there was, once."""
    scrapes: tuple[tuple[int, ...], ...]
    """Between one scrape and the next: the index of each tick's moment."""
    ejections: Mapping[int, Ejections]
    """By link, where there were any."""


@dataclass
class Engine:
    """Works out a course."""

    traffic: Traffic
    _moments: dict[tuple[int, tuple[tuple[int, int], ...]], int] = field(default_factory=dict)
    _worked_out: list[Moment] = field(default_factory=list)
    _outcomes: dict[tuple[int, Behaviour, Setting], Outcome] = field(default_factory=dict)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        return self.traffic.links

    @cached_property
    def breakers(self) -> tuple[BreakerPolicy, ...]:
        inventory = self.traffic.inventory
        return tuple(policy.breaker(inventory, inventory.by_id[link.service.id]) for link in self.links)

    @cached_property
    def pods(self) -> tuple[int, ...]:
        """The calling proxies of each link, all replicas."""
        gateways = self.traffic.inventory.mesh.installation.gateway_replicas or GATEWAY_PODS
        return tuple(policy.instances(link.origin) if link.origin else gateways for link in self.links)

    def run(self, scrapes: int, step: int, conditions: Callable[[float], Conditions]) -> Course:
        """What passes between so many scrapes; `conditions` says what holds at a second, the same object as long as
        nothing changes.
        """
        detectors = self._detectors()
        between: list[tuple[int, ...]] = []
        for scrape in range(scrapes - 1):
            for detector in detectors.values():
                detector.let_in(scrape * step)
                detector.note()
            times = [scrape * step + number * step / TICKS for number in range(TICKS)]
            between.append(tuple(self._tick(detectors, conditions(now), scrape, now, step / TICKS) for now in times))
        for detector in detectors.values():
            detector.note()
        seen = {index: detector.ejections(scrapes) for index, detector in detectors.items()}
        return Course(tuple(self._worked_out), tuple(between), {index: found for index, found in seen.items() if found})

    def _tick(self, detectors: Mapping[int, Detector], held: Conditions, scrape: int, now: float, lasts: float) -> int:
        """The index of the moment that a tick is."""
        for detector in detectors.values():
            detector.let_in(now)
        ejected = tuple((index, detector.out) for index, detector in detectors.items() if detector.out)
        key = (id(held), ejected)
        if key not in self._moments:
            self._moments[key] = len(self._worked_out)
            self._worked_out.append(self._solve(held, dict(ejected)))
        moment = self._worked_out[self._moments[key]]
        for index, detector in detectors.items():
            result, bad = moment.outcomes[index], held.of(self.links[index].service.id).bad_instances
            if result.failing_tries or bad or detector.out:
                detector.watch(self._tries(index, moment, detector, bad, lasts), scrape, now + lasts)
        return self._moments[key]

    def _tries(self, index: int, moment: Moment, detector: Detector, bad: int, lasts: float) -> Tries:
        """What each proxy of a link's caller sees of its callee in a tick."""
        result, proxies = moment.outcomes[index], self.pods[index]
        left = max(detector.instances - detector.out, 1)
        each = moment.rates[index] * max(result.tries, result.unreached) * lasts / (proxies * left)
        apart = detector.outlier.split_local_origin.value
        return Tries(each, result.failing_tries - (result.late_tries if apart else 0), bad)

    def _detectors(self) -> dict[int, Detector]:
        found = {}
        for index, link in enumerate(self.links):
            outlier = self.breakers[index].outlier
            if outlier and self.detects(index):
                found[index] = Detector(outlier, instances(link))
        return found

    def moment(self, held: Conditions) -> Moment:
        """What passes under conditions as long as nothing is ejected."""
        return self._solve(held, {})

    @cached_property
    def ordinary(self) -> Moment:
        """What passes when nothing is wrong."""
        return self.moment(Conditions())

    def detects(self, index: int) -> bool:
        """Whether the caller has a proxy that ejects."""
        link = self.links[index]
        return self.breakers[index].outlier is not None and link.caller.proxy and link.caller.scraped

    def _solve(self, held: Conditions, ejected: Mapping[int, int]) -> Moment:
        """Loads from callers to callees and failures from callees to callers, until both agree."""
        full = [0.0] * len(self.links)
        for _ in range(PASSES):
            outcomes = self._outcomes_of(held, ejected, full)
            rates = self._loads(held, outcomes)
            before, full = (
                full,
                [self._overflow(index, held, outcomes[index], rate) for index, rate in enumerate(rates)],
            )
            if full == before:
                break
        return Moment(held, tuple(rates), tuple(outcomes))

    def _loads(self, held: Conditions, outcomes: Sequence[Outcome]) -> list[float]:
        answered = {service: 0.0 if held.of(service).gone else rate for service, rate in self.traffic.own_work.items()}
        rates = []
        for link, result in zip(self.links, outcomes, strict=True):
            rate = held.mesh.demand if link.steady else answered.get(link.key[0], 0.0)
            rate *= _calls(link, held)
            rates.append(rate)
            answered[link.service.id] = answered.get(link.service.id, 0.0) + rate * result.tries
        return rates

    def _outcomes_of(self, held: Conditions, ejected: Mapping[int, int], full: Sequence[float]) -> list[Outcome]:
        """What becomes of requests on every link, callees before callers."""
        results: dict[int, Outcome] = {}
        behaviours: dict[str, Behaviour] = {}
        for service in reversed(self.traffic.order):
            awaited = [(self.links[index], results[index]) for index in self._awaited.get(service.id, ())]
            behaviours[service.id] = _behaviour(service, awaited, held)
            for index in self._arriving.get(service.id, ()):
                results[index] = self._outcome(index, behaviours[service.id], held, ejected.get(index, 0), full[index])
        return [results[index] for index in range(len(self.links))]

    def _outcome(self, index: int, behaviour: Behaviour, held: Conditions, ejected: int, full: float) -> Outcome:
        link = self.links[index]
        setting = Setting(held.of(link.service.id), held.between(link.key), instances(link), ejected, full)
        key = (index, behaviour, setting)
        if key not in self._outcomes:
            self._outcomes[key] = outcome(link, behaviour, setting)
        return self._outcomes[key]

    @cached_property
    def _awaited(self) -> Mapping[str, tuple[int, ...]]:
        """The links that a service waits for, by the service's id."""
        return _grouped(
            (link.origin.id, index) for index, link in enumerate(self.links) if link.origin and link.awaited
        )

    @cached_property
    def _arriving(self) -> Mapping[str, tuple[int, ...]]:
        """The links that end at a service, by its id."""
        return _grouped((link.service.id, index) for index, link in enumerate(self.links))

    def _overflow(self, index: int, held: Conditions, result: Outcome, rate: float) -> float:
        """Share of the requests that find the pool full: what would be open at once, beyond the limit."""
        link = self.links[index]
        if not (link.caller.proxy and link.caller.scraped) or link.is_tcp:
            return 0.0
        limit, wanted = self.limit(index, held), self.wanted(index, rate, result)
        return round(1 - limit / wanted, 6) if wanted > limit else 0.0

    def limit(self, index: int, held: Conditions) -> int:
        """How much each proxy of a link's caller may have open at once."""
        pool = self.breakers[index].pool
        return held.of(self.links[index].service.id).pool or min(pool.max_connections.value, pool.max_requests.value)

    def wanted(self, index: int, rate: float, result: Outcome) -> float:
        """How much each of them would have open on average if there were no limit: by Little's law, what comes in a
        second times the seconds that each takes.
        """
        return rate * result.in_flight / self.pods[index]


def _behaviour(service: Service, awaited: Sequence[tuple[Link, Outcome]], held: Conditions) -> Behaviour:
    """How a service answers: its own time and the longest that it waits for, its own failures and its callees'.

    It calls all at once. Its slowest answers wait for slow ones of its callees, and not for the slowest: these hardly
    ever meet.
    """
    condition = held.of(service.id)
    own = _own_time(service)
    well = 1 - condition.errors
    calls = [(min(_calls(link, held), 1), result) for link, result in awaited]
    failed = [(part * result.failed, result.bad) for part, result in calls]
    for part, _ in failed:
        well *= 1 - part
    longest = [max((part * result.good[min(level, 2)] for part, result in calls), default=0) for level in range(4)]
    a, b, c, d = (round(taken + condition.delay + waited, 3) for taken, waited in zip(own, longest, strict=True))
    weights = [(condition.errors, 0.0), *failed]
    whole = sum(part for part, _ in weights)
    bad = sum(part * taken for part, taken in weights) / whole if whole else 0.0
    code = condition.code if condition.errors else "503"
    return Behaviour((a, b, c, d), round(1 - well, 9), code, round(own[1] + condition.delay + bad, 3))


def _calls(link: Link, held: Conditions) -> float:
    """How many of its caller's requests come this way, and on a steady link how many in a second."""
    return link.calls * held.between(link.key).demand * held.of(link.service.id).demand


def _own_time(service: Service) -> Levels:
    usual = min(OWN_TIME[service.role], service.objectives.latency.limit / TIGHTEST)
    a, b, c, d = (usual * level for level in SPREAD)
    return a, b, c, d


def _grouped(pairs: Iterable[tuple[str, int]]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for name, index in pairs:
        found[name] = (*found.get(name, ()), index)
    return found
