"""A small real mesh on loopback: what `observe` generates, carried out by istiod and Envoy between tiny backends.

`mesh` puts it together from `workload` (what a Deployment, its Service and its account are), `proxy` (one
pilot-agent with its Envoy) and `backends` (the applications, which answer as the test wants).
"""
