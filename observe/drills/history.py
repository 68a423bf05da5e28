"""What rules would have recorded and fired over a time that is past, worked out from its samples.

Records are series of their own, so they are written level by level: those that read raw series, then those that read
these. Alerts come last; a condition that must hold for a while is followed from one evaluation to the next, as
Prometheus does it (`rules/alerting.go`, `AlertingRule.Eval`).
"""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Final, TypeAlias

from observe.alerting import Alert, Record
from observe.clients.prometheus import QueryFailed, Range
from observe.clients.remote_write import Written
from observe.promql import Aggregation, Binary, Function, Selector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from observe.alerting import Group
    from observe.clients.prometheus import Answer, Labels, PrometheusClient
    from observe.clients.remote_write import RemoteWriter
    from observe.promql import Expr

ALERTS: Final = "ALERTS"
AT_A_TIME: Final = 400
"""Rules whose results are held in memory together."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A rule, and how often it is evaluated."""

    rule: Record | Alert
    interval: int
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What Prometheus said of a rule beside its result."""

    rule: str
    said: str


Values: TypeAlias = "dict[int, float]"
"""By the place in time."""


@dataclass(frozen=True, slots=True)
class Historian:
    """Evaluates rules over the time from `start` to `end`, both in seconds since 1970, and writes what they give."""

    client: PrometheusClient
    writer: RemoteWriter
    start: int
    end: int

    def tell(self, groups: Sequence[Group], *, alerts: bool = True) -> tuple[Remark, ...]:
        """Write every record, and the series `ALERTS` unless they are not wanted; gives what was to be said of them.

        Raises QueryFailed, with its rule's name, for a rule that Prometheus cannot evaluate.
        """
        rules = [Timed(rule, group.interval // 1000) for group in groups for rule in group.rules]
        remarks: list[Remark] = []
        for level in levels(rules):
            remarks += self._write(level)
        if alerts:
            remarks += self._write([one for one in rules if isinstance(one.rule, Alert)])
        return tuple(remarks)

    def _write(self, rules: Sequence[Timed]) -> Iterator[Remark]:
        for begin in range(0, len(rules), AT_A_TIME):
            chosen = rules[begin : begin + AT_A_TIME]
            asked = {one: self._question(one) for one in chosen}
            answers = self.client.ask_all(asked.values())
            given = {one: _given(one, answers[question]) for one, question in asked.items()}
            self.writer.write(series for one, answer in given.items() for series in self._series(one, answer))
            yield from (Remark(one.rule.name, said) for one, answer in given.items() for said in answer.warnings)

    def _moments(self, interval: int) -> range:
        """The last evaluation is at the end, so that what is asked then is what was evaluated then."""
        return range(self.end - (self.end - self.start) // interval * interval, self.end + 1, interval)

    def _question(self, timed: Timed) -> Range:
        moments = self._moments(timed.interval)
        return Range(str(timed.rule.expression), moments[0], moments[-1], timed.interval)

    def _series(self, timed: Timed, answer: Answer) -> Iterator[Written]:
        moments = self._moments(timed.interval)
        times = tuple(moment * 1000 for moment in moments)
        for labels, values in _labelled(timed, answer, moments):
            yield Written(labels, times, tuple(map(values.get, range(len(times)))))


def levels(rules: Iterable[Timed]) -> Iterator[tuple[Timed, ...]]:
    """The records in an order in which each comes after those that it reads.

    Raises ValueError when records read each other.
    """
    named: dict[str, list[Timed]] = {}
    for one in rules:
        if isinstance(one.rule, Record):
            named.setdefault(one.rule.name, []).append(one)
    reads = {name: {read for one in ones for read in metrics(one.rule.expression)} for name, ones in named.items()}
    order = TopologicalSorter({name: sorted(read & named.keys()) for name, read in reads.items()})
    try:
        order.prepare()
    except CycleError as error:
        raise ValueError(f"records read each other: {', '.join(error.args[1])}") from None
    while order.is_active():
        ready = sorted(order.get_ready())
        yield tuple(one for name in ready for one in named[name])
        order.done(*ready)


def metrics(expression: Expr) -> Iterator[str]:
    """The names of the series that an expression selects, as often as it does."""
    match expression:
        case Selector(metric):
            yield metric
        case Aggregation(_, _, operand, parameter):
            yield from metrics(operand)
            if parameter is not None:
                yield from metrics(parameter)
        case Binary(_, left, right):
            yield from metrics(left)
            yield from metrics(right)
        case Function(_, arguments):
            for argument in arguments:
                yield from metrics(argument)


def _given(timed: Timed, answer: Answer | QueryFailed) -> Answer:
    if isinstance(answer, QueryFailed):
        raise QueryFailed(f"{timed.rule.name}: {answer}") from None
    return answer


def _labelled(timed: Timed, answer: Answer, moments: range) -> Iterator[tuple[Labels, Values]]:
    """The series that a rule gives, each with its values.

    A rule's result has no metric name, so what `a or b` gives now of one and then of the other is one series. Raises
    ValueError when two are the same at the same time, which Prometheus does not evaluate either.
    """
    rule = timed.rule
    merged: dict[Labels, Values] = {}
    for series in answer.series:
        values = {(round(time) - moments.start) // moments.step: value for time, value in series.points}
        result = {name: value for name, value in series.labels if name != "__name__"} | dict(rule.labels)
        known = merged.setdefault(_sorted(result), {})
        if known.keys() & values.keys():
            raise ValueError(f"{rule.name} gives the same series twice: {result}")
        known |= values
    for labels, values in merged.items():
        if isinstance(rule, Record):
            yield (("__name__", rule.name), *labels), values
        else:
            yield from _states(rule, dict(labels), values, timed.interval)


def _states(alert: Alert, labels: dict[str, str], values: Values, interval: int) -> Iterator[tuple[Labels, Values]]:
    """`ALERTS` of an alert: pending from when its condition holds, firing once it has held for long enough, and on for
    as long as it is kept.
    """
    wait, keep = alert.hold / 1000, alert.keep / 1000
    states: dict[str, Values] = {"pending": {}, "firing": {}}
    since: int | None = None
    ended: int | None = None
    for place in range(min(values), max(values) + 1 + round(keep / interval)) if values else ():
        ended = None if place in values else place if ended is None else ended
        kept = place - 1 in states["firing"] and ended is not None and (place - ended) * interval < keep
        if place not in values and not kept:
            since = None
            continue
        since = place if since is None else since
        state = "firing" if kept or (place - since) * interval >= wait else "pending"
        states[state][place] = 1
    for state, held in states.items():
        if held:
            told = {**labels, "__name__": ALERTS, "alertname": alert.name, "alertstate": state}
            yield _sorted(told), held


def _sorted(labels: dict[str, str]) -> Labels:
    return tuple(sorted(labels.items()))
