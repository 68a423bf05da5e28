"""Global rate limits on a real Envoy, with a stand-in for the service that counts.

The stand-in is told by the generated ConfigMap, and looks limits up as envoyproxy/ratelimit documents it: by the keys
and values of a request's descriptors. It forgets nothing, so that no verdict depends on the clock. Envoy has the
generated filter and the generated actions, on a listener of its own without TLS.
"""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import yaml
from envoy.service.ratelimit.v3.rls_pb2 import RateLimitRequest, RateLimitResponse

from observe.istio.filters.global_rate_limit import global_rate_limits
from observe.model import Gateway, GlobalRateLimit, RateLimitService
from observe.provenance import plain
from tests.mesh.backends import HttpBackend
from tests.samples import a_mesh
from tests.servers.fixtures import require
from tests.servers.install import envoy
from tests.servers.processes import LOOPBACK, answers, free_ports, local_session, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PER_ADDRESS, PER_KEY = 5, 2
LIMITS = (
    GlobalRateLimit(name="per-address", requests=PER_ADDRESS, unit="day"),
    GlobalRateLimit(name="per-key", requests=PER_KEY, unit="day", header="x-api-key"),
)
TYPES = "type.googleapis.com/envoy.extensions"


def generated(on_failure: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The ConfigMap and the EnvoyFilter of a gateway with two limits."""
    gateway = Gateway(hosts=("shop.example.com",), secret="tls", rate_limits=LIMITS)
    # Longer than anybody would wait, so that a busy machine is no outage.
    service = RateLimitService(namespace="limits", timeout=30_000, on_failure=on_failure)
    told, asked = global_rate_limits(a_mesh(gateways={"web": gateway}, rate_limit_service=service))
    return plain(told), plain(asked)


@dataclass
class Counting:
    """The service that counts, as far as its documentation says how."""

    config: dict[str, Any]
    seen: Counter[tuple[tuple[str, str], ...]] = field(default_factory=Counter)

    def should_limit(self, raw: bytes) -> bytes:
        request = RateLimitRequest.FromString(raw)
        assert request.domain == self.config["domain"]
        over = [self._over(tuple((one.key, one.value) for one in known.entries)) for known in request.descriptors]
        code = RateLimitResponse.OVER_LIMIT if any(over) else RateLimitResponse.OK
        answer: bytes = RateLimitResponse(overall_code=code).SerializeToString()
        return answer

    def _over(self, entries: tuple[tuple[str, str], ...]) -> bool:
        level, limit = self.config["descriptors"], None
        for key, value in entries:
            (found,) = [one for one in level if one["key"] == key and one.get("value", value) == value]
            level, limit = found.get("descriptors", ()), found.get("rate_limit")
        assert limit is not None
        self.seen[entries] += 1
        return bool(self.seen[entries] > limit["requests_per_unit"])

    @contextmanager
    def served(self, port: int) -> Iterator[None]:
        handlers = {"ShouldRateLimit": grpc.unary_unary_rpc_method_handler(lambda raw, _: self.should_limit(raw))}
        service = grpc.method_handlers_generic_handler("envoy.service.ratelimit.v3.RateLimitService", handlers)
        with ThreadPoolExecutor(4) as pool:
            server = grpc.server(pool, handlers=(service,))
            server.add_insecure_port(f"{LOOPBACK}:{port}")
            server.start()
            try:
                yield
            finally:
                server.stop(grace=None).wait()


def bootstrap(asked: dict[str, Any], ports: dict[str, int]) -> dict[str, Any]:
    """An Envoy with the filter and the actions of the EnvoyFilter, in front of a backend."""
    filters, actions = asked["spec"]["configPatches"]
    limit = filters["patch"]["value"]
    counting = limit["typed_config"]["rate_limit_service"]["grpc_service"]["envoy_grpc"]["cluster_name"]
    router = {"name": "router", "typed_config": {"@type": f"{TYPES}.filters.http.router.v3.Router"}}
    host = {"name": "shop", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "app"}}]}
    manager = {
        "@type": f"{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "use_remote_address": True,
        "route_config": {"virtual_hosts": [{**host, **actions["patch"]["value"]}]},
        "http_filters": [limit, router],
    }
    chain = {"filters": [{"name": "manager", "typed_config": manager}]}
    listener = {"address": address(ports["gateway"]), "filter_chains": [chain]}
    clusters = [cluster("app", ports["app"]), cluster(counting, ports["counting"], http2=True)]
    return {
        "admin": {"address": address(ports["admin"])},
        "static_resources": {"listeners": [listener], "clusters": clusters},
    }


def cluster(name: str, port: int, *, http2: bool = False) -> dict[str, Any]:
    options = {
        "@type": f"{TYPES}.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    endpoints = {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(port)}}]}]}
    made: dict[str, Any] = {"name": name, "type": "STATIC", "load_assignment": endpoints}
    if http2:
        made["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}
    return made


def address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}


@contextmanager
def gateway(folder: Path, *, on_failure: Any = "allow", counting: bool = True) -> Iterator[Callable[..., int]]:
    """A gateway while the block runs: what it answers to a request with these headers, as a status."""
    require("envoy")
    told, asked = generated(on_failure)
    names = ("gateway", "admin", "counting")
    with ExitStack() as stack, HttpBackend() as backend, local_session() as session:
        ports = {**dict(zip(names, free_ports(3), strict=True)), "app": backend.port}
        if counting:
            stack.enter_context(Counting(yaml.safe_load(told["data"]["config.yaml"])).served(ports["counting"]))
        config = folder / "envoy.json"
        config.write_text(json.dumps(bootstrap(asked, ports)))
        argv: list[str | Path] = [envoy(), "-c", config, "--use-dynamic-base-id", "--concurrency", "1"]
        ready = f"http://{LOOPBACK}:{ports['admin']}/ready"
        stack.enter_context(running(argv, folder / "envoy.log", lambda: answers(session, ready)))

        def ask(**headers: str) -> int:
            url = f"http://{LOOPBACK}:{ports['gateway']}/"
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return session.get(url, headers=named, timeout=60).status_code

        yield ask


def test_each_value_of_a_header_has_its_own_limit(tmp_path: Path) -> None:
    with gateway(tmp_path) as ask:
        assert [ask(x_api_key="a") for _ in range(PER_KEY + 1)] == [200] * PER_KEY + [429]
        assert [ask(x_api_key="b") for _ in range(PER_KEY)] == [200] * PER_KEY


def test_request_without_the_header_is_counted_by_its_address_alone(tmp_path: Path) -> None:
    with gateway(tmp_path) as ask:
        assert [ask() for _ in range(PER_ADDRESS + 1)] == [200] * PER_ADDRESS + [429]


def test_requests_of_everybody_count_together_by_address(tmp_path: Path) -> None:
    """Those with a key count twice: by the key, and by the address."""
    with gateway(tmp_path) as ask:
        statuses = [ask(x_api_key=str(number)) for number in range(PER_ADDRESS + 1)]
        assert statuses == [200] * PER_ADDRESS + [429]


@pytest.mark.parametrize(("on_failure", "status"), [("allow", 200), ("deny", 500)])
def test_outage_of_the_service_that_counts(tmp_path: Path, on_failure: str, status: int) -> None:
    with gateway(tmp_path, on_failure=on_failure, counting=False) as ask:
        assert {ask() for _ in range(PER_ADDRESS + 2)} == {status}
