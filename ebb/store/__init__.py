"""What Ebb keeps: intents, fences, totals and the history of cycles."""
