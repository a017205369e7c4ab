"""Data sets, their normalization and their checks."""

from olgame.data.checks import check_data as check_data
from olgame.data.circle import circle as circle
from olgame.data.dataset import Dataset as Dataset
from olgame.data.gaussians import gaussians as gaussians
from olgame.data.idx_folder import idx_folder as idx_folder
from olgame.data.lifting import lift as lift
from olgame.data.normalization import normalize as normalize
from olgame.data.sklearn_digits import digits as digits
from olgame.data.splitting import Split as Split
from olgame.data.splitting import train_test_split as train_test_split
