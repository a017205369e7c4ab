"""Certificates: upper bounds on the robust loss, and brackets."""

from olgame.certify.bracket import Bracket as Bracket
from olgame.certify.bracket import PerSample as PerSample
from olgame.certify.frozen_majorant import FrozenMajorant as FrozenMajorant
from olgame.certify.lead_bounds import LeadBounds as LeadBounds
from olgame.certify.lead_bounds import lead_bounds as lead_bounds
from olgame.certify.loss_bound import LossBound as LossBound
from olgame.certify.loss_bound import loss_bound as loss_bound
from olgame.certify.output_bound import OutputBound as OutputBound
from olgame.certify.output_bound import output_bound as output_bound
from olgame.certify.quadratic_maximum import QuadraticMaximum as QuadraticMaximum
from olgame.certify.quadratic_maximum import Spectrum as Spectrum
from olgame.certify.quadratic_maximum import quadratic_maximum as quadratic_maximum
from olgame.certify.robust_loss import robust_loss as robust_loss
