"""What a proxy's RBAC filters admit, in short: read from the listeners that istiod sends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Listener: TypeAlias = "Mapping[str, Any]"

Admitted: TypeAlias = "frozenset[tuple[str, int | None, str, str]]"
"""Who, the port, the method and the path. `*` is any; who is `-` without an identity, nobody fits `!`."""


EVERYTHING = ("*", None, "*", "*")


@dataclass(frozen=True, slots=True)
class Door:
    """A filter chain, and what its RBAC filter lets through."""

    encrypted: bool
    """Whether it takes mTLS; otherwise plaintext."""
    requests: bool
    """Whether it sees requests; otherwise connections."""
    admitted: Admitted
    """What is enforced."""
    tried: Admitted
    """What only is counted."""


def doors(listener: Listener, port: int) -> tuple[Door, ...]:
    """The filter chains for a port."""
    chains = listener["filter_chains"]
    return tuple(door(chain) for chain in chains if chain.get("filter_chain_match", {}).get("destination_port") == port)


def door(chain: Mapping[str, Any]) -> Door:
    """A chain has one RBAC filter, for requests where it sees these; or none, which admits everybody."""
    found = tuple(rbac(chain))
    if not found:
        return Door("transport_socket" in chain, False, frozenset({EVERYTHING}), frozenset())
    ((requests, config),) = found
    read = [frozenset(of_rules(config.get(key, {}))) for key in ("rules", "shadow_rules")]
    return Door("transport_socket" in chain, requests, *read)


def rbac(chain: Mapping[str, Any]) -> Iterator[tuple[bool, dict[str, Any]]]:
    for outer in chain["filters"]:
        if outer["name"] == "envoy.filters.network.rbac":
            yield False, outer["typed_config"]
        for inner in outer["typed_config"].get("http_filters", ()):
            if inner["name"] == "envoy.filters.http.rbac":
                yield True, inner["typed_config"]


def of_rules(rules: Mapping[str, Any]) -> Iterator[tuple[str, int | None, str, str]]:
    """Istio writes ALLOW policies only where it was told to; each is principals times permissions."""
    assert rules.get("action", "ALLOW") == "ALLOW"
    for policy in rules.get("policies", {}).values():
        for principal in policy["principals"]:
            for permission in policy["permissions"]:
                yield from ((who, *what) for who in of_principal(principal) for what in of_permission(permission))


def of_principal(principal: Mapping[str, Any]) -> Iterator[str]:
    """One `any`, one negation, or one of several identities, within an `and` of one."""
    if principal == {"not_id": {"any": True}}:
        yield "!"
        return
    (inner,) = principal["and_ids"]["ids"]
    if inner == {"any": True}:
        yield "*"
    elif "not_id" in inner:
        (denied,) = map(name_of, inner["not_id"]["or_ids"]["ids"])
        assert denied == ".+"
        yield "-"
    else:
        yield from map(name_of, inner["or_ids"]["ids"])


def name_of(principal: Mapping[str, Any]) -> str:
    """By certificate, or in a waypoint by what the tunnel was told."""
    if "filter_state" in principal:
        assert principal["filter_state"]["key"] == "io.istio.peer_principal"
        match = principal["filter_state"]["string_match"]
    else:
        match = principal["authenticated"]["principal_name"]
    name: str = match["exact"] if "exact" in match else match["safe_regex"]["regex"]
    return name.removeprefix("spiffe://")


def of_permission(permission: Mapping[str, Any]) -> Iterator[tuple[int | None, str, str]]:
    if permission == {"not_rule": {"any": True}}:
        yield None, "!", "!"
        return
    parts = [part for part in permission["and_rules"]["rules"] if part != {"any": True}]
    ports, methods, paths = [None], ["*"], ["*"]
    for part in parts:
        either = part["or_rules"]["rules"]
        if "destination_port" in either[0]:
            ports = [one["destination_port"] for one in either]
        elif "header" in either[0]:
            assert {one["header"]["name"] for one in either} == {":method"}
            methods = [one["header"]["string_match"]["exact"] for one in either]
        else:
            paths = [path_of(one) for one in either]
    yield from ((port, method, path) for port in ports for method in methods for path in paths)


def path_of(permission: Mapping[str, Any]) -> str:
    """A template of Envoy's, where `*` is a segment; a path; or how a path begins, with `...` after it."""
    if "uri_template" in permission:
        template: str = permission["uri_template"]["typed_config"]["path_template"]
        return template
    path = permission["url_path"]["path"]
    return path["exact"] if "exact" in path else f"{path['prefix']}..."
