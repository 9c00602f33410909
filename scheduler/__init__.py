"""The scheduler decides what is due, what may start and what needs repair; it talks to no vendor."""
