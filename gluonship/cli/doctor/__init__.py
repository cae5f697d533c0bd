"""The container contract, replayed against an artifact or an endpoint."""
