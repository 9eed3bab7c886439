"""The plain periodic job: one message each cycle."""
