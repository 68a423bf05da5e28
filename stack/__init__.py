"""The generated pack alive on one machine: a simulated mesh, Prometheus, Alertmanager and Grafana in containers."""
