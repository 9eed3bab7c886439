"""A counter entity with an HTTP front: signals from requests, calls and a read from an orchestration."""

import json

import azure.durable_functions as df
import azure.functions as func

counting = df.Blueprint()


@counting.entity_trigger(context_name="context", entity_name="Counter")
def count(context: df.DurableEntityContext) -> None:
    value = context.get_state(lambda: 0)
    match context.operation_name:
        case "add":
            value += context.get_input()
        case "reset":
            value = 0
    context.set_state(value)
    context.set_result(value)


@counting.route(route="counters/{key}/{amount:int}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@counting.durable_client_input(client_name="client")
async def add(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    await client.signal_entity(df.EntityId("Counter", req.route_params["key"]), "add", int(req.route_params["amount"]))
    return func.HttpResponse(status_code=202)


@counting.route(route="counters/{key}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@counting.durable_client_input(client_name="client")
async def read(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    found = await client.read_entity_state(df.EntityId("Counter", req.route_params["key"]))
    if not found.entity_exists:
        return func.HttpResponse(status_code=404)
    return func.HttpResponse(json.dumps(found.entity_state), mimetype="application/json")


@counting.orchestration_trigger(context_name="context")
def count_up(context: df.DurableOrchestrationContext):
    entity = df.EntityId("Counter", context.get_input()["key"])
    context.signal_entity(entity, "add", 1)
    yield context.call_entity(entity, "add", 2)
    return (yield context.call_entity(entity, "get"))
