"""AuthorizationPolicy for who comes without an identity: callers without a certificate, and Prometheus."""

from __future__ import annotations

from typing import Any

import pytest

from observe.model import Call, Endpoint, ExcludedPorts, ExternalCaller, Metrics, Mtls, Prometheus
from tests.istio.security.admitted import ANONYMOUS, CART, GET, PAYER, PLAIN, POST, cart, policy, rules
from tests.samples import GRPC, HTTP, TCP, a_service

HOOK = Endpoint(method="POST", path="/webhook")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"mtls": PLAIN}, [(ANONYMOUS, ("8080",))], id="who has no identity, and only they"),
        pytest.param({}, [], id="not under STRICT, which refuses them anyway"),
        pytest.param(
            {
                "mtls": PLAIN,
                "endpoints": (HOOK, GET),
                "external_callers": (ExternalCaller(name="Payer", via="direct", endpoints=(HOOK,)),),
            },
            [(ANONYMOUS, ("8080", "POST", "/webhook"))],
            id="for what they use",
        ),
        pytest.param(
            {
                "mtls": PLAIN,
                "ports": (HTTP, GRPC),
                "external_callers": (ExternalCaller(name="Payer", via="direct", endpoints=(HOOK,)),),
            },
            [(ANONYMOUS, ("8080", "POST", "/webhook"))],
            id="not on a port where that cannot be",
        ),
        pytest.param(
            {"mtls": Mtls(mode="PERMISSIVE", ports=(8080,), reason="plain webhooks"), "ports": (HTTP, GRPC)},
            [(ANONYMOUS, ("8080",))],
            id="on the ports of the exception",
        ),
    ],
)
def test_callers_without_a_certificate(changes: dict[str, Any], expected: list[Any]) -> None:
    assert rules(a_service(**{"external_callers": (PAYER,), **changes})) == expected


def test_calls_without_an_identity_are_admitted_like_those_from_outside() -> None:
    """From a service without a proxy, and past a caller's own, on the port that is dialled."""
    service = a_service(ports=(HTTP, GRPC), mtls=PLAIN, endpoints=(GET, POST))
    legacy = cart(Call(service="shop/checkout", port=80, endpoints=(GET,)), name="legacy", in_mesh=False)
    past = cart(Call(service="shop/checkout", port=9000), name="past", excluded_ports=ExcludedPorts(outbound=(9000,)))
    known = cart(Call(service="shop/checkout", port=9000), excluded_ports=ExcludedPorts(outbound=(80,)))
    assert rules(service, legacy, past, known) == [
        (CART, ("9000",)),
        (ANONYMOUS, ("9000",)),
        (ANONYMOUS, ("8080", "GET", "/orders/{*}")),
    ]


def test_where_mtls_is_off_nobody_has_an_identity() -> None:
    """Callers' proxies send plaintext to such a port: a rule with their identities would refuse them."""
    service = a_service(mtls=Mtls(mode="DISABLE", reason="the application encrypts"), endpoints=(GET, POST))
    one = cart(Call(service="shop/checkout", endpoints=(GET,)))
    assert rules(service, one) == [(ANONYMOUS, ("8080", "GET", "/orders/{*}"))]


def test_no_rule_for_what_no_proxy_asks() -> None:
    service = a_service(ports=(HTTP, GRPC), excluded_ports=ExcludedPorts(inbound=(9000,)))
    assert rules(service, cart()) == [(CART, ("8080",))]


@pytest.mark.parametrize(
    ("changes", "account", "expected"),
    [
        pytest.param({"metrics": Metrics(port=9102)}, None, [], id="merged metrics are the sidecar's"),
        pytest.param(
            {"metrics": Metrics(port=9102, merged=False)},
            None,
            [(ANONYMOUS, ("9102", "GET", "/metrics"))],
            id="without a certificate, the path of the metrics",
        ),
        pytest.param(
            {"metrics": Metrics(port=9102, merged=False)},
            "prometheus",
            [("cluster.local/ns/monitoring/sa/prometheus", ("9102",))],
            id="with one, on a port whose protocol nobody declares: no proxy sees HTTP there",
        ),
        pytest.param(
            {"metrics": Metrics(port=8080, path="/actuator", merged=False)},
            "prometheus",
            [("cluster.local/ns/monitoring/sa/prometheus", ("8080", "GET", "/actuator"))],
            id="with one, on a port that is declared",
        ),
        pytest.param(
            {"metrics": Metrics(port=5432, merged=False)},
            None,
            [(ANONYMOUS, ("5432",))],
            id="requests on a tcp port are not told apart",
        ),
        pytest.param(
            {"metrics": Metrics(port=8080, merged=False), "mtls": Mtls(mode="DISABLE", reason="x")},
            "prometheus",
            [(ANONYMOUS, ("8080", "GET", "/metrics"))],
            id="where mtls is off",
        ),
        pytest.param(
            {"metrics": Metrics(port=9102, merged=False), "excluded_ports": ExcludedPorts(inbound=(9102,))},
            None,
            [],
            id="where no proxy asks",
        ),
    ],
)
def test_prometheus_is_admitted_where_it_scrapes_the_application(
    changes: dict[str, Any], account: str | None, expected: list[Any]
) -> None:
    service = a_service(ports=(HTTP, TCP), **changes)
    assert rules(service, prometheus=Prometheus(service_account=account)) == expected


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({}, None, id="identities under STRICT need none"),
        pytest.param(
            {"external_callers": (PAYER,), "mtls": PLAIN},
            "port 8080 is open to requests without an identity, whoever sends them: "
            "called by Payer without an identity",
            id="an open port",
        ),
        pytest.param(
            {"mtls": PLAIN},
            "port 8080 takes plaintext, but who comes without an identity is refused",
            id="a port that takes plaintext for nobody",
        ),
        pytest.param(
            {
                "ports": (HTTP, GRPC),
                "external_callers": (ExternalCaller(name="Payer", via="direct", endpoints=(HOOK,)),),
                "mtls": PLAIN,
            },
            "port 8080 is open to requests without an identity, whoever sends them: "
            "called by Payer without an identity; "
            "port 9000 takes plaintext, but who comes without an identity is refused",
            id="one of each",
        ),
        pytest.param(
            {"metrics": Metrics(port=9102, merged=False)},
            "port 9102 is open to requests without an identity, whoever sends them: "
            "scraped by Prometheus without an identity",
            id="metrics",
        ),
    ],
)
def test_the_object_says_what_becomes_of_plaintext(changes: dict[str, Any], reason: str | None) -> None:
    found = policy(a_service(**changes), cart())
    assert found["metadata"].get("annotations", {}).get("observe/reason") == reason
