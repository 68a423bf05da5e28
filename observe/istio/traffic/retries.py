"""Which failures may be tried again. Istio has no method filter for retries, so routes are split by method instead.

Sources: istio/api `virtual_service.proto` (HTTPRetry), istio `agent/validation.go` (accepted conditions; no blanks
after commas), envoy `router_filter.rst` (what each condition covers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.model import format_duration
from observe.provenance import Sourced

if TYPE_CHECKING:
    from observe.istio.metadata import Manifest
    from observe.policy import RoutePolicy

ANY_METHOD: Final = "connect-failure,refused-stream,reset-before-request"
"""The request never reached the application: safe for every method, POST included."""

IDEMPOTENT: Final = "connect-failure,refused-stream,reset,gateway-error"
"""May have been processed: only for requests that can be sent twice. `reset` also covers a try that timed out;
without it a per-try timeout ends the request with 504 instead of being tried again."""

IDEMPOTENT_GRPC: Final = "connect-failure,refused-stream,reset,unavailable"
"""The same for gRPC, whose failures are answers of 200: `unavailable` is a status in the headers of the answer."""


def retries(policy: RoutePolicy, conditions: Sourced[str]) -> Manifest:
    """The `retries` of a route. Attempts 0 stand alone: with conditions Istio's validation refuses them.

    Where a timed-out try is not tried again, a per-try timeout would only shorten the request, so there is none.
    """
    block: Manifest = {"attempts": policy.attempts}
    if policy.attempts.value == 0:
        return block
    limit = policy.per_try_timeout
    if conditions.value != ANY_METHOD and limit:
        block["perTryTimeout"] = Sourced(format_duration(limit.value), limit.origin)
    block["retryOn"] = conditions
    return block
