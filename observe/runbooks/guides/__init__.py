"""What each alert means, whatever the service: one module per family, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.runbooks.guides.failures import FAILURES
from observe.runbooks.guides.platform import PLATFORM
from observe.runbooks.guides.presence import PRESENCE
from observe.runbooks.guides.resilience import RESILIENCE
from observe.runbooks.guides.security import SECURITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.naming import AlertName
    from observe.runbooks.guides.guide import Guide

GUIDES: Final[Mapping[AlertName, Guide]] = {**FAILURES, **PRESENCE, **RESILIENCE, **SECURITY, **PLATFORM}
"""In the order of the alerts' own list."""
