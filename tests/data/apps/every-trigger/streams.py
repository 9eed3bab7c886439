"""Functions of logs and streams."""

import azure.functions as func

bp = func.Blueprint()


@bp.event_hub_message_trigger(arg_name="event", event_hub_name="clicks", connection="Hub")
def take_click(event: func.EventHubEvent) -> None:
    """Event Hubs."""


@bp.kafka_trigger(arg_name="event", topic="moves", broker_list="broker:9092", consumer_group="ebb")
def take_move(event: func.KafkaEvent) -> None:
    """Kafka."""
