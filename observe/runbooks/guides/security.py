"""Encryption, authorization and egress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.runbooks.guides.guide import Guide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observe.naming import AlertName

_COUNTED: Final = """\
Only the callee's reports are counted: the caller's never know whether it was encrypted. Requests and TCP connections
are counted apart, and the lower share counts. For a service with a declared exception only callers with a proxy
count."""

SECURITY: Final[Mapping[AlertName, Guide]] = {
    "ServiceMtlsCoverageLow": Guide(
        meaning=f"Plaintext reaches the service, and more of it than a twentieth.\n\n{_COUNTED}",
        impact="""\
Requests travel unencrypted and without an identity. Turning to STRICT now would cut those callers off.""",
        misleads="""\
- **Quiet** for what STRICT refuses: that never arrives. Such callers fail instead.
- **Quiet** with few requests, and for ports that go past the proxy (`excluded_ports`).
- **Fires** for health checks and scrapers without a proxy that nobody declared.""",
        now="""\
1. A declared caller lost its proxy: restart its workload once injection works (see SidecarInjectionFailing).
2. `unknown`: find the job or host; it is not urgent unless nobody knows it.
3. Nothing is to be switched tonight: neither to STRICT nor to PERMISSIVE.""",
        later="""\
Declare who cannot join the mesh, with the reason, below `external_callers` and `mtls`. Then a day without plaintext
means that STRICT is safe.""",
    ),
    "ServicePlaintextCaller": Guide(
        meaning=f"""\
Plaintext arrives where there must be none: the service is STRICT, or had a whole day without any and was ready for
it.

{_COUNTED}""",
        impact="""\
Under STRICT the policy is not in force: encryption and identities are not enforced for this service. Before STRICT: a
step back, and the caller would be cut off.""",
        misleads="""\
- **Fires** under STRICT only when another policy holds, such as one of somebody else for the same pods or port.
- **Quiet** for a service that never had a day without plaintext: ServiceMtlsCoverageLow watches it.
- A job that runs once a month is no longer within the day that is looked back.""",
        now="""\
1. Under STRICT: find the policy that is in force instead, and take it away.
2. Otherwise: find the caller. A new one without a proxy, or an old one that lost it.""",
        later="With `default_deny` and STRICT for the namespace a new workload cannot begin in plaintext.",
    ),
    "ServiceRequestsDenied": Guide(
        meaning="""\
The service's authorization policies refuse requests: HTTP 403, gRPC status 7, or a closed connection.""",
        impact="That caller does not get through. If it should, its users are hurt; if not, the policy does its work.",
        misleads="""\
- **Fires** for attacks and scanners alike: then nothing is broken.
- **Fires** after a publish whose inventory lacks a caller that there is.
- **Quiet** in ambient, where the proxies' counters do not tell, and for policies in dry run.
- A refusal by the application itself (its own 403) is not counted here, but stands among the callers' 403.""",
        now="""\
1. A caller that should be admitted, since the last publish: undo that publish, or declare the call.
2. A caller with another service account than the inventory says: correct one of the two.
3. A stranger: leave it refused, and tell security.""",
        later="`authorization: dry-run` shows whom a policy would refuse before it does.",
    ),
    "ServiceEgressBlocked": Guide(
        meaning="""\
The service calls hosts that nobody declared, and the mesh refuses them (`REGISTRY_ONLY`): HTTP 502, or a closed
connection.""",
        impact="What the service needs from there does not work. Or somebody tries to send something out.",
        misleads="""\
- **Fires** for update checks, telemetry of libraries and cloud metadata: declare or turn off.
- **Quiet** for ports that go past the proxy, and for an `external_hosts` that is wider than needed.""",
        now="""\
1. Since a roll-out: undo it, or declare the host below `external_hosts`, and publish.
2. A host that nobody can explain: leave it blocked, keep the pod, and call security.""",
        later="A staging mesh with `REGISTRY_ONLY` finds undeclared hosts before production does.",
    ),
}
