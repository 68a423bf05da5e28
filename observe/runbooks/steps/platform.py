"""Steps for the mesh as a whole: its telemetry, certificates and control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.istio.install import Fleet
from observe.istio.install.sizing import istiod_replicas
from observe.promql import Aggregation, Binary, Function, Matcher, Number, Selector, sum_by
from observe.runbooks import istioctl
from observe.runbooks.step import ask, change, note, run
from observe.signals.platform import WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from observe.model import Inventory, Mesh
    from observe.naming import AlertName
    from observe.runbooks.step import Step
    from observe.signals import Catalogue

FINGERPRINT: Final = "openssl x509 -noout -fingerprint -enddate"
PUSH_TRIGGERS: Final = "pilot_push_triggers"
"""By `type`, which is the reason (istio `pilot/pkg/xds/monitoring.go`). Asked only by people, so nothing records it."""


def telemetry_lost(inventory: Inventory, signals: Catalogue) -> Iterator[Step]:
    mesh = inventory.mesh
    yield ask(
        mesh,
        "**What does Prometheus read at all?** Targets by job that answer. None: Prometheus itself, or its discovery.",
        Aggregation("count", ("job",), Binary("==", Selector(telemetry.UP), Number(1))),
    )
    yield ask(
        mesh,
        "**Do the proxies' targets fail, or are they gone?** Targets that fail, by job. No line: nobody looks for "
        "them.",
        Aggregation("count", ("job",), Binary("==", Selector(telemetry.UP), Number(0))),
    )
    yield run(
        "**Who tells Prometheus what to read?** A PodMonitor that was deleted, or that the operator does not select.",
        f"kubectl -n {mesh.prometheus.namespace} get pods,podmonitors,servicemonitors",
        f"kubectl -n {mesh.prometheus.namespace} get events --field-selector type=Warning --sort-by=.lastTimestamp",
    )
    yield run("**Are the proxies there?** If istiod knows them, they are, and only telemetry is lost.", _proxies(mesh))
    yield ask(mesh, "**Back to normal:** as many proxies as before.", signals.presence.mesh.where())


def workload_certificates(inventory: Inventory, signals: Catalogue) -> Iterator[Step]:
    mesh = inventory.mesh
    root = mesh.root_namespace
    yield ask(
        mesh,
        "**Which pods?** Seconds that are left, the shortest first. One pod: its agent. A namespace: its network. "
        "All: istiod.",
        Aggregation("bottomk", (), signals.certificates.workloads.where(), Number(10)),
    )
    yield run(
        "**Does istiod sign?** Its log names whom it refuses (`CSR`, `authentication failure`) and why.",
        f"kubectl -n {root} get pods -l {_labels(mesh)} -o wide",
        _log(mesh, "1h", "grep -iE 'csr|authenticat|sign'"),
    )
    yield note(
        f"""
        **Does the pod reach istiod?** Its agent says so in the log of `istio-proxy`, in lines with `sds` and `ca`:
        a refused or timed-out connection to `{_istiod(mesh)}.{root}.svc:15012` is a NetworkPolicy, DNS, or istiod.
        An expired token is a clock, or a kubelet that does not renew it.
        """
    )
    yield note(
        "**Restart the pods that are left with a short one,** a workload at a time: a new pod asks for a new "
        "certificate when it starts. If the new pod gets none either, it does not become ready, so go on only when "
        "the first one is."
    )


def authority(inventory: Inventory, signals: Catalogue) -> Iterator[Step]:
    mesh = inventory.mesh
    root = mesh.root_namespace
    secrets = (("cacerts", "ca-cert.pem"), ("cacerts", "root-cert.pem"), ("istio-ca-secret", "ca-cert.pem"))
    yield ask(
        mesh,
        "**Which certificate, and when?** Days that are left.",
        Binary("/", signals.certificates.authority.where(), Number(86_400)),
    )
    yield run(
        """
        **Whose CA is it?** With a Secret `cacerts` it is yours (plugged in). With `istio-ca-secret` alone it is
        istiod's own, which holds ten years and is renewed by istiod itself when a fifth of that is left: then this
        alert says that the renewal fails, and istiod's log why.
        """,
        f"kubectl -n {root} get secrets cacerts istio-ca-secret --ignore-not-found",
        *(_end(root, secret, key) for secret, key in secrets),
        _log(mesh, "24h", "grep -iE 'rootcertrotator|cacerts|root-ca'"),
    )
    yield change(
        """
        **A plugged-in intermediate (`chain`) ends, the root holds:** sign a new one with the same root, and put it
        into the Secret, from a folder with the four files.
        """,
        f"kubectl -n {root} create secret generic cacerts --from-file=ca-cert.pem --from-file=ca-key.pem "
        "--from-file=root-cert.pem --from-file=cert-chain.pem --dry-run=client -o yaml | kubectl apply -f -",
    )
    yield run(
        """
        istiod reads the files again by itself, within the minutes that the kubelet takes, and says so. Workloads get
        certificates of the new chain as theirs are renewed, within 12 hours; nothing is restarted.
        """,
        _log(mesh, "10m", "grep -F 'newly added intermediate'"),
    )
    yield run(
        """
        **The root itself ends:** never exchange it in one step, or half of the mesh refuses the other half. Write
        the new root behind the old one in `root-cert.pem`, and wait until every proxy trusts both; then sign with the
        new one, and wait for 24 hours, until no certificate of the old one is left; then take the old root away. istiod
        takes a changed root without a restart only where `ISTIO_MULTIROOT_MESH` is on (its log says `Multi root is
        disabled`); otherwise restart it after each step. What the namespaces are given as root:
        """,
        "kubectl get configmaps -A --field-selector metadata.name=istio-ca-root-cert",
    )
    yield change("Where it does not take a changed root by itself:", _restart(mesh))


def control_plane_down(inventory: Inventory, signals: Catalogue) -> Iterator[Step]:  # noqa: ARG001 - the shape of all
    mesh = inventory.mesh
    root = mesh.root_namespace
    yield run(
        "**Is it down, or only not read?** Pods that are ready and an API that answers: only Prometheus does not see "
        "it.",
        f"kubectl -n {root} get pods -l {_labels(mesh)} -o wide",
        f"kubectl -n {root} get endpointslices -l kubernetes.io/service-name={_istiod(mesh)}",
        "istioctl version --short",
    )
    yield ask(
        mesh,
        "**What does Prometheus say?** 0: its target fails. No answer: no target has this `job`, which is "
        "`mesh.prometheus.istiod_job` in the inventory.",
        Selector(telemetry.UP, (Matcher("job", "=", mesh.prometheus.istiod_job),)),
    )
    yield run(
        "**Why does it not run?** Memory (`OOMKilled`), a certificate that it cannot read, an API server that it "
        "cannot reach, no room on the nodes.",
        f"kubectl -n {root} describe pods -l {_labels(mesh)}",
        f"kubectl -n {root} logs -l {_labels(mesh)} --previous --tail=50 --prefix --ignore-errors",
        f"kubectl -n {root} get events --field-selector type=Warning --sort-by=.lastTimestamp",
    )
    yield change("**Since a change of the installation:** go back.", _undo(mesh))
    yield change("**Otherwise** have its pods made anew.", _restart(mesh))
    yield note(
        "**Meanwhile:** stop roll-outs, scaling down, node drains and publishes: what is not changed goes on. New "
        "pods are refused or stay without a sidecar, and Istio's objects cannot be written while its webhook does not "
        "answer."
    )


def rejected(inventory: Inventory, signals: Catalogue) -> Iterator[Step]:
    mesh = inventory.mesh
    yield ask(
        mesh,
        "**Of which type?** `cds` clusters, `eds` endpoints, `lds` listeners, `rds` routes.",
        signals.control_plane.rejects.where(),
    )
    yield run(
        "**Which proxies, and what do they dislike?** istiod logs every rejection with the proxy and Envoy's words.",
        _log(mesh, "30m", "grep -F 'ACK ERROR'"),
        _proxies(mesh),
    )
    yield run(
        "**Which object?** EnvoyFilters first: Istio does not check what they write. Then what was published last.",
        "kubectl get envoyfilters -A --sort-by=.metadata.creationTimestamp",
        "istioctl analyze -A",
    )
    yield note(
        "**Take it back.** Undo the last publish of the named object; proxies take the next push at once, and the "
        "alert ends ten minutes later."
    )


def push_failing(inventory: Inventory, signals: Catalogue) -> Iterator[Step]:
    mesh = inventory.mesh
    yield ask(
        mesh,
        "**Building or sending?** `builderr`: istiod cannot make it, look at objects. `senderr`: the proxy is slow "
        "or gone; a few during roll-outs are normal.",
        signals.control_plane.push_errors.where(),
    )
    yield run(
        "**What does istiod say?**",
        _log(mesh, "30m", "grep -iE 'error|warn'"),
        _proxies(mesh),
    )
    yield run("**Is it short of something?**", _usage(mesh), "istioctl analyze -A")
    yield change("**If one istiod alone fails:** restart them; it is done one after the other.", _restart(mesh))


def convergence_slow(inventory: Inventory, signals: Catalogue) -> Iterator[Step]:
    mesh = inventory.mesh
    plane = signals.control_plane
    yield ask(mesh, "**Are there more pushes than usual?** Per second by type.", plane.pushes.where())
    yield ask(
        mesh,
        f"**What sets them off?** Triggers within {WINDOW}, by reason; endpoints that flap are the usual one.",
        sum_by(("type",), Function("increase", (Selector(PUSH_TRIGGERS, (), WINDOW),))),
    )
    yield ask(mesh, "**More proxies than before?** Connected now.", plane.proxies.where())
    yield run(
        "**Is it short of CPU?** A throttled istiod is slow.",
        _usage(mesh),
        f"kubectl -n {mesh.root_namespace} get horizontalpodautoscalers",
    )
    yield change(
        "**Give it more instances,** by the minimum of its autoscaler where there is one, and declare "
        "`mesh.installation.control_plane_replicas`. Proxies stay where they are connected: the new ones take load "
        "as connections end, every 30 minutes.",
        f"kubectl -n {mesh.root_namespace} scale deployment/{_istiod(mesh)} --replicas={_more(inventory)}",
    )
    yield note(
        "**Tomorrow:** `mesh.egress_scope: declared` keeps each proxy's configuration to what it calls; without it "
        "every change goes to every proxy."
    )


def injection_failing(inventory: Inventory, signals: Catalogue) -> Iterator[Step]:
    mesh = inventory.mesh
    yield ask(mesh, "**Still going on?** Pods within ten minutes.", signals.control_plane.injection_failures.where())
    yield run(
        "**Which pods, and why?** The events of ReplicaSets carry the webhook's words.",
        "kubectl get events -A --field-selector reason=FailedCreate --sort-by=.lastTimestamp",
        _log(mesh, "30m", "grep -i inject"),
    )
    yield run(
        "**Does the webhook trust the CA that istiod has?** Both fingerprints are to be the same. istiod writes the "
        "first when it starts; whatever else does, such as a GitOps tool that puts an empty one back, breaks "
        "injection.",
        f"kubectl get mutatingwebhookconfigurations -l app=sidecar-injector{_revision(mesh)} -o "
        f"jsonpath='{{.items[0].webhooks[0].clientConfig.caBundle}}' | base64 -d | {FINGERPRINT}",
        f"kubectl -n {mesh.root_namespace} get configmap istio-ca-root-cert -o jsonpath='{{.data.root-cert\\.pem}}' "
        f"| {FINGERPRINT}",
        "istioctl analyze -A",
    )
    yield change("**The fingerprints differ:** restart istiod.", _restart(mesh))
    yield change("**Since a change of the installation** the template may be wrong: go back.", _undo(mesh))


STEPS: Final[Mapping[AlertName, Callable[[Inventory, Catalogue], Iterator[Step]]]] = {
    "MeshTelemetryLost": telemetry_lost,
    "MeshWorkloadCertificateExpiring": workload_certificates,
    "MeshCaCertificateExpiring": authority,
    "ControlPlaneDown": control_plane_down,
    "ControlPlaneConfigurationRejected": rejected,
    "ControlPlanePushFailing": push_failing,
    "ControlPlaneConvergenceSlow": convergence_slow,
    "SidecarInjectionFailing": injection_failing,
}


def _istiod(mesh: Mesh) -> str:
    """Istiod's Deployment and Service: with its revision where it has one (istio `istio-discovery` chart)."""
    return "-".join(filter(None, ("istiod", mesh.installation.revision)))


