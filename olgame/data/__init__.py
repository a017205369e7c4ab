"""Data sets, their normalisation and their checks."""

from olgame.data.checks import check_data as check_data
from olgame.data.dataset import Dataset as Dataset
from olgame.data.normalization import normalize as normalize
from olgame.data.sklearn_digits import digits as digits
