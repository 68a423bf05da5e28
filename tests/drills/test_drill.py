"""Incidents played on the real rules with the real promtool: what fires, who is paged, and that nothing is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from observe.drills.chosen import chosen
from observe.drills.drill import Drill
from observe.drills.promtool import Promtool, find
from observe.errors import UsageError
from observe.model import Call, Inventory
from observe.simulation import Impossible
from tests.samples import a_service, an_inventory
from tests.servers.prometheus_server import binary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.drills.outcome import Outcome

STORIES = ("payment-latency-spike", "inventory-migration", "strict-too-early")
"""What happened to others."""
FIVE_MINUTES = 300


@pytest.fixture(scope="module")
def program(promtool: object) -> Promtool:  # noqa: ARG001 - skips where Prometheus is not installed
    return find(str(binary("promtool")))


@pytest.fixture(scope="module")
def small() -> Inventory:
    """`web`, which people call, calls `cart`, which calls `stock`; nobody has to do with `other`."""
    return an_inventory(
        a_service("web", owner="web-team", role="gateway", calls=(Call(service="shop/cart"),)),
        a_service("cart", owner="cart-team", calls=(Call(service="shop/stock"),)),
        a_service("stock", owner="stock-team", role="data"),
        a_service("other", owner="other-team", role="gateway"),
    )


@pytest.fixture(scope="module")
def failing(program: Promtool, small: Inventory) -> Outcome:
    return Drill(small, program).play(chosen(small, "leaf-database"))


def times(outcome: Outcome) -> Mapping[tuple[str, str], tuple[float, float | None]]:
    return {(one.name, one.subject): (one.after, one.resolved_after) for one in outcome.alerts}


def test_a_failing_database_fires_and_is_resolved(failing: Outcome) -> None:
    """The short window is two minutes: it takes about as long to fill as to empty, and the alert holds for one. It is
    kept for five more.
    """
    assert failing.missing == ()
    after, resolved = times(failing)["ServiceErrorRateCritical", "shop/stock"]
    assert 60 <= after <= FIVE_MINUTES
    assert resolved is not None
    assert FIVE_MINUTES < resolved <= 2 * FIVE_MINUTES
    assert after % failing.resolution == resolved % failing.resolution == 0


def test_of_a_failing_database_its_own_team_is_paged_first_and_its_callers_are_muted(failing: Outcome) -> None:
    first = failing.told.pages[0]
    assert (first.team, first.subject) == ("stock-team", "shop/stock")
    assert first.after >= times(failing)["ServiceErrorRateCritical", "shop/stock"][0] + 30
    meanwhile = [page.team for page in failing.told.pages if page.after <= 20 * 60]
    assert meanwhile == ["stock-team"]
    assert set(failing.uninhibited.by_team) == {"web-team", "cart-team", "stock-team"}


def test_what_an_alert_said_is_what_it_says_when_it_fires(failing: Outcome) -> None:
    (alert,) = (one for one in failing.alerts if (one.name, one.subject) == ("ServiceErrorRateCritical", "shop/cart"))
    said = dict(alert.said)
    assert said["summary"].startswith("shop/cart: ")
    assert "Likely cause: its callee shop/stock fails " in said["description"]


def test_the_usual_rules_are_played_on_the_same_telemetry(failing: Outcome) -> None:
    assert ("ServiceCriticalErrorRate", "stock") in {
        (one.name, dict(one.labels).get("destination_service_name")) for one in failing.usual
    }
    assert not {one.name for one in failing.usual} & {one.name for one in failing.alerts}


def test_only_the_services_that_are_touched_are_evaluated_and_nothing_is_missed(
    program: Promtool, small: Inventory, failing: Outcome
) -> None:
    assert failing.touched == ("shop/cart", "shop/stock", "shop/web")
    whole = Drill(small, program, whole=True).play(failing.incident)
    assert whole.touched == ("shop/cart", "shop/other", "shop/stock", "shop/web")
    # What an alert says of the worst is left to chance where two are equally bad.
    silent = [replace(one, alerts=tuple(replace(alert, said=()) for alert in one.alerts)) for one in (whole, failing)]
    assert replace(silent[0], touched=failing.touched) == silent[1]


def test_nothing_fires_in_an_ordinary_hour(program: Promtool, small: Inventory) -> None:
    outcome = Drill(small, program).play(None)
    assert (outcome.alerts, outcome.told.pages, outcome.told.tickets) == ((), (), ())
    assert len(outcome.touched) == 4
    # The one of the usual alerts that a perfect mesh cannot keep quiet.
    assert [one.name for one in outcome.usual] == ["MTLSCoverageDrop"]


def test_an_incident_about_the_mesh_pages_its_owner(program: Promtool, small: Inventory) -> None:
    outcome = Drill(small, program).play(chosen(small, "control-plane-down"))
    assert outcome.passed
    assert outcome.told.by_team == {small.mesh.owner: 1}
    assert outcome.told.pages[0].subject == ""
    assert outcome.touched == ()


# --- whom it happens to ---------------------------------------------------------------------------------------------


def test_an_incident_happens_to_the_service_that_is_named(small: Inventory) -> None:
    assert chosen(small, "errors", "shop/cart").services == ("shop/cart",)
    assert chosen(small, "errors", "shop/stock").services == ("shop/stock",)


def test_an_incident_lasts_as_long_as_it_is_told_to(small: Inventory) -> None:
    usual = chosen(small, "errors")
    longer, shorter = chosen(small, "errors", minutes=90), chosen(small, "errors", minutes=2)
    assert (longer.lasts, longer.expects) == (90, usual.expects)
    assert (shorter.lasts, shorter.expects) == (2, ())


@pytest.mark.parametrize(
    ("name", "service", "message"),
    [
        ("erors", None, "there is no incident erors"),
        ("erors", "shop/cart", "there is no incident erors"),
        ("errors", "shop/crat", r"there is no service shop/crat; did you mean shop/cart\?"),
        ("errors", "7", "there is no service 7; write it as NAMESPACE/NAME"),
    ],
)
def test_what_is_not_there_cannot_be_played(small: Inventory, name: str, service: str | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        chosen(small, name, service)


def test_an_incident_that_chooses_for_itself_says_so(small: Inventory) -> None:
    with pytest.raises(Impossible, match="prometheus-blind chooses whom it happens to"):
        chosen(small, "prometheus-blind", "shop/cart")


# --- the example ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", STORIES)
def test_what_happened_to_others_pages_within_five_minutes(program: Promtool, shop: Inventory, name: str) -> None:
    incident = chosen(shop, name)
    outcome = Drill(shop, program).play(incident)
    assert outcome.missing == ()
    assert outcome.pages_after is not None
    assert outcome.pages_after < FIVE_MINUTES
    # And it is about the service at which it began, not one that suffers from it.
    assert outcome.told.pages[0].subject in incident.services


@pytest.mark.slow
@pytest.mark.parametrize("name", ["payment-latency-spike", "exporter-stopped", "egress-blocked"])
def test_nothing_is_missed_in_the_example(program: Promtool, shop: Inventory, name: str) -> None:
    incident = chosen(shop, name)
    touched, whole = (Drill(shop, program, whole=whole).play(incident) for whole in (False, True))
    assert len(touched.touched) < len(whole.touched)
    assert replace(whole, touched=touched.touched) == touched
