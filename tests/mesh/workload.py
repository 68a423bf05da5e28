"""What runs in the mesh, as values: a workload, its ports and replicas, and the objects that make them known.

A replica is what a Pod is in a cluster. Here it is a WorkloadEntry on a loopback address of its own, because
there is no kubelet, and its Sidecar binds that address, because there is no iptables that would catch traffic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Manifest: TypeAlias = Mapping[str, Any]

HTTP = 8000
"""The usual port of a Service here."""
UNPRIVILEGED = 1024
REPLICA_LABEL = "statefulset.kubernetes.io/pod-name"
"""Tells replicas apart, as it does in a StatefulSet: each needs a Sidecar of its own."""
TAKEN_OVER = ("outboundTrafficPolicy", "inboundConnectionPool")
"""What a replica's Sidecar takes over whole from the one that was generated for its workload."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a Service, and of the containers behind it."""

    number: int = HTTP
    """The callers' proxies listen on it, so it must not be one of those that only root may take, such as 80."""
    target: int = 8080
    protocol: str = "http"
    """`http` or `grpc`; also the port's name, from which Istio takes the protocol."""

    def __post_init__(self) -> None:
        if min(self.number, self.target) < UNPRIVILEGED:
            raise ValueError(f"{self}: ports below {UNPRIVILEGED} need root, and a test run does not")


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment with its Service and its account; without ports it only calls others."""

    namespace: str
    name: str
    """Of the Service, of the account, and the value of the label `app`."""
    ports: tuple[Port, ...] = (Port(),)
    replicas: int = 1
    proxy_config: Mapping[str, Any] = field(default_factory=dict)
    """As in the annotation `proxy.istio.io/config`: each field replaces that of the mesh's `defaultConfig`."""

    @property
    def host(self) -> str:
        return f"{self.name}.{self.namespace}.svc.cluster.local"

    @property
    def principal(self) -> str:
        """The identity in its certificates, as an AuthorizationPolicy writes it."""
        return f"cluster.local/ns/{self.namespace}/sa/{self.name}"


@dataclass(frozen=True, slots=True)
class Replica:
    """One of a workload's, at loopback addresses where nothing else listens."""

    workload: Workload
    index: int
    address: str
    """Where its proxy takes what is sent to it: what the Pod's address is in a cluster."""
    egress: str
    """Where its proxy takes what the application sends. Both sides may have the same port, so it is another."""
    backends: Mapping[int, int]
    """From the port of the container to the port on 127.0.0.1 where the backend really is."""

    @property
    def name(self) -> str:
        return f"{self.workload.name}-{self.index}"

    @property
    def labels(self) -> dict[str, str]:
        return {"app": self.workload.name, REPLICA_LABEL: self.name}


def objects(workload: Workload) -> tuple[Manifest, ...]:
    """Its account, and its Service if it has ports."""
    metadata = {"name": workload.name, "namespace": workload.namespace}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    ports = [{"name": port.protocol, "port": port.number, "targetPort": port.target} for port in workload.ports]
    spec = {"selector": {"app": workload.name}, "ports": ports}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    return (account, service) if ports else (account,)


def workload_entry(replica: Replica) -> Manifest:
    """What a Pod is to istiod: an address with labels and an account, that speaks Istio's mutual TLS."""
    workload = replica.workload
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": {"name": replica.name, "namespace": workload.namespace},
        "spec": {
            "address": replica.address,
            "labels": {**replica.labels, "security.istio.io/tlsMode": "istio"},
            "serviceAccount": workload.name,
        },
    }


def sidecar(replica: Replica, generated: Manifest | None = None) -> Manifest:
    """The Sidecar of one replica, which lets its proxy work without iptables.

    From the Sidecar that was `generated` for its workload it takes over the hosts of egress,
    `outboundTrafficPolicy` and `inboundConnectionPool`. What is different from a cluster:

    - Inbound: a listener on the replica's address for each port, instead of one listener on 15006 that catches all.
      Policies see the same ports and peers. A port that is not a workload's own is not reachable at all, rather
      than passed through. The inbound cluster leads to the backend's port, and its name is the same.
    - Outbound: a listener on the replica's `egress` address for each port from 1024 of the services in sight, with
      the same routes and clusters. The application connects to it and names the service in `Host`, instead of
      resolving the address of a Service. There is no catch-all, so `outboundTrafficPolicy` shows only in what
      becomes of unknown hosts of HTTP.
    - Ingress and egress listeners of a generated Sidecar itself are not looked at, except for the egress hosts.
    """
    spec = generated["spec"] if generated else {}
    hosts = [host for egress in spec.get("egress", ()) for host in egress["hosts"]]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Sidecar",
        "metadata": {"name": replica.name, "namespace": replica.workload.namespace},
        "spec": {
            **{name: spec[name] for name in TAKEN_OVER if name in spec},
            "workloadSelector": {"labels": replica.labels},
            "ingress": [ingress(port, replica) for port in replica.workload.ports],
            "egress": [{"hosts": hosts or ["*/*"], "bind": replica.egress, "captureMode": "NONE"}],
        },
    }


def sidecar_of(replica: Replica, sidecars: Iterable[Manifest]) -> Manifest | None:
    """Which of these Sidecars Istio would choose for a Pod: one that selects it, else one for its namespace."""
    own = [one for one in sidecars if one["metadata"]["namespace"] == replica.workload.namespace]
    selectors = [(one, one["spec"].get("workloadSelector", {}).get("labels", {})) for one in own]
    fitting = [(one, labels) for one, labels in selectors if labels.items() <= replica.labels.items()]
    return max(fitting, key=lambda found: bool(found[1]), default=(None, {}))[0]


def ingress(port: Port, replica: Replica) -> dict[str, Any]:
    return {
        "port": {"number": port.target, "protocol": port.protocol.upper(), "name": port.protocol},
        "bind": replica.address,
        "captureMode": "NONE",
        "defaultEndpoint": f"127.0.0.1:{replica.backends[port.target]}",
    }
