"""Which dashboard comes first."""

from __future__ import annotations

import pytest

from observe.preview import in_order
from observe.preview.order import uid_in
from tests.preview.boards import board


def test_dashboards_that_others_link_to_at_their_tops_come_first_in_the_order_of_the_links() -> None:
    links = [{"url": "/d/second"}, {"tags": ["all"]}, {"url": "/d/first?var-x=1"}, {"url": "/d/elsewhere"}]
    found = [board(uid=uid, links=links) for uid in ("b", "first", "a", "second")]
    assert [one.uid for one in in_order(found)] == ["second", "first", "b", "a"]


def test_without_links_they_stay_as_they_are() -> None:
    assert [one.uid for one in in_order([board(uid="b"), board(uid="a")])] == ["b", "a"]


@pytest.mark.parametrize(
    ("address", "uid"),
    [
        ("/d/one", "one"),
        ("https://grafana.example.com/sub/d/one/its-title?x=/d/two", "one"),
        ("/dashboards?tag=x", None),
        ("", None),
        ("http://[", None),
    ],
)
def test_the_dashboard_of_an_address(address: str, uid: str | None) -> None:
    assert uid_in(address) == uid
