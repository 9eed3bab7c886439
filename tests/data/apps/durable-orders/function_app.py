"""An app with orchestrations of its own."""

import azure.durable_functions as df
import azure.functions as func

orders = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)


@orders.route(route="orders/{number}", methods=["POST"])
@orders.durable_client_input(client_name="client")
async def begin_order(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    instance = await client.start_new("fulfil", client_input=req.route_params["number"])
    return client.create_check_status_response(req, instance)


@orders.orchestration_trigger(context_name="context")
def fulfil(context: df.DurableOrchestrationContext):
    return (yield context.call_activity("pack", context.get_input()))


@orders.activity_trigger(input_name="number")
def pack(number: str) -> str:
    return f"packed {number}"
