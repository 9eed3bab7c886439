"""What has no mapping, and values that only the running app knows."""

import os

import azure.functions as func

app = func.FunctionApp()


@app.timer_trigger("timer", "0 */5 * * * *")
def each_five_minutes(timer: func.TimerRequest) -> None:
    """A timer that fits no window of KEDA's cron scaler."""


@app.sql_trigger(arg_name="changes", table_name="orders", connection_string_setting="Database")
def on_row(changes: str) -> None:
    """A trigger without a row on the mapping page."""


@app.queue_trigger(arg_name="msg", queue_name=os.environ.get("QUEUE", "jobs"), connection="AzureWebJobsStorage")
def take_job(msg: func.QueueMessage) -> None:
    """A queue whose name is not a constant."""


@app.blob_trigger(arg_name="blob", path="drop/{name}", connection="AzureWebJobsStorage")
def on_drop(blob: func.InputStream) -> None:
    """A blob trigger that polls."""
