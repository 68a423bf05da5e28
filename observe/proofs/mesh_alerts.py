"""The proof of the mesh's own alerts: certificates run out, istiod fails in all its ways, Prometheus reads nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from observe import policy, telemetry
from observe.proofs.evidence import ACTIVE
from observe.proofs.lean import UNREAD
from observe.proofs.lifecycle import State, states, telling
from observe.proofs.scale import ABOVE, BELOW, MINUTE
from observe.proofs.truth import VIEWS, View
from observe.proofs.window import Window, per_second, totals
from observe.proofs.wording import said
from observe.simulation import Pod, Recorder, Series, Telemetry
from observe.simulation.reports import cluster_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from observe.alerting import Alert
    from observe.model import Mesh
    from observe.policy import Threshold
    from observe.simulation import Flow

LENGTH: Final = 48
"""Minutes."""
WINDOW: Final = 10 * MINUTE
MUCH: Final = 4.0
"""Times a limit: all is well."""
DELAYS: Final = (1.0, 3.0, 5.0, 10.0, 20.0, 30.0)
"""istiod's own buckets, in seconds (`pilot/pkg/xds/monitoring.go`)."""
PUSHES: Final = 2_000
"""Pushes per scrape: so many that a hundredth and a ninetieth of them differ."""

MANY: Final = 1_000
"""Times as many: what a window holds is then as good as these alone."""

Values = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """One alert for one set of labels: its value at each evaluation at which its condition holds, by view."""

    name: str
    severity: str
    labels: Mapping[str, str]
    held: tuple[Values, ...]


