"""`pb.cuda`: there is none; code that asks gets an honest answer."""


def is_available() -> bool:
    """False: tensors live in memory of the CPU.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.cuda.is_available()
    False
    """
    return False


def device_count() -> int:
    """0.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.cuda.device_count()
    0
    """
    return 0


def synchronize(device: object = None) -> None:
    """Nothing to wait for.

    Parameters
    ----------
    device
        Not looked at.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.cuda.synchronize()
    """
