"""Templates: their text, structure, parameters, functions and dependencies. No resource type, no effects."""
