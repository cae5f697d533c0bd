"""Endpoint instances and the data plane in front of them: what runs behind an endpoint, no states."""
