"""The app, the storage emulator and a feeder on one machine: what `python3 dev.py` runs."""
