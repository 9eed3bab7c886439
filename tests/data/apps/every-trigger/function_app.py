"""One function for each row of the mapping page, with nothing set: the defaults of both sides come out."""

import azure.durable_functions as df
import azure.functions as func

from settings import ORDERS
from messaging import bp as messaging
import streams

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(messaging)
app.register_functions(streams.bp)


@app.queue_trigger(arg_name="msg", queue_name=ORDERS, connection="OrdersStorage")
def take_order(msg: func.QueueMessage) -> None:
    """Storage queue."""


@app.cosmos_db_trigger(
    arg_name="documents", connection="Cosmos", database_name="shop", container_name="items", lease_container_name="leases"
)
def on_change(documents: func.DocumentList) -> None:
    """Cosmos DB."""


@app.route("orders/{id}", methods=["GET"])
def get_order(req: func.HttpRequest) -> func.HttpResponse:
    """HTTP."""
    return func.HttpResponse("")


@app.blob_trigger(arg_name="blob", path="pictures/{name}", connection="PictureStorage", source=func.BlobSource.EVENT_GRID)
def on_picture(blob: func.InputStream) -> None:
    """Blob."""


@app.event_grid_trigger(arg_name="event")
def on_event(event: func.EventGridEvent) -> None:
    """Event Grid."""


@app.timer_trigger(arg_name="timer", schedule="0 30 6 * * *")
def each_morning(timer: func.TimerRequest) -> None:
    """Timer."""


@app.orchestration_trigger(context_name="context")
def flow(context: df.DurableOrchestrationContext):
    """Durable."""
    return (yield context.call_activity("step", None))


@app.activity_trigger(input_name="given")
def step(given: str) -> str:
    """Durable."""
    return given
