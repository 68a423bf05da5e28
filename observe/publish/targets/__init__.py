"""Where a pack can be published: a directory, Grafana, a Kubernetes cluster."""
