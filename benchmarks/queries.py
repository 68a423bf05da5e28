"""What rules and dashboards cost Prometheus, by its own count, beside those that are usually written for Istio.

Both sides ask the same real Prometheus, of the same simulated fleet, for the same hour. Counted is what Prometheus
says with `stats=all`: samples that queries were worked out from, each as often as a window holds it
(`totalQueryableSamples`), and samples that were read for that (`samplesRead`).
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import requests

from benchmarks.synthetic import inventory as synthetic
from observe.alerting import Alert, Record, mesh_alerts, mesh_records, rule_groups, service_rules
from observe.artifact import Kind
from observe.clients.prometheus import Instant, PrometheusClient, Range
from observe.clients.prometheus_access import PrometheusAccess
from observe.clients.remote_write import RemoteWriter, Written
from observe.drills.history import Historian
from observe.drills.laboratory import EPOCH, laboratory, scraped
from observe.drills.throwaway import throwaway_prometheus
from observe.drills.usual import usual_rules
from observe.graph import Graph
from observe.inventory import load, parse
from observe.naming import overview_uid
from observe.pack import build
from observe.preview.dashboard import read
from observe.preview.results import ask
from observe.preview.time_range import TimeRange, resolution
from observe.preview.variables import variables
from observe.promql import Aggregation, Binary, Function, Selector
from observe.render.rules import rule_file
from observe.render.text import to_yaml
from observe.signals import catalogue
from observe.simulation import simulate
from tests.servers.prometheus_server import binary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.alerting import Group
    from observe.clients.prometheus import Question
    from observe.model import Inventory
    from observe.promql import Expr
    from observe.simulation import Telemetry

EXAMPLE: Final = Path(__file__).parent.parent / "examples" / "shop"
MINUTES: Final = 75
HOUR: Final = 3600
PAST: Final = 3 * 24 * HOUR + HOUR
"""Seconds: the longest window, and the hour that its first value looks back on."""
SPARSE: Final = 240
"""Seconds between the samples of that past: Prometheus finds each of them for five minutes."""
PANELS: Final = {
    "Request rate": (12, "sum(rate(istio_requests_total{{{all}}}[5m])) {by}"),
    "Error rate": (
        12,
        (
            'sum(rate(istio_requests_total{{{all},response_code=~"5.."}}[5m])) {by}'
            " / sum(rate(istio_requests_total{{{all}}}[5m])) {by} * 100"
        ),
    ),
    "P50": (8, "histogram_quantile(0.50, sum(rate({buckets}[5m])) by (destination_service_name, le))"),
    "P95": (8, "histogram_quantile(0.95, sum(rate({buckets}[5m])) by (destination_service_name, le))"),
    "P99": (8, "histogram_quantile(0.99, sum(rate({buckets}[5m])) by (destination_service_name, le))"),
    "Ejections": (12, "sum(envoy_cluster_outlier_detection_ejections_active) by (cluster_name)"),
    "Overflow": (12, "sum(rate(envoy_cluster_upstream_cx_overflow[5m])) by (cluster_name)"),
    "Pending overflow": (12, "sum(rate(envoy_cluster_upstream_rq_pending_overflow[5m])) by (cluster_name)"),
    "mTLS": (
        6,
        'sum(istio_requests_total{{connection_security_policy="mutual_tls"}}) / sum(istio_requests_total) * 100',
    ),
}
"""The usual overview: widths in columns, and queries on raw series."""
COLUMN: Final = 60
"""Pixels."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What queries cost, all together."""

    queries: int = 0
    computed: int = 0
    """Samples that results were worked out from."""
    read: int = 0
    """Samples that were read."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.queries + other.queries, self.computed + other.computed, self.read + other.read)

    def __str__(self) -> str:
        return f"{self.queries:>9,} {self.computed:>14,} {self.read:>14,}"


@dataclass(frozen=True, slots=True)
class Meter:
    """Asks a Prometheus, and reads what it says that it did."""

    session: requests.Session
    url: str

    def cost(self, question: Question) -> Cost:
        if isinstance(question, Instant):
            path, times = "query", {"time": question.at}
        else:
            path, times = "query_range", {"start": question.start, "end": question.end, "step": question.step}
        form: dict[str, Any] = {"query": question.expr, "stats": "all", **times}
        answer = self.session.post(f"{self.url}/api/v1/{path}", data=form, timeout=300)
        answer.raise_for_status()
        samples = answer.json()["data"]["stats"]["samples"]
        return Cost(1, samples["totalQueryableSamples"], samples["samplesRead"])

    def total(self, questions: Iterable[Question]) -> Cost:
        return sum(map(self.cost, questions), Cost())


@dataclass(frozen=True, slots=True)
class Fleet:
    """A simulated fleet that a Prometheus has seen."""

    inventory: Inventory
    telemetry: Telemetry
    groups: tuple[Group, ...]
    client: PrometheusClient
    meter: Meter
    end: int

    def instant(self, expressions: Iterable[str]) -> Cost:
        return self.meter.total(Instant(expression, self.end) for expression in expressions)


@contextmanager
def fleet(inventory: Inventory, program: Path) -> Iterator[Fleet]:
    """A Prometheus that holds an ordinary hour of the fleet, and three days before it of what long windows read."""
    groups = rule_groups(Graph(inventory), catalogue(inventory))
    telemetry = simulate(inventory, minutes=MINUTES, epoch=EPOCH)
    end = EPOCH + (telemetry.scrapes - 1) * telemetry.step
    with laboratory(telemetry, groups, alerts=False, program=program) as before:
        past = tuple(_past(before.client, groups, end))
    with ExitStack() as stack:
        url = stack.enter_context(throwaway_prometheus(program, features=("promql-per-step-stats",)))
        client = stack.enter_context(PrometheusClient(PrometheusAccess(url)))
        writer = stack.enter_context(RemoteWriter(url))
        writer.write(past)
        writer.write(scraped(telemetry, EPOCH))
        Historian(client, writer, EPOCH, end).tell(groups, alerts=False)
        yield Fleet(inventory, telemetry, groups, client, Meter(stack.enter_context(requests.Session()), url), end)


def _past(client: PrometheusClient, groups: Iterable[Group], end: int) -> Iterator[Written]:
    """What long windows look back on: as it is now, for three days."""
    times = tuple(moment * 1000 for moment in range(end - PAST, EPOCH - SPARSE, SPARSE))
    long = {name for group in groups for rule in group.rules for name in _looked_back_on(rule.expression)}
    for name in sorted(long):
        for series in client.ask(Instant(name, end)).series:
            yield Written(series.labels, times, (series.points[-1][1],) * len(times))


def _looked_back_on(expression: Expr) -> Iterator[str]:
    """Records that are read over more than an hour: those of which an expression looks at steps."""
    match expression:
        case Selector(metric, _, window) if window and ":" in window:
            yield metric
        case Aggregation(_, _, operand):
            yield from _looked_back_on(operand)
        case Binary(_, left, right):
            yield from (*_looked_back_on(left), *_looked_back_on(right))
        case Function(_, arguments):
            for argument in arguments:
                yield from _looked_back_on(argument)


def usual_by_service(inventory: Inventory) -> Iterator[str]:
    """The usual alerts, asked of one service at a time, as alerts of single services must."""
    for service in inventory.services:
        name = f'destination_service_name="{service.name}"'
        cluster = rf'cluster_name=~".+\\|{service.name}\\.{service.namespace}\\..+"'
        yield from (narrowed(rule["expr"], name, cluster) for rule in usual_rules()["rules"])


def narrowed(expression: str, name: str, cluster: str) -> str:
    """The same of one service: requests by its name, Envoy's statistics by its cluster."""

    def matched(found: re.Match[str]) -> str:
        metric, others = found[1], found[2]
        own = cluster if metric.startswith("envoy") else name
        return f"{metric}{{{own}{',' + others if others else ''}}}"

    return re.sub(r"\b((?:istio|envoy)_\w+)(?:\{([^}]*)\})?", matched, expression)


