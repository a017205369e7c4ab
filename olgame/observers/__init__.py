"""Who watches a game without taking part in it."""

from olgame.observers.average_point import AveragePoint as AveragePoint
from olgame.observers.held_out import HeldOut as HeldOut
from olgame.observers.linearization_error import LinearizationError as LinearizationError
from olgame.observers.observed import Observed as Observed
from olgame.observers.observer import Ending as Ending
from olgame.observers.observer import Findings as Findings
from olgame.observers.observer import Observer as Observer
from olgame.observers.observer import Opening as Opening
from olgame.observers.observer import Round as Round
