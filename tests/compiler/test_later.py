"""Functions whose module is imported when they are first called."""

import pytest
import scipy.special
from pullback.compiler.later import Later


def test_the_function_takes_the_place_of_what_imports_it() -> None:
    special = Later("scipy.special")
    erf = special.erf
    assert erf is not scipy.special.erf and erf.__name__ == "erf"
    assert erf(0.5) == scipy.special.erf(0.5)
    assert special.erf is scipy.special.erf
    assert erf(0.25) == scipy.special.erf(0.25)


def test_a_name_that_is_not_there_is_found_out_by_the_call() -> None:
    with pytest.raises(AttributeError, match="no_such"):
        Later("scipy.special").no_such(1.0)
