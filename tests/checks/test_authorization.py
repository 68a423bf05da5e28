"""OBS121, OBS124, OBS125, OBS127 and OBS128: who may do what, and what of it nobody meant."""

from __future__ import annotations

from typing import Any

import pytest

from observe.checks import (
    authorization_dry_run,
    conflicting_policies,
    namespace_policy_too_wide,
    operation_not_offered,
    shared_service_account,
)
from observe.model import (
    Call,
    Endpoint,
    Exposure,
    ExternalCaller,
    Gateway,
    Ingress,
    Metrics,
    Mtls,
    MtlsDefault,
    Namespace,
    Service,
)
from tests.checks.finds import found
from tests.samples import GRPC, HTTP, a_mesh, a_service

HOOK = Endpoint(method="POST", path="/webhook")
PLAIN = Mtls(mode="PERMISSIVE", reason="plain webhooks")
STRICT = MtlsDefault(mode="STRICT")
GATEWAYS = {"web": Gateway(hosts=("shop.example.com",), secret="web-tls", namespace="edge")}
SCRAPE = Metrics(port=9102, merged=False)
CALLS = (Call(service="shop/checkout"),)


@pytest.mark.parametrize(
    ("mesh", "said"),
    [
        pytest.param(
            {"namespaces": {"edge": Namespace(default_deny=True)}, "gateways": GATEWAYS},
            [
                (
                    "namespace edge denies by default, and gateway web runs there: every request from outside would be "
                    "refused; remove default_deny there, or give the gateway a namespace of its own"
                )
            ],
            id="a gateway's namespace",
        ),
        pytest.param(
            {"namespaces": {"in": Namespace(default_deny=True)}, "ingress": Ingress(namespace="in")},
            [
                (
                    "namespace in denies by default, and the ingress gateway runs there: every request from outside "
                    "would be refused; remove default_deny there, or give the gateway a namespace of its own"
                )
            ],
            id="the ingress gateway's",
        ),
        pytest.param(
            {"namespaces": {"istio-system": Namespace(default_deny=True, mtls=STRICT)}, "gateways": GATEWAYS},
            [
                (
                    "namespace istio-system denies by default, and is the root namespace: every workload of the mesh "
                    "would refuse everybody; remove it, and write default_deny for the namespaces that are meant"
                ),
                (
                    "namespace istio-system has an mTLS mode, and is the root namespace: it would hold for the whole "
                    "mesh; move it to mesh.mtls if that is meant"
                ),
            ],
            id="the root namespace",
        ),
        pytest.param(
            {"namespaces": {"shop": Namespace(default_deny=True, mtls=STRICT), "edge": Namespace(mtls=STRICT)}},
            [],
            id="any other",
        ),
    ],
)
def test_policies_of_namespaces(mesh: dict[str, Any], said: list[str]) -> None:
    expected = [f"error OBS121: {text}" for text in said]
    assert found(namespace_policy_too_wide, a_service(), mesh=a_mesh(**mesh)) == expected


HEEDED = "other mTLS modes: of two PeerAuthentications for the same pods Istio heeds the older one alone"
TRIED = "only one of the two is authorized in a dry run: the other's policy refuses whom the dry run would let in"


@pytest.mark.parametrize(
    ("changes", "how"),
    [
        pytest.param({}, None, id="the same"),
        pytest.param({"mtls": PLAIN}, HEEDED, id="another mode"),
        pytest.param({"metrics": SCRAPE}, HEEDED, id="a port of its own"),
        pytest.param({"authorization": "dry-run"}, TRIED, id="a dry run"),
        pytest.param({"mtls": PLAIN, "labels": {"app": "admin"}}, None, id="other pods"),
        pytest.param({"mtls": PLAIN, "namespace": "web"}, None, id="another namespace"),
        pytest.param({"mtls": PLAIN, "in_mesh": False}, None, id="no proxy"),
    ],
)
def test_services_with_the_same_pods(changes: dict[str, Any], how: str | None) -> None:
    admin = a_service("admin", **{"labels": {"app": "checkout"}, **changes})
    said = (
        f"error OBS124: service shop/checkout has the same pods as shop/admin, and {how}; "
        "give both the same mtls, metrics and authorization, or make them one service"
    )
    assert found(conflicting_policies, a_service(), admin) == ([said] if how else [])


def sharing(name: str, *calls: Call, **changes: Any) -> Service:
    return a_service(name, **{"service_account": "shared", "calls": calls, **changes})


def test_a_shared_account_lends_its_rights() -> None:
    said = found(shared_service_account, a_service(), sharing("cart", *CALLS), sharing("search"))
    assert said == [
        (
            "warning OBS125: service shop/search runs as the same service account as shop/cart: no policy can tell "
            "them apart, so it may call shop/checkout in ways that it does not declare; "
            "give each a service account of its own"
        )
    ]


@pytest.mark.parametrize(
    ("checkout", "one", "other", "count"),
    [
        pytest.param({}, CALLS, CALLS, 0, id="the same rights"),
        pytest.param({}, (), (), 0, id="no rights"),
        pytest.param({}, (Call(service="shop/checkout", endpoints=(HOOK,)),), CALLS, 1, id="fewer operations"),
        pytest.param(
            {"ports": (HTTP, GRPC)},
            (Call(service="shop/checkout", port=80),),
            (Call(service="shop/checkout", port=9000),),
            2,
            id="other ports",
        ),
        pytest.param({"in_mesh": False}, CALLS, (), 0, id="a callee without a proxy asks nobody"),
        pytest.param({"mtls": Mtls(mode="DISABLE", reason="x")}, CALLS, (), 1, id="the account would be the same"),
    ],
)
def test_shared_accounts(checkout: dict[str, Any], one: Any, other: Any, count: int) -> None:
    services = (a_service(**checkout), sharing("cart", *one), sharing("search", *other))
    assert len(found(shared_service_account, *services)) == count


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"namespace": "web"}, id="accounts of two namespaces"),
        pytest.param({"service_account": "other"}, id="two accounts"),
        pytest.param({"labels": {"app": "cart"}}, id="the same pods have one by nature"),
        pytest.param({"in_mesh": False}, id="without a proxy there is no identity"),
    ],
)
def test_accounts_that_are_not_shared(changes: dict[str, Any]) -> None:
    assert found(shared_service_account, a_service(), sharing("cart", *CALLS), sharing("search", **changes)) == []


