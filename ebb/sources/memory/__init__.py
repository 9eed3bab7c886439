"""A source in this process's memory, for tests and simulations."""
