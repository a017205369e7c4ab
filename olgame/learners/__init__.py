"""Online learners."""

from olgame.learners.function_learner import FunctionLearner as FunctionLearner
from olgame.learners.function_learner import from_function as from_function
from olgame.learners.learner import GradientStep as GradientStep
from olgame.learners.learner import Learner as Learner
from olgame.learners.learner import TakesGradientSteps as TakesGradientSteps
from olgame.learners.online_gradient_descent import OnlineGradientDescent as OnlineGradientDescent
