"""Programs that must be refused: the class of the error, the guilty line, and what the message names."""

from __future__ import annotations

import pytest
from programs.bad import BAD, Bad

import pullback as pb


@pytest.mark.parametrize("bad", [pytest.param(b, id=b.fn.__name__) for b in BAD])
def test_refused_at_its_line(bad: Bad) -> None:
    error = getattr(pb, bad.error)
    with pytest.raises(error) as caught:
        pb.grad(bad.fn, fallback="error", jit=False)(*bad.args)
    assert caught.value.src is not None
    assert caught.value.src.file.endswith("bad.py")
    assert caught.value.src.line == bad.line
    assert bad.fragment.lower() in caught.value.message.lower()
    assert "^" in str(caught.value)
