"""How does this process learn of the rounds? Workers report each to the scheduler, which passes it on.

The callbacks run on the workers, which need none of this repository's code for them: a class that is made in a function
is sent by value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["reporter"]


def reporter(topic: str) -> Any:
    """Return a callback of XGBoost that reports rounds under a topic, and ends a training that nobody waits for."""
    import xgboost as xgb

    class Report(xgb.callback.TrainingCallback):  # type: ignore[misc]  # the library has no types
        """Report each round."""

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
            from distributed import get_worker
            from distributed.worker import thread_state
            from xgboost.collective import get_rank

            worker = get_worker()
            task = worker.state.tasks.get(thread_state.key)
            if task is None or task.state == "cancelled":  # the process that asked for it is gone
                return True
            if get_rank() == 0:
                last = {rows: {name: float(each[-1]) for name, each in of.items()} for rows, of in evals_log.items()}
                worker.log_event(topic, {"round": epoch, "values": last})
            return False

    return Report()


Heard = Callable[[int, dict[str, dict[str, float]]], None]
"""Called with the number of a round, and the metric's value for each set of rows."""
