"""EventBridge: what happens in this cloud, to the targets of the rules that match; and schedules."""
