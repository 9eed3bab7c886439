"""Where messages wait: a folder for each kind."""
