"""The package's own solver: steady states of generators that are never formed."""
