"""Attributes of values, and objects: NamedTuples, dataclasses, classes."""

from __future__ import annotations

import ast
import dataclasses
import types
from typing import Any

from ..arrays.core import elementwise
from ..arrays.registry import ATTRIBUTES
from ..arrays.value import AbstractValue, Arr, Known, Num, Tup
from ..ir.nodes import Value
from .captures import attribute as known_attribute
from .lowerer import Lowerer, expression
from .values import Box, KnownAt, ListRef, Method, describe


@expression(ast.Attribute)
def attribute(lw: Lowerer, node: ast.Attribute) -> AbstractValue:
    """owner.name."""
    owner = lw.expr(node.value)
    lw.at(node)
    return get_attribute(lw, owner, node.attr)


def field_names(cls: type) -> tuple[str, ...]:
    """Attributes of a NamedTuple or dataclass, in order."""
    if dataclasses.is_dataclass(cls):
        return tuple(f.name for f in dataclasses.fields(cls))
    return tuple(getattr(cls, "_fields", ()))


def is_immutable(cls: type) -> bool:
    """A frozen dataclass: it is handled as a tuple with names."""
    params = getattr(cls, "__dataclass_params__", None)
    return params is not None and params.frozen and not hasattr(cls, "__post_init__")


def length(lw: Lowerer, n: Value) -> AbstractValue:
    """A length as a Python int."""
    known = lw.b.const_of(n)
    return Known(known) if known is not None else Num(n, True)


def get_attribute(lw: Lowerer, owner: AbstractValue, name: str) -> AbstractValue:
    """owner.name for any value."""
    if isinstance(owner, Arr | Num):
        return _array_attribute(lw, owner, name)
    if isinstance(owner, Box) and owner.kind == "object":
        return _object_attribute(lw, owner, owner.cls, name)
    if isinstance(owner, Tup) and owner.type is not tuple and owner.type is not list:
        if name == "_replace" and issubclass(owner.type, tuple):
            return Method(owner, name)
        names = field_names(owner.type)
        if name in names:
            return owner.items[names.index(name)]
        return _class_attribute(lw, owner, owner.type, name)
    if isinstance(owner, Box | ListRef | Tup):
        return Method(owner, name)
    if isinstance(owner, Known):
        plain = isinstance(owner.obj, str | bytes | list | dict | tuple | set)
        if plain and callable(getattr(owner.obj, name, None)):
            return Method(owner, name)
        if isinstance(owner.obj, int | float | complex) and not isinstance(owner.obj, type):
            return _array_attribute(lw, owner, name)
        return known_attribute(lw, owner, name)
    lw.refuse(f"the attribute '{name}' of {describe(owner)}")


def _array_attribute(lw: Lowerer, owner: Arr | Num | Known, name: str) -> AbstractValue:
    shape = owner.shape if isinstance(owner, Arr) else ()
    if name == "shape":
        return Tup(tuple(length(lw, n) for n in shape))
    if name == "ndim":
        return Known(len(shape))
    if name == "size":
        from ..arrays.core import size_of

        return length(lw, size_of(lw.ctx, shape))
    if name == "dtype":
        import numpy as np

        return Known(np.dtype(owner.dtype if isinstance(owner, Arr | Num) else lw.num(owner).dtype))
    if name in ("real", "imag") and not isinstance(owner, Arr):
        return elementwise(lw.ctx, name, owner)
    if name in ATTRIBUTES:
        return ATTRIBUTES[name](lw.ctx, owner)
    return Method(owner, name)


def _object_attribute(lw: Lowerer, owner: Box, cls: type, name: str) -> AbstractValue:
    if (owner.owner, name) in lw.state.values:
        return lw.get((owner.owner, name), f"{owner.owner.name}.{name}")
    return _class_attribute(lw, owner, cls, name)


def _class_attribute(lw: Lowerer, owner: AbstractValue, cls: type, name: str) -> AbstractValue:
    _refuse_own_access(lw, cls, "__getattribute__")
    found = _in_class(cls, name)
    if found is dataclasses.MISSING:
        _refuse_own_access(lw, cls, "__getattr__")
        lw.fail("AttributeError", f"'{cls.__name__}' object has no attribute '{name}'")
    if isinstance(found, property):
        from .calls import call_value

        return call_value(lw, _accessor(lw, cls, name, "fget"), [owner], {}, name)
    if isinstance(found, staticmethod):
        path = lw.session.classes.get(cls)
        plain = found.__func__
        return KnownAt(plain, (*path, ("attr", name))) if path else Known(plain)
    if isinstance(found, types.FunctionType):
        return Method(owner, name)
    if isinstance(found, bool | int | float | str | tuple | None):
        return Known(found)
    if callable(getattr(found, "py_func", None)):
        return Method(owner, name)
    lw.refuse(
        f"the attribute '{name}' of {describe(owner)}", "only methods, properties and plain class constants"
    )


