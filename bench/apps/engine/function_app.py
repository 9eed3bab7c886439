"""The orchestrations that bench/devhost.py measures, as a Durable Python v2 app."""

import azure.durable_functions as df

app = df.DFApp()


@app.function_name("noop")
@app.activity_trigger(input_name="number")
async def noop(number: int) -> int:
    return number


@app.function_name("sequence")
@app.orchestration_trigger(context_name="context")
def sequence(context: df.DurableOrchestrationContext):
    for number in range(context.get_input()):
        yield context.call_activity("noop", number)


@app.function_name("fan_out")
@app.orchestration_trigger(context_name="context")
def fan_out(context: df.DurableOrchestrationContext):
    results = yield context.task_all([context.call_activity("noop", number) for number in range(context.get_input())])
    return len(results)


@app.function_name("cycles")
@app.orchestration_trigger(context_name="context")
def cycles(context: df.DurableOrchestrationContext):
    left = context.get_input()
    yield context.call_activity("noop", left)
    if left > 1:
        context.continue_as_new(left - 1)
