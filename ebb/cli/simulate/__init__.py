"""What-if: the real orchestrator and activities on a clock that is moved by hand, against messages in memory."""