def usual_panels(end: int) -> Iterator[Question]:
    """The queries of the usual overview over an hour, as finely as Grafana asks."""
    every = 'reporter="destination"'
    words = {
        "all": every,
        "by": "by (destination_service_name)",
        "buckets": f"istio_request_duration_milliseconds_bucket{{{every}}}",
    }
    for width, expression in PANELS.values():
        step = resolution(HOUR, width * COLUMN, None).step
        yield Range(expression.format(**words), end - HOUR, end, step)


def own_panels(seen: Fleet) -> Iterator[Question]:
    """The queries of our overview over an hour."""
    uid = overview_uid(seen.inventory.mesh.name)
    artifact = next(one for one in build(seen.inventory).artifacts if one.kind is Kind.DASHBOARD and uid in one.path)
    dashboard = read(artifact.content, artifact.path)
    range_ = TimeRange(seen.end, HOUR)
    chosen = variables(
        dashboard, range_, lambda label, match: seen.client.label_values(label, match, range_.start, range_.end)
    )
    return (one.question for panel in dashboard.panels for one in ask(panel, chosen, range_))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what rules and dashboards cost Prometheus.")
    parser.add_argument("--prometheus", type=Path, default=binary("prometheus"), help="the program")
    parser.add_argument("--services", type=int, default=187, help="size of the synthetic fleet")
    parser.add_argument("--records", type=int, default=0, help="list so many of the records that cost most")
    options = parser.parse_args()
    for inventory in (load(str(EXAMPLE)), parse([("synthetic", synthetic(options.services))])):
        report(inventory, options.prometheus, options.records)
    print("\nRules")
    for inventory in (
        load(str(EXAMPLE)),
        *(parse([("synthetic", synthetic(count))]) for count in (options.services, 1000)),
    ):
        sizes(inventory)


