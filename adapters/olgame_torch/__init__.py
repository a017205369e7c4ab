"""The torch adapter: any ``nn.Module`` as a model on one flat vector, and the theorems' network."""

import olgame_torch.requirement  # noqa: F401  (first: it says what to install)
from olgame_torch.autograd_evaluation import AutogradEvaluation as AutogradEvaluation
from olgame_torch.deep_relu_net import DeepReLUNet as DeepReLUNet
from olgame_torch.flat_model import FlatModel as FlatModel
from olgame_torch.requirement import TorchMissingError as TorchMissingError
from olgame_torch.torch_model import TorchModel as TorchModel
from olgame_torch.two_layer_net import TwoLayerNet as TwoLayerNet
