"""Checks of other people's parts: is it what its protocol promises?"""

from olgame.checks.check_adversary import check_adversary as check_adversary
from olgame.checks.check_attack import check_attack as check_attack
from olgame.checks.check_decision_set import check_decision_set as check_decision_set
from olgame.checks.check_learner import check_learner as check_learner
from olgame.checks.check_loss import check_loss as check_loss
from olgame.checks.check_model import check_model as check_model
from olgame.checks.check_perturbation_set import check_perturbation_set as check_perturbation_set
from olgame.checks.checklist import CheckReport as CheckReport
