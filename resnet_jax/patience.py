"""Early stopping: how long a run has waited for a better evaluation."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Waiting:
    """The best score so far, and the evaluations since; saved with every checkpoint.

    Attributes:
        best: the score, None where there was none yet.
        step: where it was.
        evaluations: how many came after it, none of them better.
    """

    best: float | None = None
    step: int = 0
    evaluations: int = 0

    def after(self, step: int, score: float, sign: str) -> "Waiting":
        """After one more evaluation.

        Args:
            step: its step.
            score: the metric of config.best; nan is never better.
            sign: 'max' or 'min'.
        """
        if self.best is None:
            better = not math.isnan(score)
        else:
            better = score > self.best if sign == "max" else score < self.best
        if better:
            return Waiting(score, step)
        return dataclasses.replace(self, evaluations=self.evaluations + 1)
