"""Regret: computed, with the certificate that it is what it says."""

from olgame.regret.curve import linear_curve as linear_curve
from olgame.regret.dynamic import dynamic as dynamic
from olgame.regret.dynamic import dynamic_curve as dynamic_curve
from olgame.regret.dynamic import dynamic_linear as dynamic_linear
from olgame.regret.dynamic import dynamic_linear_curve as dynamic_linear_curve
from olgame.regret.dynamic import path_length as path_length
from olgame.regret.external import external as external
from olgame.regret.game_ledgers import GameLedgers as GameLedgers
from olgame.regret.game_ledgers import game_ledgers as game_ledgers
from olgame.regret.hindsight import Hindsight as Hindsight
from olgame.regret.hindsight import hindsight as hindsight
from olgame.regret.interval import IntervalRegret as IntervalRegret
from olgame.regret.interval import interval as interval
from olgame.regret.ledger import Ledger as Ledger
from olgame.regret.ledger import Row as Row
from olgame.regret.ledgers import ledger as ledger
from olgame.regret.ledgers import ledgers as ledgers
from olgame.regret.linear import linear as linear
from olgame.regret.linear import linear_maximizer as linear_maximizer
from olgame.regret.policy import policy as policy
from olgame.regret.swap import SwapRegret as SwapRegret
from olgame.regret.swap import swap as swap
from olgame.regret.swap import swap_curve as swap_curve
from olgame.regret.switching import SwitchingRegret as SwitchingRegret
from olgame.regret.switching import switching as switching
