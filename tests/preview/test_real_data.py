"""The example's dashboards drawn from a real Prometheus: the page shows what was put into it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from observe.artifact import Kind
from observe.preview import draw, in_order, prepare, read
from observe.preview.drawing import sheet
from observe.preview.page import Links
from tests.preview import mesh_data
from tests.servers.fixtures import require

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observe.drills.laboratory import Laboratory
    from observe.model import Inventory
    from observe.pack import Pack
    from observe.preview import Dashboard
    from observe.preview.page import Sheet, SheetPanel

FAILED = 0.25 / 1.02
"""Of the requests: a quarter of the usual ones, beside which there are the 2 % slow ones."""
OVERVIEW, CALLER, BROKEN = "shop: mesh overview", "orders / order-service", "payments / ledger-service"


@pytest.fixture(scope="module")
def lab(shop: Inventory) -> Iterator[Laboratory]:
    require("prometheus")
    with mesh_data.prometheus(shop) as found:
        yield found


@pytest.fixture(scope="module")
def boards(shop_pack: Pack) -> list[Dashboard]:
    return in_order(
        read(artifact.content, artifact.path) for artifact in shop_pack.artifacts if artifact.kind is Kind.DASHBOARD
    )


@pytest.fixture(scope="module")
def sheets(lab: Laboratory, boards: list[Dashboard]) -> Mapping[str, Sheet]:
    """The dashboards at the height of the incident, by title."""
    prepared = prepare(boards, lab.client, lab.start + 55 * 60, 3000)
    answers = lab.client.ask_all(question for one in prepared for question in one.questions)
    drawn = (sheet(one, answers, Links(tuple(boards))) for one in prepared)
    return {one.dashboard.title: one for one in drawn}


def named(found: Sheet, title: str) -> SheetPanel:
    panels = [one for section in found.sections for one in section.panels if one.title == title]
    assert panels, f"{found.dashboard.title} has no panel {title}"
    return panels[0]


def lines(found: SheetPanel) -> dict[str, list[float | None]]:
    assert found.drawn.figure is not None, found
    return {trace["name"]: trace["y"] for trace in found.drawn.figure["data"] if trace.get("dx")}


def test_no_query_of_any_dashboard_fails_or_is_warned_of(sheets: Mapping[str, Sheet]) -> None:
    told = [
        (title, one.title, one.errors, one.warnings)
        for title, found in sheets.items()
        for section in found.sections
        for one in section.panels
        if one.errors or one.warnings
    ]
    assert told == []
    assert len(sheets) >= 24


def test_a_quarter_of_the_ledgers_requests_fail(sheets: Mapping[str, Sheet]) -> None:
    body = named(sheets[BROKEN], "Error rate").drawn.body
    share = re.search(r">([\d.]+)<small>%", body)
    assert share is not None, body
    assert float(share[1]) == pytest.approx(100 * FAILED, abs=0.5)
    (values,) = lines(named(sheets[BROKEN], "Error rate in the short window")).values()
    assert values[0] == pytest.approx(0)
    assert values[-1] == pytest.approx(FAILED, abs=0.005)


def test_the_caller_sees_which_callee_fails(sheets: Mapping[str, Sheet]) -> None:
    by_callee = lines(named(sheets[CALLER], "Error rate by callee"))
    assert by_callee.keys() == {"accounts/user-service", "catalog/inventory-service", "payments/payment-service"}
    assert by_callee.pop("payments/payment-service")[-1] == pytest.approx(FAILED, abs=0.005)
    assert {values[-1] for values in by_callee.values()} == {0}


def test_the_overview_has_a_line_for_each_service_that_is_called(sheets: Mapping[str, Sheet], shop: Inventory) -> None:
    found = lines(named(sheets[OVERVIEW], "Request rate, the 10 highest"))
    assert set(found) <= {service.id for service in shop.services}
    assert len(found) >= 10
    assert all(value is None or value > 0.9 for values in found.values() for value in values)


def test_the_same_data_gives_the_same_page(lab: Laboratory, boards: list[Dashboard]) -> None:
    overview, *_ = boards
    pages = {draw(prepare([overview], lab.client, lab.end), lab.client) for _ in range(2)}
    assert len(pages) == 1


def test_the_mesh_comes_before_its_services_and_the_overview_before_all(boards: list[Dashboard]) -> None:
    """As the links at the top of each dashboard have them, and not as their files are called."""
    assert [one.title for one in boards[:7]] == [
        "shop: mesh overview",
        "shop: circuit breakers and resilience",
        "shop: mTLS coverage",
        "shop: ingress",
        "shop: control plane and proxies",
        "shop: migration",
        "accounts / session-service",
    ]
