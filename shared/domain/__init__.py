"""The rules, pure: no clock, no ids of its own making, no I/O."""
