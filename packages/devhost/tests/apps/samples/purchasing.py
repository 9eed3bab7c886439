"""Human interaction: a purchase waits for an approval, is escalated after a while, and pays with retries."""

from datetime import timedelta

import azure.durable_functions as df

purchasing = df.Blueprint()
payments: dict[str, int] = {}


class Order:
    """What is bought; it brings its own JSON, as the SDK asks of classes that cross activities."""

    def __init__(self, item: str, cost: int) -> None:
        self.item, self.cost = item, cost

    @staticmethod
    def to_json(order: "Order") -> dict:
        return {"item": order.item, "cost": order.cost}

    @staticmethod
    def from_json(data: dict) -> "Order":
        return Order(data["item"], data["cost"])


@purchasing.orchestration_trigger(context_name="context")
def purchase(context: df.DurableOrchestrationContext):
    given = context.get_input()
    order = yield context.call_activity("prepare", given)
    if order.cost >= 1000:
        deadline = context.create_timer(context.current_utc_datetime + timedelta(hours=24))
        approval = context.wait_for_external_event("approval")
        winner = yield context.task_any([approval, deadline])
        if winner == deadline:
            return f"{order.item}: nobody approved"
        deadline.cancel()
    options = df.RetryOptions(first_retry_interval_in_milliseconds=1000, max_number_of_attempts=4)
    receipt = yield context.call_activity_with_retry("pay", options, order)
    return f"{order.item}: {receipt}"


@purchasing.activity_trigger(input_name="given")
def prepare(given: dict) -> Order:
    return Order(given["item"], given["cost"])


@purchasing.activity_trigger(input_name="order")
def pay(order: Order) -> str:
    payments[order.item] = payments.get(order.item, 0) + 1
    if payments[order.item] < 3:
        raise ConnectionError("the bank is away")
    return f"paid {order.cost} at attempt {payments[order.item]}"
