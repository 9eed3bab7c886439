"""A local host for Durable Functions apps in Python: `python -m devhost start`, or `devhost.Host` in tests."""
