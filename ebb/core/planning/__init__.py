"""How many executions a backlog deserves and how long to wait: pure, each answer with its reason."""

from ebb.core.decision import Decision, Wait
from ebb.core.planning.executions import executions_wanted, plan, plan_several
from ebb.core.planning.keda import Demand, combine_backlogs
from ebb.core.planning.waits import error_wait, next_wait, outage_wait

__all__ = [
    "Decision",
    "Demand",
    "Wait",
    "combine_backlogs",
    "error_wait",
    "executions_wanted",
    "next_wait",
    "outage_wait",
    "plan",
    "plan_several",
]
