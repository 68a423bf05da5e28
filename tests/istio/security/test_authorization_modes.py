"""AuthorizationPolicy in a dry run, by default, and in ambient meshes."""

from __future__ import annotations

from typing import Any

import pytest

from observe.istio.security.authorization_policy import default_deny
from observe.model import Call, Exposure, ExternalCaller, Metrics, Namespace
from observe.provenance import plain
from tests.istio.security.admitted import (
    ANONYMOUS,
    CART,
    GATEWAYS,
    GET,
    PAYER,
    PLAIN,
    POST,
    WEB,
    admitted,
    cart,
    policies,
    policy,
    rules,
)
from tests.samples import HTTP, TCP, a_mesh, a_service, an_inventory

AMBIENT: dict[str, Any] = {"data_plane": "ambient", "waypoints": True, "gateways": GATEWAYS}
WAYPOINT = "cluster.local/ns/shop/sa/waypoint"


def test_a_dry_run_is_an_annotation() -> None:
    found = policy(a_service(authorization="dry-run"), cart())
    assert found["metadata"]["annotations"] == {"istio.io/dry-run": "true"}
    assert admitted(found["spec"]) == [(CART, ("8080",))]


def test_a_dry_run_refuses_nobody_where_the_namespace_denies_by_default() -> None:
    """Of policies in a dry run Istio enforces none, so the namespace's would be the only one."""
    denying = {"shop": Namespace(default_deny=True)}
    found = policies(a_service(authorization="dry-run"), cart(), namespaces=denying)
    assert list(found) == ["checkout", "checkout-dry-run"]
    everybody = found["checkout-dry-run"]
    assert everybody["spec"] == {
        "selector": {"matchLabels": {"app": "checkout"}},
        "action": "ALLOW",
        "rules": [{}],
    }
    assert "annotations" not in everybody["metadata"]
    assert list(policies(a_service(), cart(), namespaces=denying)) == ["checkout"]


def test_a_namespace_denies_by_default_when_it_says_so() -> None:
    listed = {"shop": Namespace(default_deny=True), "web": Namespace(), "root": Namespace(default_deny=True)}
    inventory = an_inventory(mesh=a_mesh(namespaces=listed, root_namespace="root"))
    found = default_deny(inventory, "shop")
    assert found is not None
    applied = plain(found)
    assert (applied["metadata"]["name"], applied["metadata"]["namespace"]) == ("default-deny", "shop")
    assert applied["spec"] == {}
    # In the root namespace it would be everybody's, which OBS121 says.
    assert [default_deny(inventory, name) for name in ("web", "elsewhere", "root")] == [None, None, None]


def test_ztunnel_is_told_ports_and_identities_only() -> None:
    """It drops a rule with HTTP fields, and with it everybody whom the rule would admit."""
    service = a_service(ports=(HTTP, TCP), endpoints=(GET,), external_callers=(PAYER,), mtls=PLAIN)
    one = cart(Call(service="shop/checkout", port=80, endpoints=(GET,)))
    found = policy(service, one, data_plane="ambient")
    assert admitted(found["spec"]) == [(CART, ("8080",)), (ANONYMOUS, ("8080",), ("5432",))]
    assert found["spec"]["selector"] == {"matchLabels": {"app": "checkout"}}


def test_ztunnel_is_told_every_alias_of_the_trust_domain() -> None:
    """Istiod adds aliases to Envoy's configuration, not to what ztunnel gets. Others' identities have none."""
    sister = ExternalCaller(name="Sister", via="mesh", principal="sister.example.com/ns/sales/sa/desk")
    aliases = ("old.example.com", "older.example.com")
    found = rules(a_service(external_callers=(sister,)), cart(), data_plane="ambient", trust_domain_aliases=aliases)
    assert found == [
        (
            CART,
            "sister.example.com/ns/sales/sa/desk",
            "old.example.com/ns/shop/sa/cart",
            "older.example.com/ns/shop/sa/cart",
            ("8080",),
        )
    ]


def test_with_a_waypoint_requests_are_told_apart_there_and_nobody_goes_around_it() -> None:
    service = a_service(ports=(HTTP, TCP), endpoints=(GET, POST))
    found = policies(service, cart(Call(service="shop/checkout", endpoints=(GET,)), name="cart"), **AMBIENT)
    assert list(found) == ["checkout-waypoint", "checkout-ztunnel"]
    attached, selected = (one["spec"] for one in found.values())
    assert attached["targetRefs"] == [{"kind": "Service", "group": "", "name": "checkout"}]
    assert "selector" not in attached
    assert admitted(attached) == [(CART, ("80", "GET", "/orders/{*}"))]
    assert selected["selector"] == {"matchLabels": {"app": "checkout"}}
    assert admitted(selected) == [(WAYPOINT, ("8080",), ("5432",))]


@pytest.mark.parametrize(
    ("changes", "at_waypoint", "at_ztunnel"),
    [
        pytest.param(
            {"exposures": (Exposure(gateway="web", host="shop.example.com", path="/v1"),)},
            [(WEB, ("80", "any", "/v1*"))],
            [(WEB, WAYPOINT, ("8080",))],
            id="gateways come either way",
        ),
        pytest.param(
            {"external_callers": (ExternalCaller(name="Sister", via="mesh", principal="sister/ns/a/sa/b"),)},
            [("sister/ns/a/sa/b", ("80",))],
            [(WAYPOINT, "sister/ns/a/sa/b", ("8080",))],
            id="as do workloads of other meshes",
        ),
        pytest.param(
            {"external_callers": (PAYER,), "mtls": PLAIN},
            [],
            [(WAYPOINT, ("8080",)), (ANONYMOUS, ("8080",))],
            id="who has no certificate is not in the mesh",
        ),
        pytest.param(
            {"metrics": Metrics(port=9102)},
            [],
            [(WAYPOINT, ("8080",)), (ANONYMOUS, ("9102",))],
            id="Prometheus dials pods",
        ),
    ],
)
def test_what_comes_past_the_waypoint(changes: dict[str, Any], at_waypoint: list[Any], at_ztunnel: list[Any]) -> None:
    attached, selected = (admitted(one["spec"]) for one in policies(a_service(**changes), **AMBIENT).values())
    assert (attached, selected) == (at_waypoint, at_ztunnel)


def test_a_namespace_may_have_a_waypoint_of_its_own_or_none() -> None:
    own = {"shop": Namespace(waypoint=True)}
    assert len(policies(a_service(), data_plane="ambient", namespaces=own)) == 2
    none = {"shop": Namespace(waypoint=False)}
    assert len(policies(a_service(), data_plane="ambient", waypoints=True, namespaces=none)) == 1
    assert len(policies(a_service(), data_plane="sidecar", waypoints=True)) == 1


def test_a_dry_run_at_a_waypoint_is_one_at_ztunnel_too() -> None:
    denying = {"shop": Namespace(default_deny=True)}
    found = policies(a_service(authorization="dry-run"), namespaces=denying, **AMBIENT)
    assert [one["metadata"].get("annotations") for one in found.values()] == [
        {"istio.io/dry-run": "true"},
        {"istio.io/dry-run": "true"},
        None,
    ]
