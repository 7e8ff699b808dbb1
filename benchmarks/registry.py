"""The families of cases. A module of a family holds a tuple `CASES`, and is imported when it is asked for."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence

from .case import Case

FAMILIES: dict[str, str] = {
    "programs": "programs in the style of real code",
    "loops": "kernels of NPBench and PolyBench as loops and slices",
    "models": "simulators and likelihoods",
    "adbench": "the problems of ADBench",
}


def modules(family: str) -> list[str]:
    """The names of the modules of a family, in order; empty if the family has none."""
    try:
        package = importlib.import_module(f"{__package__}.{family}")
    except ModuleNotFoundError as error:
        if error.name != f"{__package__}.{family}":
            raise
        return []
    found = [info.name for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
    return sorted(name for name in found if not name.rpartition(".")[2].startswith("_"))


def cases(families: Sequence[str] = (), words: Sequence[str] = ()) -> list[Case]:
    """The cases of the families (default all), whose names contain one of the words (default all).

    Raises
    ------
    ValueError
        If two cases share a name, or a case lies in another family than it says.
    """
    found: list[Case] = []
    for family in families or FAMILIES:
        of_family: list[Case] = []
        for module in modules(family):
            of_family += importlib.import_module(module).CASES
        names = [case.name for case in of_family]
        if len(set(names)) != len(names) or {case.family for case in of_family} - {family}:
            raise ValueError(f"family {family}: a name is used twice, or a case says another family: {names}")
        found += of_family
    return [case for case in found if not words or any(word in case.name for word in words)]
