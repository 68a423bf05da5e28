"""What each alert promises, in plain words of arithmetic: when it must hold, and what it must say.

Written from the meaning of alerts and from the service's own policy, not from the rules: where both disagree, one of
them is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

from observe import policy
from observe.model import format_duration
from observe.proofs import events
from observe.proofs.scale import HOUR, MINUTE
from observe.proofs.truth import Truth, Values, either, ratios

if TYPE_CHECKING:
    from observe.model import Service
    from observe.naming import AlertName
    from observe.policy import Speed
    from observe.proofs.scene import Chosen
    from observe.proofs.stage import Stage

DAY: Final = 24 * HOUR
WINDOWS: Final = {"30m": HOUR // 2, "1h": HOUR, "2h": 2 * HOUR, "6h": 6 * HOUR, "1d": DAY, "3d": 3 * DAY}
LOOKS: Final = {"2h": 10 * MINUTE, "6h": 10 * MINUTE, "1d": 30 * MINUTE, "3d": HOUR}
"""How often the recorded hours of a long window are looked at."""
MORE_THAN_ONE: Final = 1.5
"""Between one event and two."""
MORE_THAN_TWO: Final = 2.5
MORE_THAN_FOUR: Final = 4.5
SURE: Final = 3.29
"""Standard deviations to each side."""
EXPECTED: Final = 60
"""Requests within an hour, after which none at all is no accident."""

Bad = Literal["failed", "slow"]
Counted = Literal["failed", "requests", "slow", "timed"]
Condition = Callable[["Judge"], Values]
"""The alert's value at each evaluation at which it holds."""


