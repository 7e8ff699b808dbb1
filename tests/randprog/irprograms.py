"""Random structured IR: arrays, views, lists, branches and loops, with much that an optimiser can remove."""

from __future__ import annotations

import random

from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Apply, Function, Region, Value
from pullback.compiler.ir.types import BOOL, F64, INT, Array, List, Type

ROW = Array("float64", 1)
LENGTH = 4
KINDS = (
    "float float float int int bool load load store store alloc view dim list if if for for while check print"
)


class IrProgram:
    """Grows one function f(a, c, x, y, n); arrays have four elements. What is in scope may be used below."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.b = Builder()

    def build(self) -> Function:
        """Floats, an integer and an array come back, and the arrays a and c may have changed."""
        params = (Value(ROW, "a"), Value(ROW, "c"), Value(F64, "x"), Value(F64, "y"), Value(INT, "n"))
        self.b.region.params = params
        scope = self.body([*params, self.b.const(True), self.b.list_new(F64, "stack")], 3, 12)
        self.b.region.yields = tuple(self.pick(scope, t) for t in (F64, F64, INT, ROW))
        return Function("f", self.b.region)

    def pick(self, scope: list[Value], type_: Type) -> Value:
        fits = [v for v in scope if v.type == type_]
        return self.rng.choice(fits[-4:] if self.rng.random() < 0.6 else fits)

    def body(self, scope: list[Value], depth: int, size: int) -> list[Value]:
        scope = list(scope)
        for _ in range(self.rng.randint(1, size)):
            kind = self.rng.choice(KINDS.split())
            if depth == 0 and kind in ("if", "for", "while"):
                kind = "float"
            scope += getattr(self, "do_" + kind)(scope, depth) or ()
        return scope

    def index(self, scope: list[Value]) -> Value:
        if self.rng.random() < 0.4:
            return self.b.int(self.rng.randrange(LENGTH))
        return self.b.apply("mod", (self.pick(scope, INT), self.b.int(LENGTH)), "int64")

    # -- simple ops
    def do_float(self, scope: list[Value], depth: int) -> list[Value]:
        x, z = self.pick(scope, F64), self.pick(scope, F64)
        if self.rng.random() < 0.4:
            z = self.b.const(self.rng.choice([1.0, -1.0, 0.5]))
        name = self.rng.choice(["add", "sub", "mul", "mul", "maximum", "neg", "select"])
        args = {"neg": (x,), "select": (self.pick(scope, BOOL), x, z)}.get(name, (x, z))
        if self.rng.random() < 0.5:  # as it is: `apply` would give a value that is already there
            return [self.b.add(Apply(args, (Value(F64),), (), (name,))).out]
        return [self.b.apply(name, args, "float64", self.rng.choice(["", "s", "x"]))]

    def do_int(self, scope: list[Value], depth: int) -> list[Value]:
        k = self.b.int(self.rng.choice([0, 1, 2, 3]))
        z = k if self.rng.random() < 0.6 else self.pick(scope, INT)
        total = self.b.apply(self.rng.choice(["add", "sub", "mul"]), (self.pick(scope, INT), z), "int64")
        return [self.b.apply("mod", (total, self.b.int(self.rng.randint(2, 9))), "int64")]

    def do_bool(self, scope: list[Value], depth: int) -> list[Value]:
        if self.rng.random() < 0.3:
            return [self.b.const(self.rng.random() < 0.5)]
        if self.rng.random() < 0.5:
            type_ = self.rng.choice([F64, INT])
            return [self.b.apply("lt", (self.pick(scope, type_), self.pick(scope, type_)), "bool")]
        name = self.rng.choice(["and", "or", "not"])
        args = (self.pick(scope, BOOL), self.pick(scope, BOOL))
        return [self.b.apply(name, args[: 1 if name == "not" else 2], "bool")]

    def do_load(self, scope: list[Value], depth: int) -> list[Value]:
        return [self.b.load(self.pick(scope, ROW), [self.index(scope)])]

    def do_store(self, scope: list[Value], depth: int) -> None:
        place = self.pick(scope, ROW), [self.index(scope)]
        self.b.store(*place, self.pick(scope, F64), self.rng.random() < 0.4)

    def do_alloc(self, scope: list[Value], depth: int) -> list[Value]:
        array = self.b.alloc([self.b.int(LENGTH)], "float64", self.rng.choice(["zeros", "empty"]), "b")
        return [array]

    def do_view(self, scope: list[Value], depth: int) -> list[Value]:
        array, at = self.pick(scope, ROW), self.b.int
        kind = self.rng.choice(["same", "back", "slice", "box", "transpose", "reshape"])
        if kind == "box":
            boxed = self.b.view(array, "slice", ("n", ":"), (), 2)
            return [self.b.view(boxed, "slice", ("i", ":"), (at(0),), 1)]
        if kind == "transpose":
            return [self.b.view(array, "transpose", (0,), (), 1)]
        if kind == "same":
            return [self.b.view(array, "slice", (":",), (), 1)]
        if kind == "back":
            return [self.b.view(array, "slice", ("s",), (at(LENGTH - 1), at(-1), at(-1)), 1)]
        return [self.b.view(array, "slice", ("s",), (at(0), at(LENGTH), at(1)), 1)]

    def do_dim(self, scope: list[Value], depth: int) -> list[Value]:
        return [self.b.dim(self.pick(scope, ROW), 0)]

    def do_list(self, scope: list[Value], depth: int) -> list[Value]:
        stack = self.pick(scope, List(F64))
        if self.rng.random() < 0.6:
            self.b.push(stack, self.pick(scope, F64))
            return [self.b.list_new(F64)] if self.rng.random() < 0.3 else []
        length = self.b.list_len(stack)
        some = self.b.apply("gt", (length, self.b.int(0)), "bool")
        self.b.open()
        last = self.b.apply("sub", (length, self.b.int(1)), "int64")
        popped = self.b.pop(stack) if self.rng.random() < 0.5 else self.b.list_get(stack, last)
        then = self.b.close([popped])
        self.b.open()
        return list(self.b.if_(some, then, self.b.close([self.pick(scope, F64)])))

    def do_check(self, scope: list[Value], depth: int) -> None:
        if self.rng.random() < 0.3:
            fine = self.b.apply("lt", (self.index(scope), self.b.int(LENGTH)), "bool")
            self.b.check(fine, "ValueError", "{0}", [self.pick(scope, INT)])

    def do_print(self, scope: list[Value], depth: int) -> None:
        if self.rng.random() < 0.3:
            self.b.print("{0}", [self.pick(scope, INT)])

    # -- control
    def some_types(self) -> list[Type]:
        return [self.rng.choice([F64, F64, INT, BOOL, ROW]) for _ in range(self.rng.randint(0, 4))]

    def do_if(self, scope: list[Value], depth: int) -> list[Value]:
        cond, types = self.pick(scope, BOOL), self.some_types()
        regions = []
        for _ in range(2):
            self.b.open()
            inner = self.body(scope, depth - 1, 4) if self.rng.random() < 0.6 else scope
            regions.append(self.b.close([self.pick(inner, t) for t in types]))
        return list(self.b.if_(cond, *regions))

    def next(self, params: list[Value], inner: list[Value]) -> list[Value]:
        """Often a permutation of the parameters: swaps and values passed on."""
        found = []
        for param in params:
            pool = params if self.rng.random() < 0.4 else inner
            found.append(self.pick(pool, param.type))
        return found

    def do_for(self, scope: list[Value], depth: int) -> list[Value]:
        inits = [self.pick(scope, t) for t in self.some_types()]
        params = [Value(v.type, self.rng.choice(["", "s"])) for v in inits]
        index, stops = Value(INT, "i"), self.rng.random() < 0.3
        lo, hi = self.b.int(self.rng.choice([0, 0, 1])), self.index(scope)
        self.b.open((index, *params))
        inner = self.body([*scope, index, *params], depth - 1, 6)
        stop = [self.pick(inner, BOOL)] if stops else []
        body = self.b.close(stop + self.next(params, inner))
        return list(
            self.b.for_(lo, hi, self.b.int(1), inits, body, stops=stops, counted=self.rng.random() < 0.3)
        )

    def do_while(self, scope: list[Value], depth: int) -> list[Value]:
        """A countdown guards against loops without end."""
        inits = [self.b.int(self.rng.randint(0, 3)), *(self.pick(scope, t) for t in self.some_types())]
        tested, params = ([Value(v.type, "w") for v in inits] for _ in range(2))
        cond, body = self.test(scope, tested), self.passes(scope, params, depth)
        return list(self.b.while_(inits, cond, body, counted=self.rng.random() < 0.3))

    def test(self, scope: list[Value], params: list[Value]) -> Region:
        self.b.open(params)
        left = self.b.apply("gt", (params[0], self.b.int(0)), "bool")
        inner = self.body([*scope, *params], 0, 2)
        return self.b.close([self.b.apply("and", (left, self.pick(inner, BOOL)), "bool")])

    def passes(self, scope: list[Value], params: list[Value], depth: int) -> Region:
        self.b.open(params)
        inner = self.body([*scope, *params], depth - 1, 5)
        left = self.b.apply("sub", (params[0], self.b.int(1)), "int64")
        return self.b.close([left, *self.next(params[1:], inner)])
