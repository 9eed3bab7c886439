"""Several blueprints in one app: a monitor, a purchase that waits for a person, a counter entity, and HTTP calls."""

import azure.durable_functions as df
import azure.functions as func
from counting import counting
from monitoring import monitoring
from purchasing import purchasing

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
app.register_functions(counting)
app.register_functions(monitoring)
app.register_blueprint(purchasing)


@app.route(route="start/{name}/{id?}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    given = req.get_json() if req.get_body() else None
    instance_id = await client.start_new(req.route_params["name"], req.route_params.get("id"), given)
    return client.create_check_status_response(req, instance_id)
