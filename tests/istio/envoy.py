"""Reading what istiod gives a proxy: the parts of Envoy's configuration that say what the mesh will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.xds import Snapshot

Config = dict[str, Any]
RBAC = "envoy.filters.http.rbac"
DISABLED_TLS = "tlsMode-disabled"


def outbound(snapshot: Snapshot) -> set[str]:
    """The hosts that a proxy has clusters for."""
    return {name.split("|")[3] for name in snapshot.clusters if name.startswith("outbound|")}


def cluster(snapshot: Snapshot, host: str, port: int, subset: str = "") -> Config:
    return snapshot.clusters[f"outbound|{port}|{subset}|{host}"]


def routes_to(snapshot: Snapshot, host: str) -> list[Config]:
    """The routes of a host, in the order in which they are tried."""
    for configuration in snapshot.routes.values():
        for virtual_host in configuration.get("virtual_hosts", ()):
            if host in virtual_host["domains"]:
                return list(virtual_host["routes"])
    return []


def inbound_chains(snapshot: Snapshot, port: int) -> list[Config]:
    """The filter chains for connections to one of the workload's ports."""
    chains = snapshot.listeners["virtualInbound"]["filter_chains"]
    return [chain for chain in chains if chain.get("filter_chain_match", {}).get("destination_port") == port]


def accepts(snapshot: Snapshot, port: int) -> set[str]:
    """What a port takes: `mtls`, `plaintext`, or both."""
    found = set()
    for chain in inbound_chains(snapshot, port):
        protocol = chain["filter_chain_match"].get("transport_protocol")
        if protocol == "raw_buffer":
            found.add("plaintext")
        elif "transport_socket" in chain:
            found.add("mtls")
    return found


def http_filters(snapshot: Snapshot, port: int) -> list[Config]:
    """The HTTP filters in front of a port, in their order."""
    for chain in inbound_chains(snapshot, port):
        for network_filter in chain["filters"]:
            if "http_filters" in network_filter.get("typed_config", {}):
                return list(network_filter["typed_config"]["http_filters"])
    return []


def principals(snapshot: Snapshot, port: int) -> set[str]:
    """The identities that the authorization filter of a port admits to something."""
    rules = [one["typed_config"] for one in http_filters(snapshot, port) if one["name"] == RBAC]
    return {text.removeprefix("spiffe://") for rule in rules for text in _texts(rule.get("rules"), "principal_name")}


def _texts(tree: Any, below: str) -> Iterator[str]:
    """Every exact text below a key."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == below and "exact" in value:
                yield value["exact"]
            else:
                yield from _texts(value, below)
    elif isinstance(tree, list):
        for item in tree:
            yield from _texts(item, below)
