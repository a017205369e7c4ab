"""Models f(w, x): the NumPy reference of what adapters run."""

from olgame.models.linear_model import LinearModel as LinearModel
from olgame.models.linearized import HasLinearization as HasLinearization
from olgame.models.linearized import Linearized as Linearized
from olgame.models.model import HasTwoLayers as HasTwoLayers
from olgame.models.model import Model as Model
from olgame.models.model import ModelEvaluation as ModelEvaluation
from olgame.models.model import TwoLayerWeights as TwoLayerWeights
from olgame.models.two_layer_evaluation import TwoLayerEvaluation as TwoLayerEvaluation
from olgame.models.two_layer_net import TwoLayerNet as TwoLayerNet
from olgame.models.two_layer_start import two_layer_start as two_layer_start