@dataclass
class Judge:
    """Judges a scene as one view of it sees it."""

    stage: Stage
    truth: Truth

    @cached_property
    def requests(self) -> Chosen:
        return events.requests(self.stage.service)

    @cached_property
    def failed(self) -> Chosen:
        return events.failed(self.requests)

    @cached_property
    def inside(self) -> bool:
        """Whether only callers with a proxy are judged: there is an exception for the others."""
        return self.stage.service.mtls.mode != "STRICT"

    def held(self, value: Values, *conditions: Callable[[int], bool]) -> Values:
        """The value where it is there and all conditions hold."""
        return tuple(
            one if one is not None and all(holds(place) for holds in conditions) else None
            for place, one in enumerate(value)
        )

    def above(self, value: Values, limit: float) -> Callable[[int], bool]:
        return lambda place: self.truth.above(value[place], limit)

    def enough(self, value: Values, count: float, window: int) -> Callable[[int], bool]:
        return lambda place: self.truth.at_least(value[place], count * 1_000 / window)

    def repeated(self, value: Values, window: int) -> Callable[[int], bool]:
        """Whether it happened more than once in the window."""
        return lambda place: self.truth.above(value[place], MORE_THAN_ONE * 1_000 / window)

    def errors(self, window: int, limit: float) -> Values:
        share = self.truth.share(self.failed, self.requests, window)
        rate, bad = self.truth.rate(self.requests, window), self.truth.part(self.failed, self.requests, window)
        minimum = self.stage.limits.minimum_requests
        return self.held(
            share, self.above(share, limit), self.enough(rate, minimum, window), self.repeated(bad, window)
        )

    def latency(self) -> Values:
        stage = self.stage
        found = self.quantile()
        rate = self.truth.rate(self.requests, stage.slow)
        return self.held(
            found, self.above(found, stage.limits.latency.value),
            self.enough(rate, stage.limits.minimum_for_quantile, stage.slow),
        )  # fmt: skip

    def quantile(self, of: Service | None = None) -> Values:
        """The duration that the objective's share of the requests stay below, as buckets tell it."""
        service, scene = of or self.stage.service, self.truth.scene
        share = self.stage.service.objectives.latency.quantile
        whole = self.truth.rate(events.timed(service), self.stage.slow)
        bounds = (0.0, *scene.buckets)
        counted = [
            self.truth.part(events.within(service, bound), events.timed(service), self.stage.slow)
            for bound in scene.buckets
        ]
        return tuple(
            _interpolated(share, bounds, [each[place] or 0.0 for each in counted], total)
            for place, total in enumerate(whole)
        )

    def few(self) -> Values:
        """Failures among few requests, of which chance alone would not make so many."""
        stage = self.stage
        bad, whole = self.hour("failed"), self.hour("requests")
        surely = tuple(_surely(*pair) for pair in zip(bad, whole, strict=True))
        rate = self.truth.rate(self.requests, stage.slow)
        enough = self.enough(rate, stage.limits.minimum_requests, stage.slow)
        limit, most = stage.limits.error_rate.value, stage.limits.minimum_requests * HOUR / stage.slow
        many = self.above(whole, most)
        return self.held(
            surely, self.above(surely, limit), self.above(bad, MORE_THAN_TWO),
            lambda place: not enough(place), lambda place: not many(place),
        )  # fmt: skip

    def hour(self, what: Counted) -> Values:
        """How many there were in the last hour."""
        return self.truth.known(("hour", what), lambda: self._hour(what))

    def _hour(self, what: Counted) -> Values:
        interval = self.stage.interval / 1_000
        return tuple(None if sum_ is None else sum_ * interval for sum_ in self.truth.summed(self._rate(what), HOUR))

    def _rate(self, what: Counted) -> Values:
        service, window = self.stage.service, self.stage.slow
        if what == "requests":
            return self.truth.rate(self.requests, window)
        if what == "failed":
            return self.truth.part(self.failed, self.requests, window)
        timed = events.timed(service)
        if what == "timed":
            return self.truth.rate(timed, window)
        late = self.truth.part(events.slower(service, service.objectives.latency.limit), timed, window)
        # Each service's own rules record it, after the mesh's have read it.
        return self.truth.lagging(late)

    def stopped(self) -> Values:
        truth = self.truth
        hours = self.hour("requests")
        hour = tuple(truth.at(hours, time - 15 * MINUTE) for time in truth.times)
        rate = truth.rate(self.requests, self.stage.slow)
        mesh, gone = truth.gauge("proxies of the mesh", sum), self._missing()
        return self.held(
            hour, lambda place: truth.at_least(hour[place], EXPECTED), lambda place: not rate[place],
            lambda place: bool(mesh[place]), lambda place: gone[place] is None,
        )  # fmt: skip

    def gone(self) -> Values:
        truth = self.truth
        mesh, silent = truth.gauge("proxies of the mesh", sum), self.silent()
        return self.held(self._missing(), lambda place: bool(mesh[place]), lambda place: silent[place] is None)

    def _missing(self) -> Values:
        """How many of its proxies reported lately, where none does now."""
        now = self.truth.gauge("proxies", sum)
        seen = self.truth.looked_up(now, DAY, 5 * MINUTE)
        return tuple(max(found) if found and not here else None for found, here in zip(seen, now, strict=True))

    def silent(self) -> Values:
        return tuple(value or None for value in self.truth.gauge("targets down", sum))

    def ejecting(self) -> Values:
        ejected = self.truth.gauge("ejected", max)
        return self.held(ejected, self.above(ejected, 0))

    def more_than_once(self, chosen: Chosen) -> Values:
        rate = self.truth.rate(chosen, self.stage.slow)
        return self.held(rate, self.repeated(rate, self.stage.slow))

    def turned_away(self) -> Values:
        window = self.stage.slow
        away = self.truth.part(events.flagged(self.requests, "UO"), self.requests, window)
        share = ratios(away, self.truth.rate(self.requests, window))
        return self.held(share, self.above(share, self.stage.limits.turned_away.value), self.repeated(away, window))

    def retries(self) -> Values:
        window, limits = self.stage.slow, self.stage.limits
        again, rate = self.truth.rate(events.of_kind("retry"), window), self.truth.rate(self.requests, window)
        share = ratios(again, rate)
        return self.held(
            share, self.above(share, limits.retries.value),
            self.enough(rate, limits.minimum_requests, window), self.repeated(again, window),
        )  # fmt: skip

    def arrived(self) -> Values:
        return self.truth.rate(events.arrivals(self.stage.service, inside=self.inside), self.stage.slow)

    def plaintext(self) -> Values:
        service, window = self.stage.service, self.stage.slow
        seen = events.plaintext(events.arrivals(service, inside=self.inside))
        return self.truth.part(seen, events.arrivals(service), window)

    def coverage(self) -> Values:
        """The lower of the encrypted shares of requests and of connections."""
        service, window = self.stage.service, self.stage.slow
        shares = []
        for kind in ("request", "connection"):
            whole = events.arrivals(service, kind, inside=self.inside)
            shares.append(self.truth.share(events.encrypted(whole), whole, window))
        lower = tuple(min((one for one in pair if one is not None), default=None) for pair in zip(*shares, strict=True))
        plain = self.plaintext()
        return self.held(
            lower, lambda place: self.truth.below(lower[place], self.stage.limits.mtls.value),
            self.enough(self.arrived(), self.stage.limits.minimum_requests, window), self.repeated(plain, window),
        )  # fmt: skip

    def in_plaintext(self) -> Values:
        plain = self.plaintext()
        if not self.inside:
            return self.held(plain, self.repeated(plain, self.stage.slow))
        lately = self.truth.looked_up(plain, DAY, 10 * MINUTE, 15 * MINUTE)
        return self.held(
            plain, self.repeated(plain, self.stage.slow), lambda place: bool(lately[place]) and max(lately[place]) == 0
        )

    def connections(self) -> Values:
        whole, window = events.connections(self.stage.service), self.stage.fast
        bad = events.failed(whole)
        share, failed = self.truth.share(bad, whole, window), self.truth.part(bad, whole, window)
        rate = self.truth.rate(whole, window)
        return self.held(
            share, self.above(share, self.stage.limits.connections.value), self.repeated(failed, window),
            lambda place: rate[place] is not None,
        )  # fmt: skip

    def burning(self, what: Bad, speed: Speed) -> Values:
        """The share over the long window of the first pair of windows in which both are above their limit."""
        service, stage = self.stage.service, self.stage
        budget = policy.availability_budget(service) if what == "failed" else policy.latency_budget(service)
        burns = policy.burns(stage.signals.mesh, budget or 1, speed, format_duration(stage.slow))
        found: Values = (None,) * len(self.truth.times)
        for burn in reversed(burns):
            long, short = self.share_over(what, burn.long), self.share_over(what, burn.short)
            found = either(self.held(long, self.above(long, burn.limit), self.above(short, burn.limit)), found)
        if speed == "slow" or not burns:
            return self.held(found, self.above(self._burnt_lately(what), MORE_THAN_ONE))
        least = min(burn.limit for burn in burns)
        now = self.share_over(what, format_duration(stage.slow))
        return self.held(found, self.above(self._burnt(what), MORE_THAN_FOUR), self.above(now, least))

    def _burnt(self, what: Bad) -> Values:
        return either(self.truth.fed(f"service:istio_requests_{what}:increase1h"), self.hour(what))

    def _burnt_lately(self, what: Bad) -> Values:
        return self._added(self._burnt(what), WINDOWS["6h"], HOUR)

    def share_over(self, what: Bad, window: str) -> Values:
        """The share of bad requests over a window."""
        measured = self.truth.known(("share", what, window), lambda: self._share_over(what, window))
        return either(self.truth.fed(f"service:istio_requests_{what}:ratio_rate{window}"), measured)

    def _share_over(self, what: Bad, window: str) -> Values:
        pair: tuple[Counted, Counted] = (what, "requests" if what == "failed" else "timed")
        if window not in WINDOWS:
            return ratios(*map(self._rate, pair))
        length, every = WINDOWS[window], LOOKS.get(window)
        if every is None:
            return ratios(*(self.truth.summed(self._rate(each), length) for each in pair))
        return ratios(*(self._added(self.hour(each), length, every) for each in pair))

    def _added(self, hours: Values, window: int, every: int) -> Values:
        return tuple(math.fsum(found) if found else None for found in self.truth.looked_up(hours, window, every))


