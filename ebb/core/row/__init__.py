"""The row of a schedule and the rules over it: intents, check-ins, the fence, the watchdog's judgement."""
