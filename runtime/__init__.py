if __name__ != "pullback.runtime":
    raise ImportError("import pullback.runtime, not runtime: a second copy of every class would exist")
