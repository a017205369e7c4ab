"""How far is a point from the best in hindsight? Lower bounds by duality, on the real network."""

from olgame.duality.gap import Gap as Gap
from olgame.duality.gap import gap as gap
from olgame.duality.hindsight_point import hindsight_point as hindsight_point
from olgame.duality.weight_balls import WeightBalls as WeightBalls
