"""The parts an attack is made of, looked at before they are used."""

from __future__ import annotations

from olgame.validation import require

__all__ = ["check_attack_parts"]

_PARTS = {
    "model": (("__call__", "at", "asarray"), "og.models.TwoLayerNet(dim=2, width=64)"),
    "loss": (("value", "derivative", "check_labels"), "og.losses.hinge"),
    "attack": (("__call__",), "og.attacks.PGD(steps=10)"),
    "perturbation_set": (("project", "distance", "steepest"), "og.perturbations.l2(0.1)"),
}


def check_attack_parts(owner: str, **given: object) -> None:
    """Refuse what is no model, loss, attack or perturbation set, by the name of the argument.

    Args:
        owner: Who was given them, for the message.
        given: Any of ``model``, ``loss``, ``attack`` and ``perturbation_set``.

    Raises:
        ArgumentError: A part has not the methods, or is a class.

    Example:
        >>> check_attack_parts("InputAttack", attack=3)
        Traceback (most recent call last):
            ...
        olgame.exceptions.ArgumentError: `InputAttack(attack=...)` must be an object with \
__call__, such as `og.attacks.PGD(steps=10)`, got 3.
    """
    for name, part in given.items():
        methods, example = _PARTS[name]
        fits = not isinstance(part, type) and all(hasattr(part, method) for method in methods)
        rule = f"be an object with {', '.join(methods)}, such as `{example}`"
        require(fits, owner, name, rule, part)
