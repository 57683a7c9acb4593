"""What the double raises: a wrong wish of the caller, never a planned fault."""


class BadRequest(ValueError):
    """The configuration, a fault or a control request asks for something impossible."""
