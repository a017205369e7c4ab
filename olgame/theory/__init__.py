"""Theorems as objects: premises, plan, bound, conclusion; floors and worst cases."""

from olgame.duality.gap import Gap as Gap
from olgame.duality.gap import gap as gap
from olgame.duality.hindsight_point import hindsight_point as hindsight_point
from olgame.theory.ada_hedge_bound import AdaHedgeBound as AdaHedgeBound
from olgame.theory.adagrad_bound import AdaGradBound as AdaGradBound
from olgame.theory.ader_bound import AderBound as AderBound
from olgame.theory.amsgrad_bound import AMSGradBound as AMSGradBound
from olgame.theory.attained_linearization import (
    attained_linearization as attained_linearization,
)
from olgame.theory.blum_mansour_bound import BlumMansourBound as BlumMansourBound
from olgame.theory.ceiling import ceiling as ceiling
from olgame.theory.coin_betting_bound import CoinBettingBound as CoinBettingBound
from olgame.theory.deep_constants import DeepConstants as DeepConstants
from olgame.theory.deep_relu import DeepReLU as DeepReLU
from olgame.theory.deep_relu import DeepSteps as DeepSteps
from olgame.theory.deep_shape import DeepShape as DeepShape
from olgame.theory.deep_verdict import DeepVerdict as DeepVerdict
from olgame.theory.drawn_inside import drawn_inside as drawn_inside
from olgame.theory.floor import floor as floor
from olgame.theory.follow_the_leader_bound import FollowTheLeaderBound as FollowTheLeaderBound
from olgame.theory.game_value import AVERAGE as AVERAGE
from olgame.theory.game_value import LAST as LAST
from olgame.theory.game_value import GameValue as GameValue
from olgame.theory.game_value import game_value as game_value
from olgame.theory.game_value_causes import Cause as Cause
from olgame.theory.game_value_causes import Causes as Causes
from olgame.theory.game_value_ceilings import ValueCeiling as ValueCeiling
from olgame.theory.game_value_floors import ValueFloor as ValueFloor
from olgame.theory.gradient_descent_bound import GradientDescentBound as GradientDescentBound
from olgame.theory.hedge_bound import HedgeBound as HedgeBound
from olgame.theory.kink_moves import KinkMove as KinkMove
from olgame.theory.kink_moves import kink_move as kink_move
from olgame.theory.linearization_search import SearchedError as SearchedError
from olgame.theory.linearization_search import search_linearization as search_linearization
from olgame.theory.mirror_descent_bound import MirrorDescentBound as MirrorDescentBound
from olgame.theory.moreau_envelope_bound import MoreauEnvelopeBound as MoreauEnvelopeBound
from olgame.theory.newton_step_bound import NewtonStepBound as NewtonStepBound
from olgame.theory.noisy_bound import NoisyBound as NoisyBound
from olgame.theory.one_point_bound import OnePointBound as OnePointBound
from olgame.theory.online_frank_wolfe_bound import OnlineFrankWolfeBound as OnlineFrankWolfeBound
from olgame.theory.optimistic_bound import OptimisticBound as OptimisticBound
from olgame.theory.path_error import PathError as PathError
from olgame.theory.path_error import edge_error as edge_error
from olgame.theory.path_error import path_error as path_error
from olgame.theory.perturbed_leader_bound import PerturbedLeaderBound as PerturbedLeaderBound
from olgame.theory.plan import Plan as Plan
from olgame.theory.power_law import PowerLaw as PowerLaw
from olgame.theory.power_law import fit_power_law as fit_power_law
from olgame.theory.premise import Premise as Premise
from olgame.theory.premise import Premises as Premises
from olgame.theory.projected_ogd import ProjectedOGD as ProjectedOGD
from olgame.theory.projected_ogd import RegretVerdict as RegretVerdict
from olgame.theory.regret_bound import BoundCheck as BoundCheck
from olgame.theory.regret_bound import BoundStatement as BoundStatement
from olgame.theory.regret_bound import RegretBound as RegretBound
from olgame.theory.regret_bound import check_bound as check_bound
from olgame.theory.regret_matching_bound import RegretMatchingBound as RegretMatchingBound
from olgame.theory.regularized_leader_bound import RegularizedLeaderBound as RegularizedLeaderBound
from olgame.theory.relu_worst_case import relu_worst_case as relu_worst_case
from olgame.theory.round_weights import round_weights as round_weights
from olgame.theory.second_moment import SecondMoment as SecondMoment
from olgame.theory.second_moment import second_moment as second_moment
from olgame.theory.sharpness_aware_bound import SharpnessAwareBound as SharpnessAwareBound
from olgame.theory.strongly_adaptive_bound import StronglyAdaptiveBound as StronglyAdaptiveBound
from olgame.theory.strongly_convex_bound import StronglyConvexBound as StronglyConvexBound
from olgame.theory.two_layer import TwoLayer as TwoLayer
from olgame.theory.two_point_bound import TwoPointBound as TwoPointBound
from olgame.theory.verdict import Verdict as Verdict
from olgame.theory.worst_case_linearization import WorstCase as WorstCase
from olgame.theory.worst_case_linearization import (
    worst_case_linearization as worst_case_linearization,
)
