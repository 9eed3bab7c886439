"""Cron expressions, ticks and windows."""
