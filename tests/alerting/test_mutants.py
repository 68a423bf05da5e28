"""The incidents would notice: for each way to break a rule there is one that comes out differently then.

A mutant changes the text of the generated rules in one place; the case that is named with it must fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import yaml

from observe.signals import catalogue
from tests.alerting.incidents import EVERYTHING
from tests.alerting.proof import RULES, Case, disproof, rules_of
from tests.alerting.test_measures import MEASURES
from tests.alerting.test_pages import PAGES

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Inventory
    from tests.servers.prometheus_server import Promtool

HTTP = "catalog/pricing-service"
GRPC = "catalog/search-service"


@dataclass(frozen=True)
class Mutant:
    """A rule broken in one place."""

    alert: str
    """The alert or record in which the change is made, or whose hold is changed."""
    old: str
    new: str
    killer: str
    """The case that notices."""
    service: str = HTTP

    def __str__(self) -> str:
        return f"{self.alert}: {self.old} -> {self.new}"


ERROR_RATE = "ServiceErrorRateHigh"
CRITICAL = "ServiceErrorRateCritical"
LATENCY = "ServiceLatencyHigh"
EJECTING = "ServiceCircuitBreakerEjecting"
MTLS = "ServiceMtlsCoverageLow"
ANSWERS = "service_answer:istio_requests:rate5m"
FAILED = "service:istio_requests_failed:rate5m"
DURATION = "service:istio_request_duration_milliseconds_bucket:rate5m"
EJECTIONS = "service:envoy_cluster_outlier_detection_ejections_active:max"
ARRIVALS = "service_peer:istio_received:rate5m"
COVERAGE = "service:istio_mtls:ratio_rate5m"
OUTSIDE = 'reporter="destination", source_workload="unknown"'

MUTANTS = (
    # the error rate
    Mutant(ERROR_RATE, "> 0.05", "> 0.06", "just above the warning"),
    Mutant(ERROR_RATE, "> 0.05", "> 0.048", "just below the warning"),
    Mutant(ERROR_RATE, "for: 2m", "for: 1m", "a few per cent fail"),
    Mutant(ERROR_RATE, "for: 2m", "for: 10m", "a few per cent fail"),
    Mutant(ERROR_RATE, ">= 0.066666", ">= 0", "too few requests to judge"),
    Mutant(ERROR_RATE, ">= 0.066666", ">= 0.66666", "few requests, and most of them fail"),
    Mutant(ERROR_RATE, "> 0.005", "> 0", "one request fails where there are few"),
    Mutant(
        ERROR_RATE,
        'destination_service_name="pricing-service"',
        'destination_service_name!=""',
        "another service of the namespace fails",
    ),
    Mutant(ANSWERS, 'reporter="source"', 'reporter="destination"', "no instance is reached"),
    Mutant(ANSWERS, 'reporter="source"', 'reporter=~"source|destination"', "two reports of every request"),
    Mutant(ANSWERS, OUTSIDE, 'reporter="destination", source_workload=""', "callers from outside alone"),
    Mutant(ANSWERS, OUTSIDE, 'reporter="destination"', "two reports of every request"),
    Mutant(ANSWERS, "[5m]", "[15m]", "a few per cent fail"),
    Mutant(ANSWERS, "rate(", "irate(", "a few per cent fail"),
    Mutant(FAILED, "2|4|12|13|14|15", "2|4|12|13|15", "just above the warning", GRPC),
    Mutant(FAILED, "2|4|12|13|14|15", "2|4|5|12|13|14|15", "clients ask for what is not there", GRPC),
    Mutant(FAILED, '=~"5.."', '=~"[45].."', "clients ask for what is not there"),
    Mutant(FAILED, '!~"(.+,)?DC(,.+)?"', '!="DC"', "clients go away after retries"),
    Mutant(FAILED, '!~"(.+,)?DC(,.+)?"', '=~".*"', "clients go away"),
    Mutant(FAILED, 'response_code="0"', 'response_code="1"', "no response came"),
    Mutant(FAILED, " or (0 * service:istio_requests:rate5m)", "", "two reports of every request"),
    # the critical error rate
    Mutant(CRITICAL, "> 0.2)", "> 0.21)", "just above critical"),
    Mutant(CRITICAL, "> 0.2)", "> 0.19)", "just below critical"),
    Mutant(CRITICAL, "for: 1m", "for: 0s", "a quarter fails"),
    Mutant(CRITICAL, "for: 1m", "for: 5m", "a quarter fails"),
    Mutant(CRITICAL, "ratio_rate2m", "ratio_rate5m", "a quarter fails"),
    Mutant(CRITICAL, "severity: critical", "severity: warning", "page of ServiceErrorRateCritical", GRPC),
    # latency
    Mutant(LATENCY, "> 2000", "> 5000", "two of a hundred requests are slow"),
    Mutant(LATENCY, "> 2000", "> 800", "all are slower, but not too slow"),
    Mutant(LATENCY, "p99", "p95", "two of a hundred requests are slow"),
    Mutant(LATENCY, "p99", "p50", "two of a hundred requests are slow", GRPC),
    Mutant(LATENCY, "for: 3m", "for: 1m", "two of a hundred requests are slow"),
    Mutant(LATENCY, "for: 3m", "for: 10m", "two of a hundred requests are slow"),
    Mutant(LATENCY, ">= 0.45", ">= 0.3", "one slow request where there are just enough"),
    Mutant(DURATION, 'reporter="source"', 'reporter="client"', "two of a hundred requests are slow"),
    Mutant(DURATION, ", le)", ")", "two of a hundred requests are slow"),
    # ejections
    Mutant(EJECTING, "> 0", "> 1", "one of three callers ejects an instance"),
    Mutant(EJECTING, "> 0", ">= 0", "one of three callers ejects an instance"),
    Mutant(EJECTING, "for: 1m", "for: 0s", "one of three callers ejects an instance"),
    Mutant(EJECTING, "for: 1m", "for: 4m", "one of three callers ejects an instance"),
    Mutant(EJECTING, 'destination_service_namespace="catalog", ', "", "an instance of a namesake is ejected"),
    Mutant(EJECTIONS, "max by", "sum by", "every caller ejects instances"),
    Mutant(EJECTIONS, "(outbound|inbound-vip)", "outbound", "a waypoint ejects an instance"),
    Mutant(EJECTIONS, "[^|]*", "", "an instance behind a subset is ejected"),
    Mutant(
        EJECTIONS,
        '=~"(outbound|inbound-vip)\\\\|.+\\\\.svc\\\\.cluster\\\\.local"',
        '!=""',
        "clusters that stand for no service of the mesh",
    ),
    # mTLS
    Mutant(MTLS, "< 0.95", "< 0.94", "just too little is encrypted"),
    Mutant(MTLS, "< 0.95", "< 0.96", "just enough is encrypted"),
    Mutant(MTLS, "for: 5m", "for: 2m", "a caller turns off encryption"),
    Mutant(MTLS, "for: 5m", "for: 20m", "a caller turns off encryption"),
    Mutant(MTLS, "> 0.005", "> 0", "one plaintext connection beside encrypted requests"),
    Mutant(ARRIVALS, 'reporter="destination"', 'reporter=~"source|destination"', "all is well"),
    Mutant(ARRIVALS, 'reporter="destination"', 'reporter="source"', "all is well", GRPC),
    Mutant(COVERAGE, "min by", "max by", "plaintext connections beside encrypted requests"),
    Mutant(
        COVERAGE, 'connection_security_policy="mutual_tls"', 'connection_security_policy!=""', "nothing is encrypted"
    ),
)


@pytest.fixture(scope="module")
def cases(shop: Inventory) -> dict[str, Case]:
    """Everything that may notice, by name."""
    signals = catalogue(shop)
    pages = (Case(f"page of {page.alert}", page.happens, alerts=(page.expected(signals),)) for page in PAGES)
    return {case.name: case for case in (*EVERYTHING, *MEASURES, *pages)}


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_broken_rule_is_noticed(
    promtool: Promtool, tmp_path: Path, shop: Inventory, cases: dict[str, Case], mutant: Mutant
) -> None:
    service = shop.by_id[mutant.service]
    rules = rules_of(shop, service)
    for group in rules["groups"]:
        group["rules"] = [_changed(rule, mutant) for rule in group["rules"]]
    assert rules != rules_of(shop, service), "the mutant changes nothing"
    assert "FAILED" in disproof(promtool, tmp_path, rules, [(service, cases[mutant.killer])])
    assert promtool.check_rules(tmp_path / RULES).returncode == 0, "broken, but not so that nobody could load it"


def _changed(rule: dict[str, object], mutant: Mutant) -> dict[str, object]:
    """The rule, changed if it is the mutant's."""
    if mutant.alert not in (rule.get("alert"), rule.get("record")):
        return rule
    if "expr" in rule and mutant.old in str(rule["expr"]):
        return {**rule, "expr": str(rule["expr"]).replace(mutant.old, mutant.new)}
    text = yaml.safe_dump(rule, width=100_000)
    changed: dict[str, object] = yaml.safe_load(text.replace(mutant.old, mutant.new))
    return changed
