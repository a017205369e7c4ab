"""Adversaries: who fixes the loss of a round."""

from olgame.adversaries.adversary import Adversary as Adversary
from olgame.adversaries.adversary import Evidence as Evidence
from olgame.adversaries.adversary import Response as Response
from olgame.adversaries.adversary import Timing as Timing
from olgame.adversaries.adversary import View as View
from olgame.adversaries.best_response import BestResponse as BestResponse
from olgame.adversaries.best_response_among import BestResponseAmong as BestResponseAmong
from olgame.adversaries.certified_adversary import CertifiedAdversary as CertifiedAdversary
from olgame.adversaries.drifting import Drifting as Drifting
from olgame.adversaries.function_adversary import FunctionAdversary as FunctionAdversary
from olgame.adversaries.function_adversary import from_function as from_function
from olgame.adversaries.input_attack import InputAttack as InputAttack
from olgame.adversaries.learner_as_adversary import LearnerAsAdversary as LearnerAsAdversary
from olgame.adversaries.minimax_linear import MinimaxLinear as MinimaxLinear
from olgame.adversaries.oblivious_sequence import ObliviousSequence as ObliviousSequence
from olgame.adversaries.payoff import Bilinear as Bilinear
from olgame.adversaries.payoff import FunctionPayoff as FunctionPayoff
from olgame.adversaries.payoff import Payoff as Payoff
from olgame.adversaries.payoff_loss import PayoffLoss as PayoffLoss
from olgame.adversaries.stochastic import Stochastic as Stochastic
from olgame.adversaries.switching import Switching as Switching
from olgame.adversaries.worst_case_switching import WorstCaseSwitching as WorstCaseSwitching
