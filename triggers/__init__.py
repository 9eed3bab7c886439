"""How the world reaches Ebb: the HTTP API and the watchdog."""
