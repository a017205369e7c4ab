"""Convex sets that a learner plays in."""

from olgame.sets.affine_subspace import AffineSubspace as AffineSubspace
from olgame.sets.box import Box as Box
from olgame.sets.capped_simplex import CappedSimplex as CappedSimplex
from olgame.sets.check_point import check_point as check_point
from olgame.sets.convex_set import ConvexSet as ConvexSet
from olgame.sets.dykstra import Projection as Projection
from olgame.sets.ellipsoid import Ellipsoid as Ellipsoid
from olgame.sets.halfspace import Halfspace as Halfspace
from olgame.sets.intersection import Intersection as Intersection
from olgame.sets.l1_ball import L1Ball as L1Ball
from olgame.sets.l2_ball import L2Ball as L2Ball
from olgame.sets.l2_inf_ball import L2InfBall as L2InfBall
from olgame.sets.linf_ball import LinfBall as LinfBall
from olgame.sets.lp_ball import LpBall as LpBall
from olgame.sets.nuclear_norm_ball import NuclearNormBall as NuclearNormBall
from olgame.sets.product_set import Block as Block
from olgame.sets.product_set import ProductSet as ProductSet
from olgame.sets.proximal_maximum import LinearMaximum as LinearMaximum
from olgame.sets.scaled import Scaled as Scaled
from olgame.sets.simplex import Simplex as Simplex
from olgame.sets.translated import Translated as Translated
from olgame.sets.whole_space import WholeSpace as WholeSpace
