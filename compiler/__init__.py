if __name__ != "pullback.compiler":
    raise ImportError("import pullback.compiler, not compiler: a second copy of every class would exist")
