"""Which kinks of relu a neuron's best answer may have crossed: intervals that shrink."""

from __future__ import annotations

from typing import NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.duality.input_clusters import InputClusters
from olgame.duality.weighted_samples import WeightedSamples

__all__ = ["ClusteredInputs", "KinkIntervals", "KinkPairs", "clustered_inputs", "sums"]

PAD = 1e-9
"""Relative, and far above the rounding of what it is added to."""
_ROUNDS = 12
_SHRINKS = 0.9  # of the kinks in reach may be left after a round that is followed by another

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@attrs.frozen(eq=False)
class ClusteredInputs:
    """Inputs of nonzero coefficient, cluster by cluster.

    Attributes:
        x: x_j, shape ``(N, d)``.
        squares: norm(x_j)^2, shape ``(N,)``.
        pull: omega_j p_j, shape ``(N,)``.
        cluster: Of every input, shape ``(N,)``, increasing.
        ends: Of the clusters among the inputs, from 0 on, shape ``(C + 1,)``.
        centers: xbar, shape ``(C, d)``.
        norms: norm(xbar), rounded up, shape ``(C,)``.
        slack: The largest norm(x_j - xbar) of every cluster, rounded up, shape ``(C,)``.
        up: Sum of the positive omega_j p_j, shape ``(C,)``.
        down: Sum of the others' sizes, shape ``(C,)``.
        gram: Positive and negative parts of <xbar_k, xbar_l>; None where none is negative.
    """

    x: Floats
    squares: Floats
    pull: Floats
    cluster: Indices
    ends: Indices
    centers: Floats
    norms: Floats
    slack: Floats
    up: Floats
    down: Floats
    gram: tuple[Floats, Floats] | None

    def reached(self, up: Floats, down: Floats) -> tuple[Floats, Floats]:
        """Largest and least sum_j s_j <xbar_j, xbar_k>, s_j from -down_j to up_j; ``(k, C)``."""
        if self.gram is None:
            return (up @ self.centers) @ self.centers.T, -((down @ self.centers) @ self.centers.T)
        positive, negative = self.gram
        return up @ positive + down @ negative, -(down @ positive + up @ negative)


def clustered_inputs(
    samples: WeightedSamples, slopes: Floats, clusters: InputClusters
) -> ClusteredInputs:
    """Inputs in the order of their clusters, those of coefficient 0 left out."""
    pull = samples.weights * slopes
    kept = np.flatnonzero(pull)
    kept = kept[np.argsort(clusters.of[kept], kind="stable")]
    used, cluster, sizes = np.unique(clusters.of[kept], return_inverse=True, return_counts=True)
    x = np.concatenate([to_numpy(block).reshape(-1, samples.dim) for block in samples.blocks])[kept]
    pull, centers, count = pull[kept], clusters.centers[used], len(used)
    ends = np.append(0, np.cumsum(sizes))
    apart = np.linalg.norm(x - centers[cluster], axis=1) * (1 + PAD)
    gram = centers @ centers.T
    return ClusteredInputs(
        x=x,
        squares=(x * x).sum(axis=1),
        pull=pull,
        cluster=cluster,
        ends=ends,
        centers=centers,
        norms=np.linalg.norm(centers, axis=1) * (1 + PAD),
        slack=np.maximum.reduceat(apart, ends[:-1]) if count else np.zeros(0),
        up=sums(cluster, np.maximum(pull, 0.0), count),
        down=sums(cluster, np.maximum(-pull, 0.0), count),
        gram=None if (gram >= 0).all() else (np.maximum(gram, 0.0), np.maximum(-gram, 0.0)),
    )


class KinkPairs(NamedTuple):
    """Pairs of a neuron and an input whose kink is in reach.

    Attributes:
        row: The neuron.
        input: The input, among the clustered ones.
        z: <u0_r, x_j>.
        c: omega_j p_j b_r.
        reach: T >= t toward the kink.
        unsure: Whether z is 0 but for rounding; then T >= abs(t).
    """

    row: Indices
    input: Indices
    z: Floats
    c: Floats
    reach: Floats
    unsure: NDArray[np.bool_]

    def where(self, which: NDArray[np.bool_] | Indices) -> KinkPairs:
        """Some of them, or all in another order."""
        return KinkPairs(
            self.row[which], self.input[which], self.z[which], self.c[which],
            self.reach[which], self.unsure[which],
        )  # fmt: skip


