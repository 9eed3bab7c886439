"""Queues of Azure Storage as a source."""
