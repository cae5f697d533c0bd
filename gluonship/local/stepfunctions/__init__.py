"""Step Functions: moto's interpreter of the states language, with tasks that really run."""
