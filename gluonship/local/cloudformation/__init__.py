"""CloudFormation: templates, plans and stacks, over one declaration a resource type."""
