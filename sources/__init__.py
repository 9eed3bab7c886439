"""Where messages wait: one module a source, all with the contract of `sources.base`."""
