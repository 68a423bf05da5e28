"""How requests reach a service: routes, breakers, versions, scopes, and hosts outside the cluster."""
