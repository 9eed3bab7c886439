"""The dashboard: a page without a build step, served by the app itself. Its data come from the HTTP API alone."""
