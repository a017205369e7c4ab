"""Named, parameterized runs that the command line drives."""

from olgame.experiments.experiment import Experiment as Experiment
from olgame.experiments.experiment import ExperimentInterrupted as ExperimentInterrupted
from olgame.experiments.experiment import option as option
