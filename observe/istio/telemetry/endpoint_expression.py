"""The CEL expression that names the operation of a request, for Istio's metrics.

istiod does not read it: a proxy leaves the label out when it cannot parse the expression, and refuses the listener
when it finds an unknown function in it (envoy `contrib/istio/filters/http/istio_stats`). So it uses little of CEL.
A request of which it cannot be worked out, since it has no path, is counted as `unknown` there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from observe.istio.traffic.path_templates import path_regex
from observe.telemetry import OTHER_ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observe.model import Endpoint

MOST_OPERATIONS: Final = 24
"""Operations that are told apart; the rest counts as `other`. Each multiplies the service's request series. And each is
a question within the one before: the CEL in Envoy 1.39 parses 27 so, before it says `Exceeded max recursion depth`."""


def endpoint_expression(endpoints: Iterable[Endpoint]) -> str:
    """The title of the operation that a request is, or `other`.

    Paths without placeholders come first, as in the routes: `/orders/new` is no order number.
    """
    known = sorted(tuple(endpoints)[:MOST_OPERATIONS], key=lambda endpoint: (endpoint.path or "").count("{"))
    named = (f"{_is(endpoint)} ? {_text(endpoint.title)} : " for endpoint in known)
    return "".join(named) + _text(OTHER_ENDPOINT)


def _is(endpoint: Endpoint) -> str:
    if endpoint.grpc:
        return f"request.url_path == {_text(f'/{endpoint.grpc}')}"
    path, of_method = endpoint.path or "/", f"request.method == {_text(endpoint.method or '')} && request.url_path"
    if "{" not in path:
        return f"{of_method} == {_text(path)}"
    # Proxies compile the expression of `matches` anew for every request: only for those that it may fit.
    prefix = path.partition("{")[0]
    return f"{of_method}.startsWith({_text(prefix)}) && request.url_path.matches({_text(f'^{path_regex(path)}$')})"


def _text(value: str) -> str:
    """A CEL string: JSON's escapes are a part of CEL's."""
    return json.dumps(value, ensure_ascii=False)