def report(inventory: Inventory, program: Path, listed: int) -> None:
    """Measure a fleet and print."""
    with fleet(inventory, program) as seen:
        ours = {rule: seen.instant([str(rule.expression)]) for group in seen.groups for rule in group.rules}
        records = sum((cost for rule, cost in ours.items() if isinstance(rule, Record)), Cost())
        alerts = sum((cost for rule, cost in ours.items() if isinstance(rule, Alert)), Cost())
        usual = seen.instant(rule["expr"] for rule in usual_rules()["rules"])
        single = seen.instant(usual_by_service(inventory))
        raw = len(seen.telemetry.series)
        made = _count(seen.client, '{__name__=~".+:.+:.+"}', seen.end)
        print(f"\n{len(inventory.services)} services, {raw:,} raw series, {made:,} recorded series: {made / raw:.1%}")
        print(f"{'':44}{'queries':>9} {'computed':>14} {'read':>14}")
        for what, cost in (
            ("rules: our records", records),
            ("rules: our alerts", alerts),
            ("rules: ours, all", records + alerts),
            ("rules: ours, in a minute", sum((_in_a_minute(ours, group) for group in seen.groups), Cost())),
            ("rules: the usual five, grouped by service", usual),
            ("rules: the usual five, for each service", single),
            ("rules: the usual five, in a minute", usual + usual),
            ("overview, one hour: ours", seen.meter.total(own_panels(seen))),
            ("overview, one hour: the usual one", seen.meter.total(usual_panels(seen.end))),
        ):
            print(f"{what:44}{cost}")
        _list(ours, listed)


def _in_a_minute(ours: dict[Record | Alert, Cost], group: Group) -> Cost:
    """What a group costs in a minute: some are evaluated less often than others."""
    times = 60_000 // group.interval
    return sum((ours[rule] for rule in group.rules for _ in range(times)), Cost())


def _list(ours: dict[Record | Alert, Cost], most: int) -> None:
    """The names whose rules cost most together."""
    by_name: dict[str, Cost] = {}
    for rule, cost in ours.items():
        by_name[rule.name] = by_name.get(rule.name, Cost()) + cost
    for name, cost in sorted(by_name.items(), key=lambda pair: -pair[1].computed)[:most]:
        print(f"  {name[:60]:62}{cost}")


def _count(client: PrometheusClient, selector: str, at: float) -> int:
    return int(sum(series.points[-1][1] for series in client.ask(Instant(f"count({selector})", at)).series))


def sizes(inventory: Inventory) -> None:
    """Groups, rules and bytes of a fleet's objects."""
    graph, signals = Graph(inventory), catalogue(inventory)
    objects = [mesh_records(inventory.mesh, signals), mesh_alerts(inventory.mesh, signals)]
    objects += [service_rules(graph, signals, service) for service in inventory.services]
    groups = [group for one in objects for group in one]
    bytes_ = sorted(len(to_yaml(rule_file(one))) for one in objects)
    kinds = Counter(type(rule).__name__ for group in groups for rule in group.rules)
    print(
        f"{len(inventory.services):>5} services: {kinds['Record']:,} records, {kinds['Alert']:,} alerts in"
        f" {len(groups):,} groups of at most {max(len(group.rules) for group in groups)};"
        f" the largest object {bytes_[-1]:,} bytes, all together {sum(bytes_):,}"
    )


if __name__ == "__main__":
    main()
