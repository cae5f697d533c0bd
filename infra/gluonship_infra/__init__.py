"""The account as code: constructs for storage, training pipeline and endpoints, and their rules."""