CONDITIONS: Final[Mapping[AlertName, Condition]] = {
    "ServiceErrorRateHigh": lambda judge: judge.errors(judge.stage.slow, judge.stage.limits.error_rate.value),
    "ServiceErrorRateCritical": lambda judge: judge.errors(
        judge.stage.fast, judge.stage.limits.error_rate_critical.value
    ),
    "ServiceLatencyHigh": Judge.latency,
    "ServiceErrorBudgetBurningFast": lambda judge: judge.burning("failed", "fast"),
    "ServiceErrorBudgetBurningSlow": lambda judge: judge.burning("failed", "slow"),
    "ServiceLatencyBudgetBurningFast": lambda judge: judge.burning("slow", "fast"),
    "ServiceLatencyBudgetBurningSlow": lambda judge: judge.burning("slow", "slow"),
    "ServiceFailingAtLowTraffic": Judge.few,
    "ServiceConnectionsFailing": Judge.connections,
    "ServiceGone": Judge.gone,
    "ServiceTelemetryLost": Judge.silent,
    "ServiceTrafficStopped": Judge.stopped,
    "ServiceCircuitBreakerEjecting": Judge.ejecting,
    "ServiceEjectionsDenied": lambda judge: judge.more_than_once(events.of_kind("ejection denied")),
    "ServiceConnectionPoolOverflowing": lambda judge: (
        judge.turned_away() if judge.stage.service.request_ports else judge.more_than_once(events.of_kind("overflow"))
    ),
    "ServiceRetryStorm": Judge.retries,
    "ServiceMtlsCoverageLow": Judge.coverage,
    "ServicePlaintextCaller": Judge.in_plaintext,
    "ServiceRequestsDenied": lambda judge: judge.more_than_once(events.of_kind("refusal")),
    "ServiceEgressBlocked": lambda judge: judge.more_than_once(events.of_kind("blocked")),
}


def _surely(bad: float | None, whole: float | None) -> float | None:
    """The lower end of Wilson's interval around a share."""
    if bad is None or whole is None or whole <= 0:
        return None
    share, square = bad / whole, SURE**2
    centre = share + square / (2 * whole)
    spread = SURE * math.sqrt(share * (1 - share) / whole + square / (4 * whole**2))
    return (centre - spread) / (1 + square / whole)


def _interpolated(share: float, bounds: tuple[float, ...], counted: list[float], whole: float | None) -> float | None:
    """A quantile of a histogram: evenly spread within the bucket that it falls into."""
    if not whole:
        return None
    rank = share * whole
    before = 0.0
    for lower, upper, count in zip(bounds, bounds[1:], counted, strict=False):
        if count >= rank:
            return lower + (upper - lower) * (rank - before) / (count - before)
        before = count
    return bounds[-1]