@dataclass
class MeshProof:
    """What happens to a mesh, and what its alerts must say."""

    mesh: Mesh
    alerts: tuple[Alert, ...]
    told: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.step = max(self.mesh.prometheus.scrape_interval // 1_000, 1) * 1_000
        self.interval = self.mesh.prometheus.evaluation_interval
        self.scrapes = round(LENGTH * MINUTE / self.step)
        self.times = range(0, self.scrapes * self.step + 1, self.interval)
        self.recorder = Recorder(self.mesh, self.step // 1_000, history=1_000)
        self.istiod = [Pod(self.mesh.root_namespace, f"istiod-6f7d9c5b48-{end}", self.mesh.prometheus.istiod_job, 15014)
                       for end in ("2xkqp", "7hzwm")]  # fmt: skip
        self.proxies = [Pod("front", "web-5d9c7b6f48-2xkqp"), Pod("back", "store-5d9c7b6f48-7hzwm")]
        self._proxies()
        if self.mesh.data_plane == "sidecar":
            self._workload_certificates()
        self._authority()
        self._istiod()
        self._events()
        self._convergence()

    def test(self) -> dict[str, Any]:
        """The test that promtool runs."""
        whole = self.recorder.telemetry()
        return {
            "name": f"{self.mesh.name}: the mesh itself",
            "interval": f"{self.step // 1_000}s",
            "input_series": Telemetry(whole.step, tuple(map(_short, whole.series))).promtool(),
            "promql_expr_test": [self._active(place) for place in telling(self.agreed, len(self.times))],
            "alert_rule_test": [self._whole(alert) for alert in self.alerts],
        }

    @cached_property
    def agreed(self) -> tuple[tuple[tuple[str, State], ...] | None, ...]:
        """The active alerts at each evaluation, with their severities before their names; None where views differ."""
        views = [self._timeline(number) for number in range(len(VIEWS))]
        return tuple(one[0] if len(set(one)) == 1 else None for one in zip(*views, strict=True))

    def _timeline(self, view: int) -> list[tuple[tuple[str, State], ...]]:
        found = [(f"{told.severity} {told.name}", self._states(told, view)) for told in self.told]
        return [
            tuple(sorted((name, state) for name, each in found if (state := each[place])))
            for place in range(len(self.times))
        ]

    def _states(self, told: Told, view: int) -> tuple[State | None, ...]:
        hold = next(alert.hold for alert in self.alerts if alert.name == told.name)
        return states([one is not None for one in told.held[view]], hold, self.interval)

    def _active(self, place: int) -> dict[str, Any]:
        counted = Counter(self.agreed[place] or ())
        return {
            "expr": ACTIVE,
            "eval_time": _time(self.times[place]),
            "exp_samples": [
                {"labels": f'{{alert="{name} {state}"}}', "value": times} for (name, state), times in counted.items()
            ],
        }

    def _whole(self, alert: Alert) -> dict[str, Any]:
        """All that an alert says at an evaluation at which it fires, of both severities."""
        of_name = [told for told in self.told if told.name == alert.name]
        own = [told for told in of_name if told.severity == alert.severity]
        place = max(place for place in range(len(self.times)) if any(self._fires(told, place) for told in own))
        expected = [self._expected(told, place) for told in of_name if self._fires(told, place)]
        return {"eval_time": _time(self.times[place]), "alertname": alert.name, "exp_alerts": expected}

    def _fires(self, told: Told, place: int) -> bool:
        if any(self._states(told, view)[place] != "firing" for view in range(len(VIEWS))):
            return False
        return len({_rounded(held[place]) for held in told.held}) == 1

    def _expected(self, told: Told, place: int) -> dict[str, Any]:
        alert = next(one for one in self.alerts if (one.name, one.severity) == (told.name, told.severity))
        value = told.held[0][place] or 0.0
        labels = {**told.labels, **dict(alert.labels)}
        texts = {name: said(text, labels, value, lambda _: None) for name, text in alert.annotations}
        return {"exp_labels": labels, "exp_annotations": texts}

    def tell(
        self, name: str, severity: str, labels: Mapping[str, str], held: Callable[[View, int], float | None]
    ) -> None:
        """What an alert's value is at a time in milliseconds, in a view; None where its condition does not hold."""
        values = tuple(tuple(held(view, time) for time in self.times) for view in VIEWS)
        self.told.append(Told(name, severity, {**self._cluster, **labels}, values))

    @property
    def _cluster(self) -> dict[str, str]:
        label = self.mesh.prometheus.cluster_label
        return {label: cluster_of(self.mesh)} if label else {}

    def phases(self, *phases: tuple[float, float | None]) -> Values:
        """A value at each scrape, from phases with their ends in minutes."""
        values: list[float | None] = []
        for end, value in (*phases, (LENGTH + 1, phases[-1][1])):
            values += [value] * (round(end * MINUTE / self.step) - len(values))
        return tuple(values[: self.scrapes + 1])

    def seen(self, values: Values, time: int) -> float | None:
        return values[min(time // self.step, self.scrapes)]

    def _proxies(self) -> None:
        there, first = self.phases((40, 1), (45, None), (LENGTH, 1)), self.phases((35, 1), (45, None), (LENGTH, 1))
        for pod, reports in zip(self.proxies, (there, first), strict=True):
            self.recorder.gauge(telemetry.BUILD, {"component": "proxy"}, pod, reports)
        self.recorder.gauge(telemetry.BUILD, {"component": "pilot"}, self.istiod[0], self.phases((LENGTH, 1)))
        self.tell("MeshTelemetryLost", "critical", {}, lambda _, time: self._missing(there, time, len(self.proxies)))

    def _missing(self, values: Values, time: int, count: float) -> float | None:
        """What an alert on something missing says: how much there was where it is remembered, else just 1."""
        if self.seen(values, time):
            return None
        return count if self._cluster else 1

    def _workload_certificates(self) -> None:
        warning, critical = policy.CERTIFICATE.value, policy.CERTIFICATE_CRITICAL.value
        left = self.phases(
            (5, 80_000),
            (8, ABOVE * warning),
            (20, BELOW * warning),
            (22, ABOVE * critical),
            (34, BELOW * critical),
            (LENGTH, 80_000),
        )
        one, other = self.proxies
        name = telemetry.CERTIFICATE_EXPIRY
        self.recorder.gauge(name, {"resource_name": "default"}, one, left)
        self.recorder.gauge(name, {"resource_name": "ROOTCA"}, one, self.phases((LENGTH, 60)))
        self.recorder.gauge(name, {"resource_name": "default"}, other, self.phases((LENGTH, 80_000)))
        for severity, limit in (("warning", policy.CERTIFICATE), ("critical", policy.CERTIFICATE_CRITICAL)):
            self.tell(
                "MeshWorkloadCertificateExpiring",
                severity,
                {"namespace": one.namespace},
                self._runs_out(left, limit, 0),
            )

    def _authority(self) -> None:
        warning, critical = policy.AUTHORITY.value, policy.AUTHORITY_CRITICAL.value
        root = self.phases(
            (6, MUCH * warning),
            (9, ABOVE * warning),
            (21, BELOW * warning),
            (23, ABOVE * critical),
            (35, BELOW * critical),
            (LENGTH, MUCH * warning),
        )
        chain = self.phases((10, MUCH * warning), (24, BELOW * warning), (LENGTH, MUCH * warning))
        ends = ((telemetry.ROOT_EXPIRY, "root", root), (telemetry.CHAIN_EXPIRY, "chain", chain))
        for name, kind, end in ends:
            self.recorder.gauge(name, {}, self.istiod[0], end)
            self.recorder.gauge(name, {}, self.istiod[1], self.phases((LENGTH, 2 * MUCH * warning)))
            for severity, limit in (("warning", policy.AUTHORITY), ("critical", policy.AUTHORITY_CRITICAL)):
                self.tell("MeshCaCertificateExpiring", severity, {"certificate": kind}, self._runs_out(end, limit, 1))

    def _runs_out(self, values: Values, limit: Threshold, ages: float) -> Callable[[View, int], float | None]:
        """What is left, in seconds, where it is less than a limit; `ages` is how much less it is after a second."""

        def held(view: View, time: int) -> float | None:
            value = self.seen(values, time)
            left = None if value is None else value - ages * time / 1_000
            return left if left is not None and left < limit.value * (1 - view.slack) else None

        return held

    def _istiod(self) -> None:
        first = self.phases((5, 1), (16, 0), (LENGTH, 1))
        second = self.phases((11, 1), (14, 0), (16, None), (LENGTH, 1))
        both = tuple((one or 0) + (other or 0) for one, other in zip(first, second, strict=True))
        for pod, up in zip(self.istiod, (first, second), strict=True):
            self.recorder.gauge(telemetry.UP, {}, pod, up)
        self.recorder.gauge(telemetry.UP, {}, self.proxies[0], self.phases((LENGTH, 1)))
        # What is remembered is the most of the last day.
        self.tell("ControlPlaneDown", "critical", {}, lambda _, time: self._missing(both, time, 2))

    def _events(self) -> None:
        """Events of which there should be none: once a single one, once several."""
        kinds = (
            ("ControlPlaneConfigurationRejected", telemetry.XDS_REJECTS, "cds", 6),
            ("ControlPlanePushFailing", telemetry.XDS_PUSHES, "cds_senderr", 7.5),
            ("SidecarInjectionFailing", telemetry.INJECTION_FAILURES, None, 9),
        )
        for name, metric, kind, minute in kinds:
            labels = {"type": kind} if kind else {}
            events = self._flow({minute: 1, minute + 20: 30}, 30)
            self.recorder.counter(metric, labels, self.istiod[0], events)
            self.tell(name, "warning", labels, self._happened(events))
        self.recorder.counter(telemetry.XDS_PUSHES, {"type": "cds"}, self.istiod[0], (PUSHES,) * self.scrapes)
        self.recorder.counter(telemetry.INJECTION_SUCCESSES, {}, self.istiod[0], (1,) * self.scrapes)

    def _flow(self, events: Mapping[float, int], steady: int) -> Flow:
        """So many events at a minute; as many as are steady go on with every scrape, for more than the window."""
        flow = [0] * self.scrapes
        for minute, count in events.items():
            first = round(minute * MINUTE / self.step)
            last = first + (1 if count < steady else round(1.2 * WINDOW / self.step))
            flow[first:last] = [count] * (last - first)
        return tuple(flow)

    def _happened(self, events: Flow) -> Callable[[View, int], float | None]:
        total = totals(events)

        def held(view: View, time: int) -> float | None:
            rate = per_second(total, Window(time, WINDOW, view.closed), self.step, self.scrapes)
            return rate * WINDOW / 1_000 if rate else None

        return held

    def _convergence(self) -> None:
        """The 99th percentile is told just below its limit, then just above it; both changes come at once."""
        limit = policy.CONVERGENCE.value
        whole = self._pushes(8, 34)
        flows = {delay: self._within(delay, limit, whole, 8, 34) for delay in DELAYS}
        for delay, events in flows.items():
            self.recorder.counter(telemetry.CONVERGENCE_BUCKET, {"le": f"{delay:g}"}, self.istiod[0], events)
        self.recorder.counter(telemetry.CONVERGENCE_BUCKET, {"le": "+Inf"}, self.istiod[0], whole)

        def held(view: View, time: int) -> float | None:
            value = self._percentile(flows, whole, view, time)
            return value if value is not None and value > limit * (1 + view.slack) else None

        self.tell("ControlPlaneConvergenceSlow", "warning", {}, held)

    def _pushes(self, begin: float, end: float) -> Flow:
        """Pushes of each scrape: very many where it begins to be slow, and where it ends."""
        first, last = (round(minute * MINUTE / self.step) for minute in (begin, end))
        return tuple(MANY * PUSHES if place in (first, last) else PUSHES for place in range(self.scrapes))

    def _within(self, delay: float, limit: float, whole: Flow, begin: float, end: float) -> Flow:
        """How many of the pushes take no longer: a tenth take nearly the limit, meanwhile some take more."""
        first, last = (round(minute * MINUTE / self.step) for minute in (begin, end))

        def within(place: int, pushes: int) -> int:
            if delay < limit:
                return pushes - pushes // 10
            return pushes - (pushes // 90 if delay == limit and first <= place < last else 0)

        return tuple(within(place, pushes) for place, pushes in enumerate(whole))

    def _percentile(self, flows: Mapping[float, Flow], pushes: Flow, view: View, time: int) -> float | None:
        window = Window(time, WINDOW, view.closed)
        whole = per_second(totals(pushes), window, self.step, self.scrapes)
        if not whole:
            return None
        before, lower = 0.0, 0.0
        for delay, events in flows.items():
            count = per_second(totals(events), window, self.step, self.scrapes) or 0.0
            if count >= 0.99 * whole:
                return lower + (delay - lower) * (0.99 * whole - before) / (count - before)
            before, lower = count, delay
        return lower


def _short(series: Series) -> Series:
    kept = UNREAD - {"job"}
    return Series(series.name, tuple(label for label in series.labels if label[0] not in kept), series.values)


def _time(milliseconds: int) -> str:
    return f"{milliseconds // 1_000}s" if milliseconds % 1_000 == 0 else f"{milliseconds}ms"


def _rounded(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
