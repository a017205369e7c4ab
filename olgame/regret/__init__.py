"""Regret: computed, with the certificate that it is what it says."""

from olgame.regret.curve import linear_curve as linear_curve
from olgame.regret.external import external as external
from olgame.regret.ledger import Ledger as Ledger
from olgame.regret.ledger import Row as Row
from olgame.regret.ledgers import ledger as ledger
from olgame.regret.ledgers import ledgers as ledgers
from olgame.regret.linear import linear as linear
from olgame.regret.linear import linear_maximizer as linear_maximizer
