"""What the engine asks of the world around it: sources, poison places, the store and handlers, each as a protocol.

Who works with one imports it from here; what it is in this app comes from the services (`ebb/services.py`).
"""
