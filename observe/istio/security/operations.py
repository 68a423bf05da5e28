"""What may be done on a port, in AuthorizationPolicy's own notation: methods and paths of declared operations.

In a path `{*}` stands for one segment, and a `*` at the end for anything (istio/api `authorization_policy.proto`;
templates since 1.22, which also was the first to serve `security.istio.io/v1`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from observe.model import Endpoint, Port

SEGMENT: Final = "{*}"


@dataclass(frozen=True, slots=True)
class Operation:
    """Requests with this method and path; None is any."""

    method: str | None = None
    path: str | None = None


ANY: Final = Operation()
"""Whatever arrives. On a port without requests nothing else can be said."""


def allowed(port: Port, offered: Iterable[Endpoint], used: tuple[Endpoint, ...] = ()) -> tuple[Operation, ...]:
    """What somebody may do on a port: what both the service offers there and they use.

    A service that names no operation of the port's kind offers all. Who names operations uses these alone, and so
    may do nothing on a port that has none of them.
    """
    ours, theirs = spoken(port, offered), spoken(port, used)
    if not used:
        return ours or (ANY,)
    if not ours:
        return theirs
    both = (common for one in theirs for common in _within(one, ours))
    return tuple(dict.fromkeys(both))


def below(port: Port, offered: Iterable[Endpoint], prefix: str) -> tuple[Operation, ...]:
    """What may be done on a port with paths that begin like `prefix`."""
    if port.protocol == "tcp":
        return (ANY,)
    if ours := spoken(port, offered):
        return tuple(operation for operation in ours if begins(operation.path or "", prefix))
    literal = prefix.partition("{")[0]
    return (ANY,) if literal == "/" else (Operation(path=f"{literal}*"),)


def spoken(port: Port, endpoints: Iterable[Endpoint]) -> tuple[Operation, ...]:
    """The operations of the port's kind. gRPC methods are the paths of POST requests."""
    if port.protocol == "grpc":
        found = (Operation("POST", f"/{endpoint.grpc}") for endpoint in endpoints if endpoint.grpc)
    elif port.protocol == "http":
        found = (Operation(one.method, template(one.path)) for one in endpoints if one.method and one.path)
    else:
        return ()
    return tuple(dict.fromkeys(found))


def template(path: str) -> str:
    """`/orders/{id}` as `/orders/{*}`.

    Istio takes nothing beside `{*}` in a segment, so `{name}.txt` is any segment too; and no empty segments beside
    templates, so such a path counts up to its first template (istio `pkg/config/security/security.go`).
    """
    if not ("{" in path or "}" in path):
        return path
    if "//" in path:
        return f"{path[: min(path.find(brace) for brace in '{}' if brace in path)]}*"
    return "/".join(SEGMENT if "{" in segment or "}" in segment else segment for segment in path.split("/"))


def _within(used: Operation, offered: tuple[Operation, ...]) -> Iterator[Operation]:
    """What of an operation is offered: itself, when it is there as it is said."""
    if used in offered:
        yield used
    else:
        yield from (both for one in offered if (both := narrower(used, one)))


def narrower(one: Operation, other: Operation) -> Operation | None:
    """What both allow; None when that is nothing."""
    if one.method != other.method or one.path is None or other.path is None:
        return None
    path = _common(one.path, other.path)
    return Operation(one.method, path) if path else None


def _common(one: str, other: str) -> str | None:
    """The paths that fit both templates."""
    for pattern, path in ((one, other), (other, one)):
        if _is_prefix(pattern):
            return path if begins(path, pattern[:-1]) else None
    if one.count("/") != other.count("/"):
        return None
    pairs = tuple(zip(one.split("/"), other.split("/"), strict=True))
    if not all(_meet(left, right) for left, right in pairs):
        return None
    return "/".join(right if left == SEGMENT else left for left, right in pairs)


def begins(path: str, prefix: str) -> bool:
    """Whether some path that fits the template begins like the prefix."""
    if _is_prefix(path):
        return path.startswith(prefix) or prefix.startswith(path[:-1])
    segments, wanted = path.split("/"), template(prefix).removesuffix("*").split("/")
    if len(wanted) > len(segments):
        return False
    *whole, last = wanted
    final = segments[len(whole)]
    fits = all(_meet(left, right) for left, right in zip(segments, whole, strict=False))
    return fits and (SEGMENT in (final, last) or final.startswith(last))


def _meet(one: str, other: str) -> bool:
    """Whether some segment fits both; a template is never empty."""
    return one == other or (SEGMENT in (one, other) and "" not in (one, other))


def _is_prefix(path: str) -> bool:
    return path.endswith("*")
