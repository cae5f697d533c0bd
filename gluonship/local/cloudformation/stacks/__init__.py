"""Stacks as they are: their state, their events, and the register of them all. No effects."""
