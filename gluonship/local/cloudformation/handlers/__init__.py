"""CloudFormation's operations, one module a group. Each method is a contracts.Handler."""
