"""Which protocol Istio sees on a Service's port: by its `appProtocol`, else by its name, else by a guess."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from observe.model import Port, Protocol

Seen = Literal["http", "http2", "grpc", "tcp", "tls", "udp"]

_NAMES: Final[dict[str, Seen]] = {
    "http": "http",
    "http_proxy": "http",
    "http2": "http2",
    "grpc": "grpc",
    "https": "tls",
    "tls": "tls",
    "tcp": "tcp",
    "mongo": "tcp",
    "mysql": "tcp",
    "redis": "tcp",
    "udp": "udp",
}
"""What stands before the first dash (istio `pkg/config/protocol/instance.go`, `Parse`)."""

_KUBERNETES: Final[dict[str, Seen]] = {
    "kubernetes.io/h2c": "http2",
    "kubernetes.io/ws": "http",
    "kubernetes.io/wss": "tls",
}
_TCP_UNLESS_NAMED: Final = (25, 53, 3306, 27017)
"""SMTP, DNS, MySQL and MongoDB, where servers speak first or a guess would break them."""

SUITS: Final[dict[Protocol, tuple[Seen, ...]]] = {
    "http": ("http", "http2"),
    "grpc": ("grpc", "http2"),
    "tcp": ("tcp", "tls"),
}
"""What Istio may see where a protocol is declared. Encrypted bytes are bytes to it."""


def seen(port: Port) -> Seen | None:
    """What Istio takes the port's traffic for; None where it guesses by the first bytes of each connection.

    After `ConvertProtocol` in istio's `pkg/config/kube/conversion.go`.
    """
    said = port.app_protocol or port.name
    if port.app_protocol in _KUBERNETES:
        return _KUBERNETES[port.app_protocol]
    if said.lower().startswith("grpc-web"):
        return "grpc"
    found = _NAMES.get(said.lower().partition("-")[0])
    return "tcp" if found is None and port.number in _TCP_UNLESS_NAMED else found
