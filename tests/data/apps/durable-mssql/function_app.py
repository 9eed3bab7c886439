"""Orchestrator, activity and entity, for a backend chosen in host.json."""

import azure.durable_functions as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def flow(context: df.DurableOrchestrationContext):
    """Durable."""
    return (yield context.call_activity("step", None))


@app.activity_trigger(input_name="given")
def step(given: str) -> str:
    """Durable."""
    return given


@app.entity_trigger(context_name="context")
def counter(context: df.DurableEntityContext) -> None:
    """Durable."""
