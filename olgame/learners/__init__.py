"""Online learners."""

from olgame.learners.ada_hedge import AdaHedge as AdaHedge
from olgame.learners.adagrad import AdaGrad as AdaGrad
from olgame.learners.adam import Adam as Adam
from olgame.learners.ader import Ader as Ader
from olgame.learners.amsgrad import AMSGrad as AMSGrad
from olgame.learners.blum_mansour import BlumMansour as BlumMansour
from olgame.learners.coin_betting import CoinBetting as CoinBetting
from olgame.learners.dual_averaging import DualAveraging as DualAveraging
from olgame.learners.follow_the_leader import FollowTheLeader as FollowTheLeader
from olgame.learners.follow_the_perturbed_leader import (
    FollowThePerturbedLeader as FollowThePerturbedLeader,
)
from olgame.learners.follow_the_regularized_leader import (
    FollowTheRegularizedLeader as FollowTheRegularizedLeader,
)
from olgame.learners.full_matrix_adagrad import FullMatrixAdaGrad as FullMatrixAdaGrad
from olgame.learners.function_learner import FunctionLearner as FunctionLearner
from olgame.learners.function_learner import from_function as from_function
from olgame.learners.hedge import Hedge as Hedge
from olgame.learners.learner import DeclaresSets as DeclaresSets
from olgame.learners.learner import GradientStep as GradientStep
from olgame.learners.learner import Learner as Learner
from olgame.learners.learner import TakesGradientSteps as TakesGradientSteps
from olgame.learners.moreau_envelope import EnvelopeGradient as EnvelopeGradient
from olgame.learners.moreau_envelope import MoreauEnvelope as MoreauEnvelope
from olgame.learners.noisy import Noisy as Noisy
from olgame.learners.one_point_bandit import OnePointBandit as OnePointBandit
from olgame.learners.online_frank_wolfe import OnlineFrankWolfe as OnlineFrankWolfe
from olgame.learners.online_gradient_descent import OnlineGradientDescent as OnlineGradientDescent
from olgame.learners.online_mirror_descent import OnlineMirrorDescent as OnlineMirrorDescent
from olgame.learners.online_newton_step import OnlineNewtonStep as OnlineNewtonStep
from olgame.learners.optimistic import Optimistic as Optimistic
from olgame.learners.regret_matching import RegretMatching as RegretMatching
from olgame.learners.regret_matching_plus import RegretMatchingPlus as RegretMatchingPlus
from olgame.learners.sharpness_aware import SharpnessAware as SharpnessAware
from olgame.learners.strongly_adaptive import StronglyAdaptive as StronglyAdaptive
from olgame.learners.two_point_bandit import TwoPointBandit as TwoPointBandit
