"""The scheduler decides what is due, may start and needs repair; it talks to no vendor."""
