"""Commands that talk to a running app over its HTTP API."""
