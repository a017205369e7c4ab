"""Adversaries: who fixes the loss of a round."""

from olgame.adversaries.adversary import Adversary as Adversary
from olgame.adversaries.adversary import Evidence as Evidence
from olgame.adversaries.adversary import Response as Response
from olgame.adversaries.adversary import Timing as Timing
from olgame.adversaries.adversary import View as View
from olgame.adversaries.function_adversary import FunctionAdversary as FunctionAdversary
from olgame.adversaries.function_adversary import from_function as from_function
from olgame.adversaries.input_attack import InputAttack as InputAttack
from olgame.adversaries.minimax_linear import MinimaxLinear as MinimaxLinear
from olgame.adversaries.oblivious_sequence import ObliviousSequence as ObliviousSequence
