"""Errors that the user can fix. They are shown without a traceback."""

import errno
from collections.abc import Callable

REMEDY = "\n  What to do: "
"""What stands between problem and remedy in an error's text."""

READ_ONLY = "choose a folder that is writable"
DISK_ERRORS = {
    errno.ENOSPC: "free some space on that disk, or choose another one",
    errno.EDQUOT: "free some space in your quota",
    errno.EROFS: READ_ONLY,
    errno.EACCES: "allow yourself to read and write it, or choose another folder",
    errno.EPERM: "allow yourself to read and write it, or choose another folder",
}


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
        super().__init__(f"{problem}{REMEDY}{remedy}")
        self.code = code
        self.problem = problem
        self.remedy = remedy

    def __reduce__(self) -> tuple[type["UserError"], tuple[str, str, str]]:
        return type(self), (self.code, self.problem, self.remedy)


def find_user_error(
    error: BaseException | None,
    explained: Callable[[BaseException], UserError | None] = lambda _: None,
) -> UserError | None:
    """Return the `UserError` among an exception and its causes; disk errors count as such.

    Args:
        error: The exception.
        explained: Returns what else is an error that the user can fix.
    """
    while error is not None:
        if isinstance(error, UserError):
            return error
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            return UserError(
                "disk-error",
                f"{error.filename or 'a file'}: {error.strerror}",
                DISK_ERRORS[error.errno],
            )
        if (found := explained(error)) is not None:
            return found
        suppressed = error.__suppress_context__
        error = error.__cause__ or (None if suppressed else error.__context__)
    return None
