"""Every alert leads to a place that is there and says the numbers of its rule; no placeholder is left anywhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import chain
from typing import TYPE_CHECKING, get_args

import pytest

from observe.alerting import HOLD, Alert, rule_groups
from observe.alerting.told import FLAGS as TOLD
from observe.graph import Graph
from observe.inventory import load
from observe.model import (
    Call,
    ExternalCaller,
    Grafana,
    Installation,
    Inventory,
    LatencyObjective,
    Mtls,
    Objectives,
    Outside,
    Prometheus,
    Version,
    Workload,
    format_duration,
)
from observe.naming import AlertName, runbook_anchor
from observe.runbooks.families import FAMILIES
from observe.runbooks.flags import FLAGS
from observe.runbooks.guides import GUIDES
from observe.runbooks.subject import workloads
from observe.signals import catalogue
from tests.conftest import INVENTORIES, ROOT
from tests.runbooks.reading import anchors, links, pages, pages_of, snippets
from tests.samples import GRPC, TCP, a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from collections.abc import Iterator

ALERTS: tuple[AlertName, ...] = tuple(chain.from_iterable(get_args(kind) for kind in get_args(AlertName)))
HEADINGS = ["Meaning", "Impact", "Quiet or misleading", "Diagnosis", "Mitigation", "Now", "Later"]
BOUND = 40_000
"""Characters of a service's page: some screens of text and tables, far below what GitHub still renders (512 KiB)."""


def alerts(inventory: Inventory) -> Iterator[Alert]:
    for group in rule_groups(Graph(inventory), catalogue(inventory)):
        yield from (rule for rule in group.rules if isinstance(rule, Alert))


def row(text: str, alert: AlertName) -> list[str]:
    """The cells of an alert's row on a service's page."""
    (found,) = (line for line in text.splitlines() if f'<a id="{runbook_anchor(alert)}"></a>' in line)
    return [cell.strip() for cell in found.strip("|").split(" | ")]


def page_of(service: str, *services: object, **mesh: object) -> str:
    return pages(an_inventory(*services, mesh=a_mesh(**mesh)))[f"shop/{service}.md"]  # type: ignore[arg-type]


@pytest.mark.parametrize("path", INVENTORIES)
def test_every_runbook_url_leads_to_a_page_and_to_one_anchor_on_it(path: str) -> None:
    inventory = load(path)
    found, base = pages(inventory), inventory.mesh.runbook_base_url.rstrip("/")
    for alert in alerts(inventory):
        url = dict(alert.annotations)["runbook_url"]
        page, _, anchor = url.removeprefix(f"{base}/").partition("#")
        assert re.fullmatch(r"https?://\S+", url)
        assert page in found, url
        assert anchors(found[page]).count(anchor) == (1 if anchor else 0), url
        assert (anchor == "") == (page == f"{alert.name}.md")


@pytest.mark.parametrize("path", INVENTORIES)
def test_there_is_a_page_for_every_service_and_for_the_alerts_that_there_are(path: str) -> None:
    inventory = load(path)
    services = {f"{service.namespace}/{service.name}.md" for service in inventory.services}
    assert pages(inventory).keys() == services | {f"{alert.name}.md" for alert in alerts(inventory)}


@pytest.mark.parametrize("path", INVENTORIES)
def test_a_service_has_anchors_for_its_alerts_and_for_no_others(path: str) -> None:
    inventory = load(path)
    wanted: dict[str, list[str]] = {f"{each.namespace}/{each.name}.md": [] for each in inventory.services}
    for alert in alerts(inventory):
        labels = dict(alert.labels)
        if alert.name.startswith("Service"):
            wanted[f"{labels['namespace']}/{labels['service']}.md"].append(runbook_anchor(alert.name))
    found = pages(inventory)
    assert {page: sorted(anchors(found[page])) for page in wanted} == {
        page: sorted(made) for page, made in wanted.items()
    }


@pytest.mark.parametrize("path", INVENTORIES)
def test_links_between_pages_lead_somewhere(path: str) -> None:
    found = pages_of(path)
    followed = 0
    for page, text in found.items():
        for target, anchor in links(page, text):
            assert target in found, (page, target)
            assert not anchor or anchor in anchors(found[target]), (page, target, anchor)
            followed += 1
    assert followed > len(found)


