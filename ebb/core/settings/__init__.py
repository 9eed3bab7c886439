"""What a schedule's settings are, where they come from, and which of them fit together."""
