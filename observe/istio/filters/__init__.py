"""What only an EnvoyFilter can say: faults and rate limits."""
