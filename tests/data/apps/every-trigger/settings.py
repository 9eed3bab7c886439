"""Names that the functions share."""

PREFIX = "shop"
ORDERS = f"{PREFIX}-orders"
