"""Event Hubs: how far readers are, by their checkpoints."""
