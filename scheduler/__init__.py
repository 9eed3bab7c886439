"""Pure decisions: what a cycle does, how long it waits, and why. No I/O, no Azure import."""