def sums(groups: Indices, values: Floats, count: int) -> Floats:
    """Sums of the values of every group, shape ``(count,)``."""
    return np.bincount(groups, values, count).astype(np.float64)


class KinkIntervals:
    r"""Intervals for t_k = <v_r, xbar_k>, v_r a minimizer of a neuron's part less u0_r.

    As in `olgame.duality.relu_reach`, with J the kinks in reach,

        v = -(1/(2 mu)) [ q + sum_(j in J) c_j (s_j - relu'(z_j)) x_j ],

    s_j - relu'(z_j) in [0, 1] where z_j <= 0 and in [-1, 0] where z_j > 0. So
    -c_j (s_j - relu'(z_j)) is in [0, abs(c_j)] or in [-abs(c_j), 0] (in either, where the sign of
    z_j is not known), and <v, xbar_k> within sums over clusters, to which

    * x_j = xbar_l + e_j adds at most sum_j abs(c_j) norm(e_j) norm(xbar_k)/(2 mu),
    * norm(v) <= (norm(q) + sum_j abs(c_j) norm(x_j))/(2 mu), for <v, e_j>.

    Args:
        inputs: The clusters.
        hidden: u0 of k neurons, shape ``(k, d)``.
        output: Their b, shape ``(k,)``.
        q: g + 2 mu delta, shape ``(k, d)``.
        mu: Shape ``(k,)``.
    """

    def __init__(
        self, inputs: ClusteredInputs, hidden: Floats, output: Floats, q: Floats, mu: Floats
    ) -> None:
        self.inputs, self.hidden, self.output, self.mu = inputs, hidden, output, mu
        self.size = np.linalg.norm(hidden, axis=1) * (1 + PAD)
        self.q, self.q_size = q @ inputs.centers.T, np.linalg.norm(q, axis=1)
        self.high = np.full(self.q.shape, np.inf)
        self.low = -self.high
        self.length = np.full(len(mu), np.inf)  # >= norm(v)

    def _narrow(self, up: Floats, down: Floats, mass: Floats) -> None:
        """The intervals from what clusters in reach may add, ``(k, C)`` each."""
        inputs, twice = self.inputs, 2.0 * self.mu[:, None]
        most, least = inputs.reached(up, down)
        length = (self.q_size + mass @ (inputs.norms + inputs.slack)) / twice[:, 0]
        self.length = np.minimum(self.length, length * (1 + PAD))
        spread = (mass @ inputs.slack)[:, None] * inputs.norms / twice
        spread += PAD * self.length[:, None] * inputs.norms
        np.minimum(self.high, (most - self.q) / twice + spread, out=self.high)
        np.maximum(self.low, (least - self.q) / twice - spread, out=self.low)

    def pairs(self, most: int) -> KinkPairs | None:
        """Shrink, cluster by cluster and then input by input; what stays in reach.

        None where the clusters that stay hold more than ``most`` pairs: nothing shrinks.
        """
        inputs = self.inputs
        z = self.hidden @ inputs.centers.T
        known = self.size[:, None] * (inputs.slack + PAD * inputs.norms)
        on, off = z > known, z < -known
        positive = self.output[:, None] > 0
        size = np.abs(self.output)[:, None]
        plus = size * np.where(positive, inputs.up, inputs.down)
        minus = size * np.where(positive, inputs.down, inputs.up)
        mass = plus + minus
        up = np.where(off, minus, np.where(on, plus, mass))
        down = np.where(off, plus, np.where(on, minus, mass))
        inside = np.ones(z.shape, dtype=bool)
        for _ in range(_ROUNDS):
            before = np.count_nonzero(inside)
            self._narrow(up, down, mass)
            more = self.length[:, None] * inputs.slack + known
            inside = ~((on & (z + self.low > more)) | (off & (z + self.high < -more)))
            if np.count_nonzero(inside) > _SHRINKS * before:
                break
            up, down, mass = up * inside, down * inside, mass * inside
        if inside.sum(axis=0) @ np.diff(inputs.ends) > most:
            return None
        return self._of_inputs(self._gathered(inside))

    def _gathered(self, inside: NDArray[np.bool_]) -> KinkPairs:
        """All inputs of the clusters in reach whose own kink is."""
        inputs = self.inputs
        noise = PAD * self.size[:, None] * (inputs.norms + inputs.slack)
        more = self.length[:, None] * inputs.slack + noise
        above, below = self.high + more, self.low - more
        # In reach are -above <= z <= noise from below, and -noise <= z <= -below from above the
        # kink. Where the whole interval is beyond the kink, it is crossed for certain. If neither
        # is empty, they overlap: always one interval from least to most.
        up, down = -above <= noise, -below >= -noise
        least = np.where(down, np.minimum(-above, -noise), -above)
        most = np.where(up, np.maximum(-below, noise), -below)
        inside = inside & (up | down)
        rows, columns, values = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)], [np.zeros(0)]
        for k in np.flatnonzero(inside.any(axis=0)):
            row = np.flatnonzero(inside[:, k])
            here = slice(inputs.ends[k], inputs.ends[k + 1])
            z = self.hidden[row] @ inputs.x[here].T
            i, j = np.nonzero((z >= least[row, k, None]) & (z <= most[row, k, None]))
            rows.append(row[i])
            columns.append(here.start + j)
            values.append(z[i, j])
        row, column = np.concatenate(rows), np.concatenate(columns)
        z, c = np.concatenate(values), self.output[row] * inputs.pull[column]
        noise = PAD * self.size[row] * np.sqrt(inputs.squares[column])
        return KinkPairs(row, column, z, c, np.full(len(z), np.inf), np.abs(z) <= noise)

    def _of_inputs(self, pairs: KinkPairs) -> KinkPairs:
        inputs, count = self.inputs, len(self.inputs.centers)
        names = np.arange(len(self.mu))
        for _ in range(_ROUNDS):
            rows = np.flatnonzero(np.bincount(pairs.row, minlength=len(names)))
            number = np.zeros(len(names), np.intp)
            number[rows] = np.arange(len(rows))
            pairs, names = pairs._replace(row=number[pairs.row]), names[rows]
            self._keep(rows)
            cluster = inputs.cluster[pairs.input]
            place, size = pairs.row * count + cluster, np.abs(pairs.c)
            upward = (pairs.c < 0) == (pairs.z <= 0)

            def summed(some: Floats, place: Indices = place, k: int = len(rows)) -> Floats:
                return np.asarray(np.bincount(place, some, k * count).reshape(k, count))

            unsure = bool(pairs.unsure.any())
            for_sure = np.where(pairs.unsure, 0.0, size) if unsure else size
            up, down = (
                summed(np.where(upward, for_sure, 0.0)),
                summed(np.where(upward, 0.0, for_sure)),
            )
            mass = up + down
            if unsure:
                either = summed(size - for_sure)
                up, down, mass = up + either, down + either, mass + either
            self._narrow(up, down, mass)
            more = self.length[pairs.row] * inputs.slack[cluster]
            above = self.high.reshape(-1)[place] + more
            below = more - self.low.reshape(-1)[place]
            reach = np.where(pairs.z <= 0, above, below)
            if unsure:
                reach = np.where(pairs.unsure, np.maximum(above, below), reach)
            before = len(pairs.z)
            pairs = pairs._replace(reach=reach)
            pairs = pairs.where(np.flatnonzero((reach >= np.abs(pairs.z)) | pairs.unsure))
            if len(pairs.z) > _SHRINKS * before:
                break
        return pairs._replace(row=names[pairs.row])

    def _keep(self, rows: Indices) -> None:
        """Go on with some of the neurons."""
        if len(rows) < len(self.mu):
            for name in ("high", "low", "length", "mu", "q", "q_size"):
                setattr(self, name, getattr(self, name)[rows])
