"""The command `job-template`: the Container Apps job that would do a schedule's work."""
