"""The command line of Ebb, and what `dev.py` needs to run the app on one machine. Not part of the deployed app."""
