"""Break the code on purpose, one line at a time, and expect the suite to notice.

Run on request: ``python -m tests.mutations [part of a name ...]``. Works on a copy of the tree.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent


class Mutation(NamedTuple):
    """One line of a file replaced by a wrong one, and the tests that must fail."""

    name: str
    file: str
    right: str
    wrong: str
    tests: str


MUTATIONS = (
    Mutation("gradient descent ascends", "olgame/learners/online_gradient_descent.py",
             "step: Any = self.step_size(", "step: Any = -self.step_size(", "tests/learners"),
    Mutation("the ball projects too far", "olgame/sets/l2_ball.py",
             "factor = self.radius / length\n", "factor = 0.9 * self.radius / length\n",
             "tests/sets"),
    Mutation("a product's reach adds up its blocks", "olgame/sets/product_set.py",
             "sum(reach * reach for reach in reaches) ** 0.5", "sum(reaches)", "tests/sets"),
    Mutation("curvature of the loss as a remainder", "olgame/losses/model_loss.py",
             "value_u + conjugate - slope * z_u",
             "value_u - self.loss.value(at.z, self.y) - slope * (z_u - at.z)",
             "tests/regret"),
    Mutation("projection gain from the projection itself", "olgame/regret/ledgers.py",
             "float(support - kernels(pulled).dot(pulled, u - start))",
             "float(kernels(pulled).dot(pulled, entry.next_point - u))", "tests/regret"),
    Mutation("half of kappa", "olgame/losses/model_loss.py",
             "namespace(slope).abs(slope) * bound", "0.5 * namespace(slope).abs(slope) * bound",
             "tests/losses"),
    Mutation("the best point is the last one", "olgame/running_sums.py",
             "better = loss < self.best_loss", "better = loss == loss", "tests/test_game.py"),
    Mutation("the hinge's slope beyond its kink", "olgame/losses/hinge.py",
             "xp.astype(s < 1, s.dtype)", "xp.astype(s < 2, s.dtype)", "tests/losses"),
    Mutation("PGD keeps the last point", "olgame/attacks/ascent.py",
             "xp.where((score > self.loss)[..., None], point, self.x)", "point", "tests/attacks"),
    Mutation("smooth certificate with the wrong end of sigma''", "olgame/certify/smooth_bound.py",
             "xp.where(c > 0, c * largest, c * least)", "xp.where(c > 0, c * least, c * largest)",
             "tests/certify"),
    Mutation("gap without half of its quadratic", "olgame/duality/quadratic_minorant.py",
             "fall = 0.25 * balls.sums(", "fall = 0.125 * balls.sums(", "tests/duality/test_gap.py"),
    Mutation("plan from binary fractions", "olgame/theory/plan.py",
             "Fraction(repr(float(value)))", "Fraction(float(value))",
             "tests/theory/test_two_layer.py"),
)  # fmt: skip


def main() -> None:
    wanted = sys.argv[1:]
    survivors = []
    for mutation in MUTATIONS:
        if wanted and not any(word in mutation.name for word in wanted):
            continue
        noticed = is_noticed(mutation)
        print(f"{'noticed ' if noticed else 'SURVIVED'}  {mutation.name}", flush=True)
        if not noticed:
            survivors.append(mutation.name)
    sys.exit(f"not noticed: {', '.join(survivors)}" if survivors else 0)


def is_noticed(mutation: Mutation) -> bool:
    """Whether the tests fail on a copy of the tree with the mutation in it."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "copy"
        ignored = shutil.ignore_patterns(".*", "runs", "_build", "*.egg-info", "__pycache__")
        shutil.copytree(ROOT, copy, ignore=ignored)
        file = copy / mutation.file
        text = file.read_text("utf-8")
        if text.count(mutation.right) == 0 or mutation.right == mutation.wrong:
            raise SystemExit(f"{mutation.name}: {mutation.file} has changed; adapt the mutation")
        file.write_text(text.replace(mutation.right, mutation.wrong), "utf-8")
        path = os.pathsep.join([str(copy), str(copy / "adapters")])
        environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, *mutation.tests.split()], cwd=copy, env=environment, capture_output=True
        )
        return done.returncode == 1


if __name__ == "__main__":
    main()
