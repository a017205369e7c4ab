"""Theorems as objects: premises, plan, bound, conclusion; floors and worst cases."""

from olgame.duality.gap import Gap as Gap
from olgame.duality.gap import gap as gap
from olgame.duality.hindsight_point import hindsight_point as hindsight_point
from olgame.theory.ceiling import ceiling as ceiling
from olgame.theory.floor import floor as floor
from olgame.theory.kink_moves import KinkMove as KinkMove
from olgame.theory.kink_moves import kink_move as kink_move
from olgame.theory.linearization_search import SearchedError as SearchedError
from olgame.theory.linearization_search import search_linearization as search_linearization
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
from olgame.theory.relu_worst_case import relu_worst_case as relu_worst_case
from olgame.theory.round_weights import round_weights as round_weights
from olgame.theory.second_moment import SecondMoment as SecondMoment
from olgame.theory.second_moment import second_moment as second_moment
from olgame.theory.two_layer import TwoLayer as TwoLayer
from olgame.theory.verdict import Verdict as Verdict
from olgame.theory.worst_case_linearization import WorstCase as WorstCase
from olgame.theory.worst_case_linearization import (
    worst_case_linearization as worst_case_linearization,
)
