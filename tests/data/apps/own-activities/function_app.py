"""An app with a package `activities` and a function `health` of its own."""

import azure.functions as func

from activities.greet import greeting

app = func.FunctionApp()


@app.function_name("health")
@app.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("fine")


@app.route(route="greet/{name}")
def greet(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(greeting(req.route_params["name"]))
