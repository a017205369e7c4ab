"""Adversarial training as an online convex game, with certificates."""

from olgame import activations as activations
from olgame import adversaries as adversaries
from olgame import attacks as attacks
from olgame import certify as certify
from olgame import checks as checks
from olgame import data as data
from olgame import exceptions as exceptions
from olgame import learners as learners
from olgame import losses as losses
from olgame import mirror_maps as mirror_maps
from olgame import models as models
from olgame import noise as noise
from olgame import observers as observers
from olgame import perturbations as perturbations
from olgame import regret as regret
from olgame import sets as sets
from olgame import step_sizes as step_sizes
from olgame import storage as storage
from olgame import theory as theory
from olgame.band import Band as Band
from olgame.band import band_of as band_of
from olgame.checkpoint import Checkpoint as Checkpoint
from olgame.feedback import Feedback as Feedback
from olgame.feedback import Level as Level
from olgame.game import play as play
from olgame.play_until import PlayedUntil as PlayedUntil
from olgame.play_until import play_until as play_until
from olgame.replay import replay as replay
from olgame.results import Certified as Certified
from olgame.results import Estimated as Estimated
from olgame.results import Interval as Interval
from olgame.resume import resume as resume
from olgame.transcript import Transcript as Transcript

__version__ = "0.1.0"
