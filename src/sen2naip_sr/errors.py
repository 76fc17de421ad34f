"""Errors that the user can fix. They are shown without a traceback."""


class UserError(Exception):
    """Something that the user can fix.

    Problem and remedy are written for every reader: they name the thing (file, place, run), and
    no command, flag or path of a parameter. Those differ between the command line, Kedro and a
    server, and each adds its own by the error's code.

    Args:
        code: A short stable name of the kind of fault, in kebab-case.
        problem: What is wrong with which thing.
        remedy: What the user can do about it.
    """

    def __init__(self, code: str, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n  What to do: {remedy}")
        self.code = code
        self.problem = problem
        self.remedy = remedy

    def __reduce__(self) -> tuple[type["UserError"], tuple[str, str, str]]:
        return type(self), (self.code, self.problem, self.remedy)
