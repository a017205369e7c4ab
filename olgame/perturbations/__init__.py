"""The sets B(x) that an adversary perturbs inputs in."""

from olgame.perturbations.box import Box as Box
from olgame.perturbations.cap_perturbation import CapPerturbation as CapPerturbation
from olgame.perturbations.cap_perturbation import spherical_cap as spherical_cap
from olgame.perturbations.l2_perturbation import L2Perturbation as L2Perturbation
from olgame.perturbations.l2_perturbation import l2 as l2
from olgame.perturbations.linf_perturbation import LinfPerturbation as LinfPerturbation
from olgame.perturbations.linf_perturbation import linf as linf
from olgame.perturbations.perturbation_set import PerturbationSet as PerturbationSet