@pytest.mark.parametrize("path", INVENTORIES)
def test_nothing_is_left_to_be_filled_in(path: str) -> None:
    """A service's page is for pasting: no `<service>`, `$NAMESPACE`, `POD_NAME`, `example` or dots."""
    for page, text in pages_of(path).items():
        assert not re.search(r"<(?!a id=\"|/a>)[A-Za-z]", text), page
        assert "/" not in page or not re.search(r"\bNone\b|\{\}|\bTODO\b", text), page
        for snippet in chain(snippets({page: text}, "bash"), snippets({page: text}, "promql")):
            assert not re.search(r"\$(?!pod\b|proxy\b|\()[A-Za-z{]|\b[A-Z]+_NAME\b|\.\.\.(?!])", snippet.code), snippet


@pytest.mark.parametrize("path", INVENTORIES)
def test_what_changes_something_stands_apart(path: str) -> None:
    """Whole blocks are pasted at night: one that only looks must not undo a roll-out in its second line."""
    changing = re.compile(r"rollout (undo|restart)|kubectl .*\b(scale|apply|delete|create|patch)\b|--(level|reset)\b")
    marked = 0
    for snippet in snippets(pages_of(path), "bash"):
        changes = snippet.says.strip().startswith("**Changes something.**")
        assert bool(changing.search(snippet.code)) == changes, snippet
        marked += changes
    assert marked


def test_every_alert_has_a_guide_and_every_alert_of_services_a_family() -> None:
    assert tuple(GUIDES) == ALERTS == tuple(HOLD)
    of_families = [alert for family in FAMILIES for alert in family.alerts]
    assert sorted(of_families) == sorted(alert for alert in ALERTS if alert.startswith("Service"))


def test_flags_that_alerts_name_are_explained() -> None:
    assert {*TOLD, "-"} <= {flag.name for flag in FLAGS}


@pytest.mark.parametrize("alert", ALERTS)
def test_general_page_has_what_somebody_who_is_paged_needs(alert: AlertName) -> None:
    text = pages_of(str(ROOT / "examples" / "every-feature"))[f"{alert}.md"]
    wanted = [alert, *HEADINGS] + (["Services"] if alert.startswith("Service") else [])
    assert re.findall(r"^#+ (.+)$", text, re.MULTILINE) == wanted
    assert f"held for {format_duration(HOLD[alert])}." in text


STRICT_ONE = a_service(
    "strict",
    objectives=Objectives(
        error_rate=0.011,
        latency=LatencyObjective(quantile=0.995, limit=1_500),
        availability=0.999,
        minimum_requests=31,
    ),
)


@pytest.mark.parametrize(
    ("alert", "severity", "words"),
    [
        ("ServiceErrorRateHigh", "warning", "more than 1.1% of the requests of 5m fail; 31 requests or more"),
        ("ServiceErrorRateCritical", "critical", "more than 4.4% of the requests of 2m fail"),
        ("ServiceLatencyHigh", "warning", "P99.5 latency is above 1500ms; 268 requests or more in 5m"),
        ("ServiceErrorBudgetBurningFast", "critical", "more than 1.44% fail over 1h and still over 5m (2% of 30 days"),
        ("ServiceErrorBudgetBurningSlow", "warning", "more than 0.1% fail over 3d and still over 6h (10% of 30 days"),
        ("ServiceLatencyBudgetBurningFast", "critical", "more than 3% are too slow over 6h and still over 30m"),
        ("ServiceFailingAtLowTraffic", "warning", "fewer than 31 requests in 5m"),
        ("ServiceGone", "critical", "instances reported within 1d"),
        ("ServiceTrafficStopped", "warning", "60 or more in the hour that ended 15 minutes ago, and instances report"),
        ("ServiceConnectionPoolOverflowing", "warning", "turn away more than 1% of the requests of 5m"),
        ("ServiceRetryStorm", "warning", "retry more than 20% of the requests of 5m; 31 requests or more"),
        ("ServiceMtlsCoverageLow", "warning", "less than 95% of what arrives in 5m is mutual TLS; 31 or more"),
    ],
)
def test_rows_say_the_numbers_that_the_rules_compare_with(alert: AlertName, severity: str, words: str) -> None:
    cells = row(page_of("strict", STRICT_ONE), alert)
    assert cells[1] == severity
    assert words in cells[2]
    assert cells[3] == format_duration(HOLD[alert])


