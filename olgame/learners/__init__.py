"""Online learners."""

from olgame.learners.learner import GradientStep as GradientStep
from olgame.learners.learner import Learner as Learner
from olgame.learners.learner import TakesGradientSteps as TakesGradientSteps
from olgame.learners.online_gradient_descent import OnlineGradientDescent as OnlineGradientDescent
