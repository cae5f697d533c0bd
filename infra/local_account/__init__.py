"""The whole account on a local cloud: deployed by the unmodified CDK command, used once, and taken away."""
