"""The app, the storage emulator and what feeds them on one machine: what `python3 dev.py` runs."""
