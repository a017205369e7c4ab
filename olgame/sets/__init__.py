"""Convex sets that a learner plays in."""

from olgame.sets.box import Box as Box
from olgame.sets.check_point import check_point as check_point
from olgame.sets.convex_set import ConvexSet as ConvexSet
from olgame.sets.l1_ball import L1Ball as L1Ball
from olgame.sets.l2_ball import L2Ball as L2Ball
from olgame.sets.l2_inf_ball import L2InfBall as L2InfBall
from olgame.sets.linf_ball import LinfBall as LinfBall
from olgame.sets.product_set import Block as Block
from olgame.sets.product_set import ProductSet as ProductSet
from olgame.sets.simplex import Simplex as Simplex
from olgame.sets.whole_space import WholeSpace as WholeSpace