def assign_by_class(lw: Lowerer, owner: Box, name: str, value: AbstractValue) -> bool:
    """Whether the class takes owner.name = value into its own hands: a property, whose setter is called."""
    _refuse_own_access(lw, owner.cls, "__setattr__")
    found = _in_class(owner.cls, name)
    if not hasattr(type(found), "__set__") or isinstance(found, types.MemberDescriptorType):
        return False
    if not isinstance(found, property):
        lw.refuse(f"assignment to '{name}' of {describe(owner)}, a descriptor", "use a property")
    if found.fset is None:
        lw.fail("AttributeError", f"property '{name}' of '{owner.cls.__name__}' object has no setter")
    from .calls import call_value

    call_value(lw, _accessor(lw, owner.cls, name, "fset"), [owner, value], {}, name)
    return True


def _accessor(lw: Lowerer, cls: type, name: str, which: str) -> Known:
    """The getter or setter of a property, with the path of its class where that is known."""
    function, path = getattr(_in_class(cls, name), which), lw.session.classes.get(cls)
    return KnownAt(function, (*path, ("attr", name), ("attr", which))) if path else Known(function)


def _in_class(cls: type, name: str) -> Any:
    """What a class or a base of it has under a name; MISSING if nothing."""
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), dataclasses.MISSING)


def _refuse_own_access(lw: Lowerer, cls: type, name: str) -> None:
    if any(name in vars(base) for base in cls.__mro__ if base is not object):
        lw.refuse(f"attributes of {cls.__name__}, which has a {name} of its own", "use properties")


def class_function(lw: Lowerer, cls: type, name: str) -> Known:
    """A method as a plain function, with the path of its class where that is known."""
    found, path = _in_class(cls, name), lw.session.classes.get(cls)
    if found is dataclasses.MISSING:
        lw.fail("AttributeError", f"'{cls.__name__}' object has no attribute '{name}'")
    return Known(found) if path is None else KnownAt(found, (*path, ("attr", name)))


def replaced(lw: Lowerer, owner: AbstractValue, kwargs: dict[str, AbstractValue]) -> AbstractValue:
    """owner._replace(**kwargs), dataclasses.replace(owner, **kwargs)."""
    cls = owner.type if isinstance(owner, Tup) else owner.cls if isinstance(owner, Box) else None
    names = field_names(cls) if cls is not None else ()
    if cls is None or set(kwargs) - set(names):
        lw.mismatch(f"{describe(owner)} has no such fields: {', '.join(kwargs)}")
    values = {name: kwargs.get(name) or get_attribute(lw, owner, name) for name in names}
    return construct(lw, cls, [], values, lw.call_path[-1])


def construct(
    lw: Lowerer, cls: type, args: list[AbstractValue], kwargs: dict[str, AbstractValue], site: object
) -> AbstractValue:
    """cls(*args, **kwargs) for NamedTuples, dataclasses and plain classes."""
    names = field_names(cls)
    if names and ("__init__" not in vars(cls) or dataclasses.is_dataclass(cls)):
        values = _fields(lw, cls, names, args, kwargs)
        if issubclass(cls, tuple) or is_immutable(cls):
            return Tup(tuple(lw.bound(values[n]) for n in names), cls)
        box = lw.new_box("object", cls, site, cls.__name__)
        for name in names:
            lw.set((box.owner, name), values[name])
        if hasattr(cls, "__post_init__"):
            from .calls import call_value

            call_value(lw, class_function(lw, cls, "__post_init__"), [box], {}, "__post_init__")
        return box
    init = class_function(lw, cls, "__init__")
    if not isinstance(init.obj, types.FunctionType):
        lw.no_rule(f"{cls.__name__}(...) cannot be compiled")
    from .calls import call_value

    box = lw.new_box("object", cls, site, cls.__name__)
    call_value(lw, init, [box, *args], kwargs, "__init__")
    return box


def _fields(
    lw: Lowerer,
    cls: type,
    names: tuple[str, ...],
    args: list[AbstractValue],
    kwargs: dict[str, AbstractValue],
) -> dict[str, AbstractValue]:
    values: dict[str, AbstractValue] = dict(zip(names, args, strict=False))
    if len(args) > len(names) or set(kwargs) - set(names) or set(kwargs) & set(values):
        lw.mismatch(f"{cls.__name__}() got arguments that do not fit its fields {', '.join(names)}")
    values.update(kwargs)
    for name in names:
        if name not in values:
            values[name] = _default(lw, cls, name)
    return values


def _default(lw: Lowerer, cls: type, name: str) -> AbstractValue:
    if dataclasses.is_dataclass(cls):
        (field,) = (f for f in dataclasses.fields(cls) if f.name == name)
        if field.default is not dataclasses.MISSING:
            return Known(field.default)
        if field.default_factory is not dataclasses.MISSING:
            from .containers import new_dict, new_list

            made = field.default_factory()
            if made == []:
                return new_list(lw, (), (cls, name))
            if made == {}:
                return new_dict(lw, (), (cls, name))
    elif name in getattr(cls, "_field_defaults", {}):
        return Known(cls._field_defaults[name])  # type: ignore[attr-defined]
    lw.mismatch(f"{cls.__name__}() misses the argument '{name}'")
