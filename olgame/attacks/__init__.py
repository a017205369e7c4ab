"""Attack oracles A(w, x) in B(x)."""

from olgame.attacks.attack import Attack as Attack
from olgame.attacks.attack import AttackResult as AttackResult
from olgame.attacks.attack import Objective as Objective
from olgame.attacks.best_of import BestOf as BestOf
from olgame.attacks.climbing import Climbing as Climbing
from olgame.attacks.fgsm import FGSM as FGSM
from olgame.attacks.function_attack import FunctionAttack as FunctionAttack
from olgame.attacks.function_attack import from_function as from_function
from olgame.attacks.in_pieces import InPieces as InPieces
from olgame.attacks.model_objective import ModelObjective as ModelObjective
from olgame.attacks.pgd import PGD as PGD
from olgame.attacks.restarts import Restarts as Restarts
from olgame.attacks.targeted import Targeted as Targeted
