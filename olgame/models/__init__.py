"""Models f(w, x): the NumPy reference of what adapters run."""

from olgame.models.deep_layers import DeepLayers as DeepLayers
from olgame.models.deep_layers import HasDeepLayers as HasDeepLayers
from olgame.models.deep_relu_evaluation import DeepReLUEvaluation as DeepReLUEvaluation
from olgame.models.deep_relu_net import DeepReLUNet as DeepReLUNet
from olgame.models.deep_start import DeepStart as DeepStart
from olgame.models.deep_start import deep_start as deep_start
from olgame.models.layer_scaling import LayerReach as LayerReach
from olgame.models.layer_scaling import check_layer_scaling as check_layer_scaling
from olgame.models.layer_scaling import layer_reach as layer_reach
from olgame.models.linear_model import LinearModel as LinearModel
from olgame.models.linearization_error import linearization_error as linearization_error
from olgame.models.linearized import HasLinearization as HasLinearization
from olgame.models.linearized import Linearized as Linearized
from olgame.models.model import HasTwoLayers as HasTwoLayers
from olgame.models.model import Model as Model
from olgame.models.model import ModelEvaluation as ModelEvaluation
from olgame.models.model import TwoLayerWeights as TwoLayerWeights
from olgame.models.output_axis import OutputAxis as OutputAxis
from olgame.models.output_axis import output_axis as output_axis
from olgame.models.two_layer_evaluation import TwoLayerEvaluation as TwoLayerEvaluation
from olgame.models.two_layer_net import TwoLayerNet as TwoLayerNet
from olgame.models.two_layer_start import two_layer_start as two_layer_start