def test_the_default_account_is_another_finding() -> None:
    services = (sharing("cart", *CALLS, service_account="default"), sharing("search", service_account="default"))
    assert found(shared_service_account, a_service(), *services) == []


def test_many_rights_are_counted_rather_than_listed() -> None:
    callees = [a_service(f"s{number}") for number in range(7)]
    calls = tuple(Call(service=callee.id) for callee in callees)
    (said,) = found(shared_service_account, *callees, sharing("cart", *calls), sharing("search"))
    assert "may call shop/s0, shop/s1, shop/s2, shop/s3, shop/s4 and 2 more in ways" in said


@pytest.mark.parametrize(
    ("mesh", "what"),
    [
        pytest.param({}, "who is not declared is let in and only counted", id="sidecars"),
        pytest.param(
            {"namespaces": {"shop": Namespace(default_deny=True)}},
            "who is not declared is let in and only counted, although namespace shop denies by default",
            id="where everything else is denied",
        ),
        pytest.param({"data_plane": "ambient"}, "everybody is let in, and nobody counted", id="ztunnel"),
        pytest.param(
            {"data_plane": "ambient", "waypoints": True},
            "who is not declared is let in and only counted",
            id="a waypoint",
        ),
    ],
)
def test_dry_runs_are_listed(mesh: dict[str, Any], what: str) -> None:
    services = (a_service(authorization="dry-run"), a_service("enforced"))
    without_proxy = a_service("outside", authorization="dry-run", in_mesh=False)
    assert found(authorization_dry_run, *services, without_proxy, mesh=a_mesh(**mesh)) == [
        (
            f"info OBS127: service shop/checkout is authorized in a dry run: {what}; "
            "set authorization to enforce when nobody who should call is counted as denied"
        )
    ]


GET = Endpoint(method="GET", path="/orders/{id}")
USERS = Endpoint(grpc="acme.v1.Users/GetUser")


@pytest.mark.parametrize(
    ("checkout", "call", "said"),
    [
        pytest.param({"endpoints": (GET,)}, {"endpoints": (GET,)}, None, id="it is offered"),
        pytest.param(
            {"endpoints": (GET,)},
            {"endpoints": (GET, HOOK)},
            "uses POST /webhook of shop/checkout, which does not offer it: it is refused; "
            "correct it, or add it to the endpoints of shop/checkout",
            id="it is not",
        ),
        pytest.param({}, {"endpoints": (HOOK,)}, None, id="the service names none"),
        pytest.param(
            {},
            {"endpoints": (USERS,)},
            "uses acme.v1.Users/GetUser of shop/checkout, which has no port for it: it is refused; "
            "correct it, or the protocol of the port",
            id="it has no port for it",
        ),
        pytest.param({"ports": (HTTP, GRPC)}, {"endpoints": (USERS, GET)}, None, id="each on its port"),
        pytest.param({"endpoints": (GET,)}, {"port": 81, "endpoints": (HOOK,)}, None, id="no port, which is OBS102"),
        pytest.param({"endpoints": (GET,), "in_mesh": False}, {"endpoints": (HOOK,)}, None, id="nobody refuses"),
    ],
)
def test_operations_of_calls(checkout: dict[str, Any], call: dict[str, Any], said: str | None) -> None:
    cart = a_service("cart", calls=(Call(service="shop/checkout", **call),))
    expected = [f"error OBS128: service shop/cart {said}"] if said else []
    assert found(operation_not_offered, a_service(**checkout), cart) == expected


def test_operations_of_callers_from_outside() -> None:
    service = a_service(endpoints=(GET,), external_callers=(ExternalCaller(name="Payer", endpoints=(GET, HOOK)),))
    assert found(operation_not_offered, service) == [
        (
            "error OBS128: service shop/checkout says that Payer uses POST /webhook of it, but does not offer it: "
            "it is refused; correct it, or add it to the endpoints of shop/checkout"
        )
    ]


@pytest.mark.parametrize(
    ("path", "count"),
    [("/", 0), ("/orders", 0), ("/orders/17", 0), ("/ord", 0), ("/users", 1), ("/orders/17/items", 1)],
)
def test_operations_that_gateways_expose(path: str, count: int) -> None:
    service = a_service(endpoints=(GET,), exposures=(Exposure(gateway="web", host="shop.example.com", path=path),))
    said = found(operation_not_offered, service, mesh=a_mesh(gateways=GATEWAYS))
    assert (
        said
        == [
            (
                f"error OBS128: service shop/checkout is exposed below {path}, where it offers no endpoint: "
                "every request is refused; correct the path, or add what is below it to the endpoints"
            )
        ]
        * count
    )


def test_an_exposure_that_fits_nothing_at_all_is_another_finding() -> None:
    strange = (
        Exposure(gateway="gone", host="shop.example.com", path="/users"),
        Exposure(gateway="web", host="shop.example.com", path="/users", port=81),
    )
    service = a_service(endpoints=(GET,), exposures=strange)
    assert found(operation_not_offered, service, mesh=a_mesh(gateways=GATEWAYS)) == []
