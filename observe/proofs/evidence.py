"""What a scene proves: telemetry in, states and texts of alerts out, as a test that promtool runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from observe.proofs.conditions import CONDITIONS, Judge
from observe.proofs.lean import input_series
from observe.proofs.lifecycle import State, States, states, telling, timeline
from observe.proofs.scale import MINUTE
from observe.proofs.sentences import Sentences
from observe.proofs.truth import VIEWS, Truth, Values
from observe.proofs.wording import said
from observe.signals import service_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from observe.alerting import Alert
    from observe.proofs.scene import Scene

ACTIVE: Final = 'count by (alert) (label_join(ALERTS, "alert", " ", "severity", "alertname", "alertstate"))'
"""Every alert that is active: one too many is noticed, and one that is there twice. One label says what four would."""
UNPRINTED: Final = 3e-5
"""Templates print four digits; rules write their constants with no more than that many."""
Texts = tuple[tuple[str, str], ...]
"""Annotations."""
WHOLE: Final = ("ServiceRequestsDenied", "ServiceEgressBlocked")
"""Alerts whose value is a sum over everything: it keeps no labels."""


@dataclass
class Evidence:
    """A scene, judged in all views, against the alerts of its service."""

    scene: Scene
    alerts: tuple[Alert, ...]

    @cached_property
    def judges(self) -> tuple[Judge, ...]:
        return tuple(Judge(self.scene.stage, Truth(self.scene, view)) for view in VIEWS)

    @cached_property
    def values(self) -> tuple[dict[str, Values], ...]:
        """By view and alert: the value at each evaluation at which the condition holds."""
        return tuple({alert.name: CONDITIONS[alert.name](judge) for alert in self.alerts} for judge in self.judges)

    @cached_property
    def agreed(self) -> tuple[States | None, ...]:
        """The active alerts at each evaluation; None where views differ."""
        views = [self._timeline(values) for values in self.values]
        return tuple(one[0] if len(set(one)) == 1 else None for one in zip(*views, strict=True))

    def firing(self, name: str) -> list[int]:
        """The evaluations at which an alert surely fires because its condition holds, not because it did."""
        return [
            place
            for place, found in enumerate(self.agreed)
            if found is not None
            and (name, "firing") in found
            and all(values[name][place] is not None for values in self.values)
        ]

    def test(self, told: Sequence[tuple[Alert, int]]) -> dict[str, Any]:
        """The scene as promtool takes it, with the whole of these alerts at these evaluations."""
        times = self.scene.evaluations
        severity: Mapping[str, str] = {alert.name: alert.severity for alert in self.alerts}
        return {
            "name": f"{self.scene.stage.service.id}: {self.scene.name}",
            "interval": _seconds(self.scene.step),
            "input_series": input_series(self.scene),
            "promql_expr_test": [
                {
                    "expr": ACTIVE,
                    "eval_time": _seconds(times[place]),
                    "exp_samples": [_sample(name, state, severity[name]) for name, state in self.agreed[place] or ()],
                }
                for place in sorted({*telling(self.agreed, self.scene.known_from), *self._looks()})
            ],
            "alert_rule_test": [
                {
                    "eval_time": _seconds(times[place]),
                    "alertname": alert.name,
                    "exp_alerts": [{"exp_labels": self._labels(alert), "exp_annotations": self.text(alert, place)}],
                }
                for alert, place in told
            ],
        }

    def _looks(self) -> Iterator[int]:
        """The evaluations that the scene asks for, or the next ones at which all views agree."""
        for minute in self.scene.looks:
            first = -int(-minute * MINUTE // self.scene.interval)
            yield from islice((place for place in range(first, len(self.agreed)) if self.agreed[place] is not None), 1)

    def best(self, alert: Alert) -> tuple[int, int] | None:
        """The evaluation at which to assert all that the alert says, after how good that is: the least is best.

        Best is one at which it says the same as before and after, in all views; then one at which all views say the
        same; else, where numbers differ between Prometheus 2 and 3, one at which those of 3 do.
        """
        places = self.firing(alert.name)[::-1]
        steady = (place for place in places if self._same(alert, place - 1, place, place + 1))
        calm = (place for place in steady if len(self._texts(alert, place) | self._texts(alert, place - 1)) == 1)
        same = (place for place in places if self._same(alert, place) and len(self._texts(alert, place)) == 1)
        newest = (place for place in places if len(self._texts(alert, place, views=1)) == 1)
        found = ((quality, place) for quality, each in enumerate((calm, same, newest)) for place in each)
        return next(found, None)

    def _same(self, alert: Alert, *places: int) -> bool:
        """Whether the alert has the same value at some evaluations in all views."""
        if max(places) >= len(self.agreed):
            return False
        found = {values[alert.name][place] for values in self.values for place in places}
        numbers = [value for value in found if value is not None]
        return len(numbers) == len(found) and max(numbers) - min(numbers) <= UNPRINTED * abs(max(numbers)) / 100

    def _texts(self, alert: Alert, place: int, views: int = 2) -> set[Texts]:
        """What the alert says at an evaluation as Prometheus 3 sees it, and as 2 does; and with a value that differs in
        what nobody prints.
        """
        different = list(zip(self.judges, self.values, strict=True))[:: len(VIEWS) // 2][:views]
        exact = all(float(values[alert.name][place] or 0).is_integer() for _, values in different)
        nudges = (1.0,) if exact else (1 - UNPRINTED, 1 + UNPRINTED)
        return {self._text(judge, values, alert, place, nudge) for judge, values in different for nudge in nudges}

    def text(self, alert: Alert, place: int) -> dict[str, str]:
        """Its annotations at an evaluation, as Prometheus 3 sees it."""
        return dict(self._text(self.judges[0], self.values[0], alert, place))

    def _text(self, judge: Judge, values: dict[str, Values], alert: Alert, place: int, nudge: float = 1) -> Texts:
        value = values[alert.name][place]
        if value is None:
            raise ValueError(f"{alert.name} does not hold at evaluation {place} of {self.scene.name}")
        asked = Sentences(judge, place)
        labels = self._labels(alert)
        return tuple((name, said(template, labels, value * nudge, asked.ask)) for name, template in alert.annotations)

    def _labels(self, alert: Alert) -> dict[str, str]:
        """The labels of its expression, and its own; those that it does not keep are the cluster's alone."""
        of_service = {} if alert.name in WHOLE else service_labels(self.scene.stage.service)
        return {**self.scene.cluster_labels, **of_service, **dict(alert.labels)}

    def _timeline(self, values: dict[str, Values]) -> tuple[States, ...]:
        interval = self.scene.interval
        by_alert: dict[str, tuple[State | None, ...]] = {
            alert.name: states([one is not None for one in values[alert.name]], alert.hold, interval, alert.keep)
            for alert in self.alerts
        }
        return timeline(by_alert, len(self.scene.evaluations))


def _sample(name: str, state: State, severity: str) -> dict[str, Any]:
    return {"labels": f'{{alert="{severity} {name} {state}"}}', "value": 1}


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds // 1_000}s" if milliseconds % 1_000 == 0 else f"{milliseconds}ms"