@pytest.mark.parametrize("alert", ALERTS)
def test_limits_in_the_words_are_limits_in_the_rule(alert: AlertName) -> None:
    """Every share that a row names is in the expression, as the number that it is."""
    inventory = an_inventory(STRICT_ONE)
    expressions = [str(rule.expression) for rule in alerts(inventory) if rule.name == alert]
    if not alert.startswith("Service") or not expressions:
        return
    words = row(pages(inventory)["shop/strict.md"], alert)[2]
    for share in re.findall(r"(?:more|less) than ([0-9.]+)%", words):
        assert re.search(rf"[<>] {float(share) / 100:.12g}\b", expressions[0]), (share, expressions[0])


def test_general_page_says_each_wording_once_and_who_it_holds_for() -> None:
    lenient = a_service("lenient", owner="team-b", objectives=Objectives(error_rate=0.05))
    text = pages(an_inventory(STRICT_ONE, lenient, a_service("other")))["ServiceErrorRateHigh.md"]
    assert re.findall(r"^(\d)\. more than ([\d.]+)%", text, re.MULTILINE) == [("1", "5"), ("2", "1.1")]
    rows = re.findall(r"^\| \[(\S+)\]\(\S+\) \| (\S+) \| \S+ \| \S+ \| (\d) \|$", text, re.MULTILINE)
    assert rows == [("shop/lenient", "team-b", "1"), ("shop/other", "team-a", "1"), ("shop/strict", "team-a", "2")]


@pytest.mark.parametrize("path", INVENTORIES)
def test_pages_stay_small_enough_to_be_read(path: str) -> None:
    assert max(map(len, pages_of(path).values())) < BOUND


def test_a_thousand_services_leave_the_general_pages_renderable() -> None:
    """A row costs about 120 bytes; GitHub renders Markdown up to 512 KiB."""
    few = an_inventory(*(a_service(f"service-{number:04}") for number in range(10)))
    many = an_inventory(*(a_service(f"service-{number:04}") for number in range(30)))
    grown = [len(pages(inventory)["ServiceErrorRateHigh.md"]) for inventory in (few, many)]
    assert (grown[1] - grown[0]) / 20 * 1_000 < 256 * 1024


def test_links_to_dashboards_where_grafanas_address_is_known() -> None:
    known, unknown = page_of("one", a_service("one")), page_of("one", a_service("one"), grafana=Grafana())
    assert re.search(r"\[Dashboard\]\(https://grafana\.example\.com/d/acme-svc-shop-one-\w{8}\)", known)
    assert re.search(r"^`acme-svc-shop-one-\w{8}`\.", unknown, re.MULTILINE)


def test_users_text_stays_text() -> None:
    hostile = "</td><script>alert(1)</script> [x](https://evil.example.com) `rm` | a | $(reboot)"
    service = a_service(
        description=hostile,
        mtls=Mtls(mode="PERMISSIVE", reason=hostile),
        external_callers=(ExternalCaller(name=hostile, via="direct"),),
    )
    text = page_of("checkout", service)
    assert "script>" not in text
    assert "evil.example.com)" not in text
    assert "$(reboot" not in text
    assert text.count("alert&#40;1&#41;") == 3


def test_several_clusters_are_told_apart() -> None:
    text = page_of("one", a_service("one"), prometheus=Prometheus(cluster_label="region"))
    assert "the alert's label `region` says which one" in text
    assert "sum by (region, response_code, grpc_response_status, response_flags)" in text


def test_without_access_logs_nobody_is_sent_to_them() -> None:
    silent = page_of(
        "one", a_service("one"), installation=Installation(access_log="off", outbound_policy="REGISTRY_ONLY")
    )
    assert "fromjson" not in silent
    assert "`mesh.installation.access_log`" in silent
    assert "fromjson" in page_of("one", a_service("one"))


def test_grpc_services_are_told_that_the_access_log_has_no_status() -> None:
    assert "gRPC failures have code 200 there" in page_of("one", a_service("one", ports=(GRPC,)))
    assert "gRPC failures have code 200 there" not in page_of("one", a_service("one"))


@pytest.mark.parametrize(("kind", "resource"), [("StatefulSet", "statefulset/db"), ("DaemonSet", "daemonset/db")])
def test_workloads_are_called_by_their_kind_and_name(kind: str, resource: str) -> None:
    text = page_of("store", a_service("store", ports=(TCP,), workload=Workload(kind=kind, name="db")))  # type: ignore[arg-type]
    assert f"kubectl -n shop rollout undo {resource}" in text
    assert "get controllerrevisions -l app=store" in text
    assert "deployment/" not in text
    assert " scale " not in text  # nodes say how many there are, or each has data of its own


