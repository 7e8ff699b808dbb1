"""Named tuples that print as PyTorch's."""

from __future__ import annotations

import pickle

from pullback.runtime.tensor.return_types import VALUES_AND_INDICES, structure


def test_printing_unpacking_and_pickling():
    made = VALUES_AND_INDICES["sort"](1, 2)
    values, indices = made
    assert (values, indices, made.values, made.indices) == (1, 2, 1, 2)
    assert repr(made) == "torch.return_types.sort(\nvalues=1,\nindices=2)"
    assert pickle.loads(pickle.dumps(made)) == made


def test_other_fields():
    assert structure("pair_of_a_test", "one", "two")(1, 2)._fields == ("one", "two")