def _labels(mesh: Mesh) -> str:
    return f"app=istiod{_revision(mesh)}"


def _revision(mesh: Mesh) -> str:
    return f",istio.io/rev={mesh.installation.revision}" if mesh.installation.revision else ""


def _log(mesh: Mesh, since: str, search: str) -> str:
    """The last lines of all istiods that a search finds."""
    logs = f"kubectl -n {mesh.root_namespace} logs -l {_labels(mesh)} --since={since} --tail=-1 --prefix"
    return f"{logs} | {search} | tail -20"


def _restart(mesh: Mesh) -> str:
    return f"kubectl -n {mesh.root_namespace} rollout restart deployment/{_istiod(mesh)}"


def _undo(mesh: Mesh) -> str:
    return f"kubectl -n {mesh.root_namespace} rollout undo deployment/{_istiod(mesh)}"


def _usage(mesh: Mesh) -> str:
    return f"kubectl -n {mesh.root_namespace} top pods -l {_labels(mesh)}"


def _proxies(mesh: Mesh) -> str:
    return istioctl.synchronised(mesh)


def _more(inventory: Inventory) -> int:
    """One and a half times the fewest that the installation asks for."""
    fewest = inventory.mesh.installation.control_plane_replicas or istiod_replicas(Fleet(inventory))
    return fewest + max(1, fewest // 2)


def _end(namespace: str, secret: str, key: str) -> str:
    """When a certificate in a Secret ends; nothing where there is none."""
    path = key.replace(".", r"\.")
    got = f"kubectl -n {namespace} get secret {secret} --ignore-not-found -o jsonpath='{{.data.{path}}}'"
    return f"{got} | base64 -d | openssl x509 -noout -subject -enddate 2> /dev/null"
