"""Effects of a cycle: measure the backlog, process it, close the cycle."""
