"""The proof of the records that look back for long: shares of bad requests over windows up to three days.

Telemetry of days cannot be simulated scrape by scrape in a test that runs in seconds. So the records that these are
made of are given, every ten minutes, which is as often as the longest steps of subqueries need; what these say is
proven by telemetry (`mesh_records`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from observe.naming import SERVICE_LABELS
from observe.proofs.mesh_records import ROUNDED
from observe.proofs.scale import HOUR, MINUTE
from observe.proofs.window import Window
from observe.simulation import Series, Telemetry
from observe.simulation.reports import cluster_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observe.signals import Catalogue, Signal

DAY: Final = 24 * HOUR
STEP: Final = 10 * MINUTE
"""Between two values of the records that are given, and between two evaluations."""
LENGTH: Final = 4 * DAY
AGES: Final = ((3 * DAY, 0.9, 40.0), (DAY, 0.1, 10.0), (6 * HOUR, 0.2, 20.0), (2 * HOUR, 0.3, 30.0),
               (HOUR, 0.45, 10.0), (HOUR // 2, 0.6, 20.0), (15 * MINUTE, 0.3, 30.0), (0, 0.9, 10.0))  # fmt: skip
"""How long ago it was, at least; which share was bad then; how many requests per second there were."""
SUMMED: Final = {"30m": HOUR // 2, "1h": HOUR}
LOOKED: Final = {
    "2h": (2 * HOUR, 10 * MINUTE),
    "6h": (6 * HOUR, 10 * MINUTE),
    "1d": (DAY, 30 * MINUTE),
    "3d": (3 * DAY, HOUR),
}
"""Windows of recorded hours, and the steps at which these are looked at."""
NAMESPACE: Final = "namespace"
SERVICES: Final = {"busy": 1.0, "rare": 1e-6, "idle": 0.0}
"""How much of that each service has."""


@dataclass(frozen=True, slots=True)
class Days:
    """Four days of a service."""

    signals: Catalogue

    def labels(self, service: str) -> dict[str, str]:
        mesh = self.signals.mesh
        label = mesh.prometheus.cluster_label
        return {
            **dict(zip(SERVICE_LABELS, (NAMESPACE, service), strict=True)),
            **({label: cluster_of(mesh)} if label else {}),
        }

    def bad(self, time: int) -> float:
        return next(share * rate for age, share, rate in AGES if LENGTH - time >= age)

    def whole(self, time: int) -> float:
        return next(rate for age, _, rate in AGES if LENGTH - time >= age)

    def test(self) -> dict[str, Any]:
        """The test that promtool runs."""
        return {
            "name": f"{self.signals.mesh.name}: objectives over days",
            "interval": f"{STEP // MINUTE}m",
            "input_series": Telemetry(STEP // 1_000, tuple(self._series())).promtool(),
            "promql_expr_test": list(self._expected()),
        }

    def _series(self) -> Iterator[Series]:
        signals = self.signals
        times = range(0, LENGTH + 1, STEP)
        parts = (
            (signals.failed, self.bad),
            (signals.rate, self.whole),
            (signals.late, self.bad),
            (signals.timed, self.whole),
        )
        for service, much in SERVICES.items():
            labels = tuple(sorted(self.labels(service).items()))
            for signal, at in parts:
                yield Series(signal.record, labels, tuple(float(f"{much * at(time):.6g}") for time in times))
        labels = tuple(sorted(self.labels("busy").items()))
        plain = tuple(self._plaintext(time) for time in times)
        yield Series(signals.encryption.plaintext_inside.record, labels, plain)

    def _plaintext(self, time: int) -> float:
        """More of it the longer ago it was; too much in the last minutes, which do not count."""
        ago = LENGTH - time
        return 9.0 if ago < 15 * MINUTE else 1.0 + (ago > 12 * HOUR) + (ago >= 30 * HOUR)

    def _expected(self) -> Iterator[dict[str, Any]]:
        signals = self.signals
        for budget in (signals.availability, signals.punctuality):
            for signal, at in zip(budget.hours, (self.bad, self.whole), strict=True):
                hours = [self._hour(at, LENGTH, closed) for closed in (False, True)]
                yield self._reads(signal, hours, {"busy": 1.0, "rare": 0.0, "idle": 0.0})
            for window, signal in budget.shares[1:]:
                shares = [self._share(window, closed) for closed in (False, True)]
                yield self._reads(signal, shares, {"busy": 1.0, "rare": 1.0})
        yield self._reads(signals.encryption.lately, [2.0, 2.0], {"busy": 1.0})

    def _share(self, window: str, closed: bool) -> float:
        if window in SUMMED:
            times = Window(LENGTH, SUMMED[window], closed).multiples(STEP)
            return float(sum(map(self.bad, times)) / sum(map(self.whole, times)))
        length, every = LOOKED[window]
        times = Window(LENGTH, length, closed).multiples(every)
        bad, whole = (sum(self._hour(at, time, closed) for time in times) for at in (self.bad, self.whole))
        return float(bad / whole)

    def _hour(self, at: Any, end: int, closed: bool) -> float:
        """What a record adds up to in an hour, for the interval at which it is made in earnest."""
        interval = self.signals.mesh.prometheus.evaluation_interval / 1_000
        return interval * float(sum(at(time) for time in Window(end, HOUR, closed).multiples(STEP)))

    def _reads(self, signal: Signal, values: list[float], services: Mapping[str, float]) -> dict[str, Any]:
        size = max(1.0, *values)
        same = (part for part in ROUNDED if _rounded(values[0], size, part) == _rounded(values[1], size, part))
        parts = next(same, ROUNDED[0])
        value = _rounded(values[0], size, parts)
        return {
            "expr": f"round({signal.record}, {size_step(size, parts):.12g})",
            "eval_time": f"{LENGTH // 1_000}s",
            "exp_samples": [
                {"labels": _written(self.labels(service)), "value": much * value} for service, much in services.items()
            ],
        }


def _written(labels: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"


def size_step(size: float, parts: int) -> float:
    """What a value of a size is rounded to."""
    return float(10 ** math.floor(math.log10(size))) / parts


def _rounded(value: float, size: float, parts: int) -> float:
    inverse = 1 / size_step(size, parts)
    return math.floor(value * inverse + 0.5) / inverse
