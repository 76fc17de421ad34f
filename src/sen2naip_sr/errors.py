"""Errors that are the user's to fix: they are shown without a traceback."""


class UserError(Exception):
    """Something that the user can put right.

    The command line shows the message alone, so the message has to name the thing
    (file, parameter, dataset), say what is wrong with it and what to do.

    Args:
        problem: What is wrong with which thing.
        remedy: What the user can do about it.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n  What to do: {remedy}")
        self.problem = problem
        self.remedy = remedy

    def __reduce__(self) -> tuple[type["UserError"], tuple[str, str]]:
        return type(self), (self.problem, self.remedy)
