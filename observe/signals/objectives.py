"""How fast the budgets of objectives are used up: shares of bad requests over long windows.

Short windows are added up from the five-minute records, long ones from recorded hours; none reads raw series. Sums
are divided by sums, so that hours with many requests weigh more than hours with few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from observe.naming import record
from observe.promql import Binary, Expr, Number, over_time, ratio
from observe.signals.signal import Signal

if TYPE_CHECKING:
    from observe.signals.requests import Requests

Objective = Literal["availability", "latency"]

HOUR: Final = 3_600_000
LONG_WINDOWS: Final = {"2h": "10m", "6h": "10m", "1d": "30m", "3d": "1h"}
"""Each with the steps at which recorded hours are looked at. Steps shorter than an hour count requests repeatedly,
good and bad alike, which no share notices."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The share of bad requests by window, for one kind of objective."""

    hours: tuple[Signal, Signal]
    """Bad and all requests of the last hour."""
    shares: tuple[tuple[str, Signal], ...]
    """By window, the five minutes first."""

    def over(self, window: str) -> Signal:
        """The share over a window."""
        return next(signal for name, signal in self.shares if name == window)


def availability(requests: Requests, window: str, interval: int) -> Budget:
    """Requests that fail; `interval` is that of the records, in milliseconds."""
    return _budget("istio_requests_failed", "fail", requests.errors, requests.failed, requests.rate, window, interval)


def latency(slow: Signal, timed: Signal, share: Signal, window: str, interval: int) -> Budget:
    """Requests slower than the service's own objective."""
    return _budget("istio_requests_slow", "are too slow", share, slow, timed, window, interval)


def _budget(metric: str, verb: str, share: Signal, bad: Signal, whole: Signal, window: str, interval: int) -> Budget:
    hours = (_hour(bad, interval), _hour(whole, interval))
    parts: dict[str, list[Expr]] = {
        "30m": [_summed(signal, "30m") for signal in (bad, whole)],
        # The last hour is recorded for the long windows anyway: it need not be added up a second time.
        "1h": [hour.where() for hour in hours],
    }
    parts |= {over: [_summed(hour, f"{over}:{step}") for hour in hours] for over, step in LONG_WINDOWS.items()}
    shares = ((over, _share(metric, verb, over, *both)) for over, both in parts.items())
    return Budget(hours, ((window, share), *shares))


def _hour(signal: Signal, interval: int) -> Signal:
    """How many there were in the last hour: as many as each record says for its interval, added up."""
    metric = signal.record.split(":")[1]
    return Signal(
        id=f"{signal.id}-hour",
        title=f"{signal.title} in the last hour",
        unit="count",
        description=f"{signal.description} Added up over the last hour.",
        record=record("service", metric, "increase1h"),
        measure=Binary("*", _summed(signal, "1h"), Number(interval / 1_000)),
    )


def _summed(signal: Signal, window: str) -> Expr:
    return over_time("sum", signal.where(), window)


def _share(metric: str, verb: str, window: str, bad: Expr, whole: Expr) -> Signal:
    return Signal(
        id=f"{metric.removeprefix('istio_').replace('_', '-')}-ratio-{window}",
        title=f"Share of requests that {verb}, over {window}",
        unit="ratio",
        description=f"Share of the requests of the last {window} that {verb}.",
        record=record("service", metric, f"ratio_rate{window}"),
        measure=ratio(bad, whole),
    )
