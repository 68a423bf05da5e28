"""Tables say what came of drills, in words that can be read without the code."""

from __future__ import annotations

import pytest

from observe.drills.outcome import Fired, Notice, Outcome, Told
from observe.drills.table import alerts_table, duration, paging_table, per_team, title, verdict
from observe.simulation import Incident


def fired(name: str, subject: str, after: float, resolved: float | None, severity: str = "critical") -> Fired:
    return Fired((("alertname", name), ("severity", severity)), subject, after, resolved, 1, ())


def usual(name: str, service: str, after: float, severity: str = "critical") -> Fired:
    labels = (("alertname", name), ("destination_service_name", service), ("severity", severity))
    return Fired(labels, "", after, 0, 1, ())


PAGE = Notice("stock-team", 135, "shop/stock", ("Failing",))
LATE = Notice("cart-team", 1300, "shop/cart", ("Burning",))
STRANGE = Notice("x-team", 200, "shop/x", ("Failing",))
TICKET = Notice("cart-team", 420, "shop/cart", ("Slow",))
INCIDENT = Incident(
    name="stock-fails",
    title="Stock fails",
    story="A release of stock | fails.",
    services=("shop/stock",),
    effects=(),
    lasts=20,
    expects=(("Failing", "shop/stock"), ("Gone", "shop/stock"), ("Blind", "")),
)


def outcome(incident: Incident | None = INCIDENT, **changes: object) -> Outcome:
    good: dict[str, object] = {
        "incident": incident,
        "resolution": 30,
        "related": frozenset({"shop/stock", "shop/cart"}),
        "touched": ("shop/stock",),
        "alerts": (
            fired("Failing", "shop/stock", 90, 60),
            fired("Failing", "shop/cart", 120, -30),
            fired("Slow", "shop/cart", 300, None, "warning"),
        ),
        "told": Told((PAGE,), (TICKET,)),
        "uninhibited": Told((PAGE, Notice("cart-team", 165, "shop/cart", ("Failing",)), LATE), (TICKET, TICKET)),
        "usual": (),
    }
    return Outcome(**{**good, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *[(0, "0s"), (45, "45s"), (135, "2m15s"), (120, "2m"), (3600, "1h"), (3690, "1h1m30s")],
        *[(-570, "-9m30s"), (None, "never")],
    ],
)
def test_durations_are_short(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_counts_by_team_begin_with_their_sum() -> None:
    assert per_team({"edge": 1, "orders": 2}) == "3 (edge 1, orders 2)"
    assert per_team({}) == "0"


def test_a_row_says_who_is_paged_when_and_who_would_be() -> None:
    row = paging_table([outcome()]).splitlines()[2]
    assert row == (
        r"| `stock-fails` | A release of stock \| fails. | 2m15s: Failing of shop/stock, to stock-team "
        "| 1 (stock-team 1) | 1 | 3 (cart-team 2, stock-team 1) | nothing fires |"
    )


def test_without_a_page_the_first_ticket_stands_there() -> None:
    row = paging_table([outcome(told=Told((), (TICKET,)))]).splitlines()[2]
    assert "| none; ticket 7m: Slow of shop/cart, to cart-team | 0 | 1 |" in row
    assert "| none | 0 | 0 |" in paging_table([outcome(told=Told((), ()))]).splitlines()[2]


@pytest.mark.parametrize(
    ("alerts", "text"),
    [
        (
            (usual("Critical", "cart", 90), usual("Critical", "api", 90), usual("Critical", "x", 120)),
            "page 2m: Critical of api, cart",
        ),
        ((usual("Warned", "cart", 90, "warning"), usual("Critical", "cart", 60)), "page 1m30s: Critical of cart"),
        ((usual("Warned", "cart", 90, "warning"), usual("Warned", "api", 120, "warning")), "no page; Warned 1m30s"),
        # What fired before has nothing to do with the incident.
        ((usual("Critical", "cart", -570),), "nothing fires"),
    ],
)
def test_usual_rules_are_told_by_what_they_name(alerts: tuple[Fired, ...], text: str) -> None:
    assert paging_table([outcome(usual=tuple(sorted(alerts, key=lambda one: one.after)))]).endswith(f"| {text} |")


def test_alerts_of_a_kind_share_a_row() -> None:
    assert alerts_table([outcome()]).splitlines()[2:] == [
        "| `stock-fails` | Failing | critical | shop/stock, shop/cart | 1m30s to 2m | -30s to 1m |",
        "|  | Slow | warning | shop/cart | 5m | still fires |",
    ]


def test_what_went_wrong_is_said_in_sentences() -> None:
    told = Told((PAGE, LATE, STRANGE, Notice("stock-team", -30, "shop/stock", ("Failing",))), ())
    assert list(verdict(outcome(told=told))) == [
        "Gone of shop/stock was expected and did not fire",
        "Blind of the mesh was expected and did not fire",
        "cart-team was paged about shop/cart after 21m40s (Burning): it was over",
        "x-team was paged about shop/x after 3m20s (Failing): it has nothing to do with it",
        "stock-team was paged about shop/stock after -30s (Failing): it had not begun",
    ]


def test_alerts_that_fired_before_the_incident_do_not_count_as_expected() -> None:
    before = (fired("Failing", "shop/stock", -30, None),)
    assert ("Failing", "shop/stock") in outcome(alerts=before).missing
    assert ("Failing", "shop/stock") not in outcome().missing


def test_any_page_of_an_ordinary_hour_is_unexpected() -> None:
    quiet = outcome(None, told=Told((), ()), related=frozenset())
    paged = outcome(None, related=frozenset())
    assert (title(quiet), quiet.passed, paged.passed) == ("ordinary", True, False)
    assert list(verdict(paged)) == ["stock-team was paged about shop/stock after 2m15s (Failing): nothing had happened"]


def test_times_to_the_first_page_and_the_first_critical_alert() -> None:
    one = outcome(usual=(usual("Critical", "cart", -30), usual("Critical", "cart", 60)))
    assert (one.fires_after, one.pages_after, one.usual_pages_after) == (90, 135, 90)
    none = outcome(alerts=(), told=Told((), ()))
    assert (none.fires_after, none.pages_after, none.usual_pages_after) == (None, None, None)
