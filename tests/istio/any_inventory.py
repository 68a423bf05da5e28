"""Inventories that nobody wrote: any mixture of what a service and a mesh may say, as text for the loader."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import strategies as st

NAMESPACES = ("red", "green", "blue" * 15 + "xyz")
"""The last one as long as Kubernetes allows."""
GATEWAY = "front"
NAMES = ("alpha", "beta", "gamma", "delta" * 12 + "xyz", "omega")
times = st.sampled_from(["40ms", "700ms", "1s", "2500ms", "10s"])
shares = st.integers(1, 100)
headers = st.dictionaries(
    st.sampled_from(["x-user", "x-beta", ":authority"]), st.sampled_from(["on", "a b", "'"]), max_size=2
)
retries = st.fixed_dictionaries({"attempts": st.integers(0, 4)}, optional={"per_try_timeout": times})


def maybe(**choices: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of these keys, or none."""
    return st.fixed_dictionaries({}, optional=choices)


breakers = maybe(
    consecutive_5xx=st.integers(1, 9),
    max_connections=st.integers(1, 99),
    connect_timeout=times,
    max_ejection_percent=shares,
    split_local_origin=st.booleans(),
    hash_header=st.just("x-user"),
)
call_choices = maybe(timeout=times, retries=retries, asynchronous=st.booleans())


@st.composite
def endpoints(draw: st.DrawFn, protocol: str) -> list[dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for _ in range(draw(st.integers(0, 3))):
        own = draw(maybe(idempotent=st.booleans(), retries=retries))
        own |= draw(st.sampled_from([{}, {"streaming": True}, {"timeout": "900ms"}]))
        if protocol == "grpc":
            what = {"grpc": draw(st.sampled_from(["a.v1.A/Get", "a.v1.A/Put", "b.B/Watch"]))}
        else:
            path = draw(st.sampled_from(["/", "/a", "/a/{id}", "/a/{id}/b", "/a-b~c", "/x/{y}.json"]))
            what = {"method": draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"])), "path": path}
        made.setdefault(str(what), {**what, **own})
    return list(made.values())


@st.composite
def service(draw: st.DrawFn, name: str, callees: list[str]) -> dict[str, Any]:
    protocol = draw(st.sampled_from(["http", "grpc", "tcp"]))
    port: dict[str, Any] = {"name": protocol, "number": 8000, "protocol": protocol}
    port |= draw(maybe(target_port=st.integers(1024, 60_000)))
    made: dict[str, Any] = {
        "namespace": draw(st.sampled_from(NAMESPACES)),
        "owner": "team",
        "tier": "low",
        "role": draw(st.sampled_from(["gateway", "sync", "orchestrator", "external", "worker", "data"])),
        "service_account": name,
        "injection": "explicit",
        "replicas": draw(st.integers(1, 12)),
        "ports": [port],
        "calls": draw(st.lists(st.sampled_from(callees), unique=True, max_size=3).flatmap(calls)) if callees else [],
        "route": draw(maybe(timeout=times, retries=retries)),
        "breaker": draw(breakers),
        "external_hosts": draw(st.lists(external_host(), max_size=2, unique_by=lambda one: one["host"])),
        **draw(maybe(authorization=st.just("dry-run"), peak_rps=st.integers(1, 9_000), metrics=metrics())),
    }
    if protocol != "tcp":
        made |= {"endpoints": draw(endpoints(protocol))}
        made |= draw(
            maybe(rate_limit=rate_limit(), faults=st.lists(fault(), max_size=2, unique_by=lambda one: one["name"]))
        )
    if draw(st.booleans()):
        first = draw(st.integers(0, 100))
        made["versions"] = [
            {"name": "v1", "weight": first},
            {"name": "v2", "weight": 100 - first, "replicas": draw(st.integers(1, 5)), "headers": draw(headers)},
        ]
    if protocol == "http" and draw(st.booleans()):
        made["exposures"] = [{"gateway": GATEWAY, "host": "front.example.com", "path": f"/{name}"}]
    return made


def calls(callees: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    own = st.lists(call_choices, min_size=len(callees), max_size=len(callees))
    return own.map(lambda made: [{"service": one, **call} for one, call in zip(callees, made, strict=True)])


@st.composite
def external_host(draw: st.DrawFn) -> dict[str, Any]:
    host: dict[str, Any] = {"host": draw(st.sampled_from(["one.example.com", "two.example.com", "three.example.com"]))}
    kinds: list[dict[str, Any]] = [
        {"protocol": "https"},
        {"protocol": "tls", "port": 8443},
        {"protocol": "http", "port": 80},
        {"protocol": "http", "port": 80, "originate_tls": True},
        {"protocol": "tcp", "port": 5432, "addresses": ["192.0.2.7", "2001:db8::7"]},
    ]
    chosen: dict[str, Any] = draw(st.sampled_from(kinds))
    return host | chosen


@st.composite
def fault(draw: st.DrawFn) -> dict[str, Any]:
    made = {"name": draw(st.sampled_from(["slow", "broken"])), "expires": "2099-12-31", "headers": draw(headers)}
    delay, abort = {"duration": "1500ms", "percent": draw(shares)}, {"status": 503, "percent": draw(shares)}
    return made | draw(st.sampled_from([{"delay": delay}, {"abort": abort}, {"delay": delay, "abort": abort}]))


def rate_limit() -> st.SearchStrategy[dict[str, Any]]:
    per = st.sampled_from(["50ms", "1s", "1m"])
    return st.fixed_dictionaries(
        {"requests": st.integers(1, 5_000)}, optional={"per": per, "burst": st.integers(1, 9_000)}
    )


def metrics() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"port": st.just(9102), "merged": st.booleans()})


@st.composite
def texts(draw: st.DrawFn) -> str:
    """The text of an inventory. The loader may still refuse it, and so may the checks."""
    mesh: dict[str, Any] = {
        "name": "any",
        "istio_version": draw(st.sampled_from(["1.26", "1.29", "1.31"])),
        "runbook_base_url": "https://runbooks.example.com",
        "data_plane": draw(st.sampled_from(["sidecar", "sidecar", "ambient"])),
        "routing": draw(st.sampled_from(["istio", "istio", "gateway-api"])),
        "waypoints": draw(st.booleans()),
        "egress_scope": draw(st.sampled_from(["declared", "off"])),
        "gateways": {GATEWAY: {"hosts": ["front.example.com"], "secret": "front", "redirect": draw(st.booleans())}},
        "namespaces": {"red": draw(maybe(default_deny=st.booleans(), mtls=st.just({"mode": "STRICT"})))},
        **draw(maybe(trust_domain=st.just("any.example.com"), trust_domain_aliases=st.just(["old.example.com"]))),
    }
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    services = {name: draw(service(name, list(names[index + 1 :]))) for index, name in enumerate(names)}
    return yaml.safe_dump({"mesh": mesh, "services": services}, sort_keys=False)
