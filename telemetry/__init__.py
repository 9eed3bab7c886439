"""What Ebb measures of itself, by OpenTelemetry. Off unless the app setting `EbbTelemetry` says otherwise."""
