"""Scalar losses l(z, y), and the losses of a round l_t(w)."""

from olgame.losses.function_loss import FunctionLoss as FunctionLoss
from olgame.losses.function_loss import from_function as from_function
from olgame.losses.hinge import Hinge as Hinge
from olgame.losses.hinge import hinge as hinge
from olgame.losses.linear_loss import LinearLoss as LinearLoss
from olgame.losses.logistic import Logistic as Logistic
from olgame.losses.logistic import logistic as logistic
from olgame.losses.loss import Loss as Loss
from olgame.losses.model_loss import ModelLoss as ModelLoss
from olgame.losses.quadratic_loss import QuadraticLoss as QuadraticLoss
from olgame.losses.round_loss import Remainder as Remainder
from olgame.losses.round_loss import RoundEvaluation as RoundEvaluation
from olgame.losses.round_loss import RoundLoss as RoundLoss
from olgame.losses.smoothed_hinge import SmoothedHinge as SmoothedHinge
from olgame.losses.smoothed_hinge import smoothed_hinge as smoothed_hinge