@pytest.mark.parametrize(
    ("name", "called"),
    [
        (None, ["deployment/one-v1", "deployment/one-v2"]),
        ("one-v1", ["deployment/one-v1", "deployment/one-v2"]),  # declared as one of its versions is called
        ("uno", ["deployment/uno-v1", "deployment/uno-v2"]),
    ],
)
def test_workloads_of_versions_are_called_after_them(name: str | None, called: list[str]) -> None:
    versions = (Version(name="v1", weight=90), Version(name="v2", weight=10))
    assert workloads(a_service("one", versions=versions, workload=Workload(name=name))) == tuple(called)


def test_versions_are_workloads_of_their_own_and_are_taken_out_by_weight() -> None:
    versions = (Version(name="v1", weight=90), Version(name="v2", weight=10))
    caller = a_service("web", calls=(Call(service="shop/one"),))
    text = page_of("one", a_service("one", versions=versions), caller)
    assert '"outbound|80|v2|one.shop.svc.cluster.local"' in text
    assert "sum by (destination_version)" in text
    assert "set its `weight` below `versions` to 0" in text


def test_services_outside_the_cluster_get_what_applies() -> None:
    outside = a_service("vendor", in_mesh=False, outside=Outside(host="api.vendor.example.com"))
    text = page_of("vendor", outside, a_service("web", calls=(Call(service="shop/vendor"),)))
    assert 'destination_service_name="api.vendor.example.com"' in text
    assert "istioctl proxy-config routes deployment/web.shop" in text
    assert "`api.vendor.example.com` is outside the cluster" in text
    assert not re.search(r"kubectl -n shop (get|rollout|scale|top)", text)


def test_services_without_a_proxy_get_no_commands_for_one() -> None:
    text = page_of("legacy", a_service("legacy", in_mesh=False), a_service("web", calls=(Call(service="shop/legacy"),)))
    assert not re.search(r"istioctl .*deployment/legacy\.", text)
    assert "kubectl -n shop get pods -l app=legacy" in text
    assert "istioctl proxy-config endpoints deployment/web.shop" in text


def test_ambient_services_get_ztunnels_and_waypoints_commands() -> None:
    inventory = load(str(ROOT / "examples" / "ambient"))
    found = pages(inventory)
    through, past = found["sales/basket.md"], found["stores/stock-db.md"]
    assert 'deployment/waypoint.sales --cluster "inbound-vip|80|http|basket.sales.svc.cluster.local"' in through
    assert "istioctl ztunnel-config workload --workload-namespace stores" in past
    assert "-l app=ztunnel" in past
    for text in (through, past):
        assert not re.search(r"-l app=(basket|stock-db) -c istio-proxy|deployment/(basket|stock-db)\.", text)


def test_istiod_is_called_by_its_revision() -> None:
    mesh = a_mesh(installation=Installation(revision="stable", control_plane_replicas=3))
    found = pages(an_inventory(a_service(), mesh=mesh))
    assert "kubectl -n istio-system rollout restart deployment/istiod-stable" in found["ControlPlaneDown.md"]
    assert "-l app=istiod,istio.io/rev=stable" in found["ControlPlaneDown.md"]
    assert "scale deployment/istiod-stable --replicas=4" in found["ControlPlaneConvergenceSlow.md"]


def test_certificates_of_the_ca_are_read_from_where_istio_keeps_them() -> None:
    text = pages(an_inventory(a_service()))["MeshCaCertificateExpiring.md"]
    assert "less than 30 days (warning) or 7 days (critical)" in text
    assert r"get secret cacerts --ignore-not-found -o jsonpath='{.data.root-cert\.pem}' | base64 -d" in text


def test_declared_faults_are_the_first_thing_that_is_said() -> None:
    found = pages_of(str(ROOT / "examples" / "every-feature"))
    faulty = [text for text in found.values() if "Faults are injected on purpose" in text]
    assert faulty
    for text in faulty:
        assert text.index("Faults are injected on purpose") < text.index("1. Did a roll-out begin it?")
        assert "| `FI` |" in text


def _digest(seed: str) -> str:
    program = (
        "import hashlib; from tests.runbooks.reading import pages_of; "
        "print(hashlib.sha256(repr(sorted(pages_of('examples/every-feature').items())).encode()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_same_inventory_gives_the_same_bytes() -> None:
    assert _digest("1") == _digest("2")
