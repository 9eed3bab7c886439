"""The `ebb` command. Nothing that is deployed imports it."""
