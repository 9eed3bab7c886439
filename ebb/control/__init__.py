"""What operators, cycles and the watchdog do to a schedule."""
