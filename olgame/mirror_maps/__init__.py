"""Mirror maps: the geometry that mirror descent and follow-the-regularized-leader play in."""

from olgame.mirror_maps.euclidean import Euclidean as Euclidean
from olgame.mirror_maps.mirror_map import MirrorMap as MirrorMap
from olgame.mirror_maps.mirror_map import MirrorPoint as MirrorPoint
from olgame.mirror_maps.negative_entropy import NegativeEntropy as NegativeEntropy
from olgame.mirror_maps.p_norm import PNorm as PNorm
from olgame.mirror_maps.scaled import Scaled as Scaled
