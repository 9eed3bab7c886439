"""Functions of brokers."""

import azure.functions as func

bp = func.Blueprint()


@bp.service_bus_queue_trigger(arg_name="msg", queue_name="bills", connection="Bus")
def take_bill(msg: func.ServiceBusMessage) -> None:
    """Service Bus, single dispatch."""


@bp.service_bus_topic_trigger(
    arg_name="msg", topic_name="news", subscription_name="mine", connection="Bus", is_sessions_enabled=True
)
def take_news(msg: func.ServiceBusMessage) -> None:
    """Service Bus, sessions."""


@bp.function_name("take_rabbit")
@bp.generic_trigger(arg_name="msg", type="rabbitMQTrigger", queue_name="burrow", connection_string_setting="Rabbit")
def rabbit(msg: str) -> None:
    """RabbitMQ."""
