"""Parity with PyTorch: the same line of code has to come out the same with `torch` and with `pullback`.

Compared are values, dtypes, shapes, gradients, gradients of gradients, names of nodes, printed text, and
types and heads of errors. `cases/*.txt` hold the lines, one case each; `harness.py` runs and compares;
`known/` lists the differences there are and why (one that has gone fails: it has to be taken off the list).

It needs PyTorch, which is never needed otherwise (`pip install '.[bench,test]'`), and is skipped without:

    pytest tests/parity -q
"""
