"""The errors that the sandbox raises, each with the exit code it ends a command with."""


class SandboxError(Exception):
    """A failure that the user can act on: shown as one line, without a traceback.

    Messages say `name (value) must …`, give the rule and the alternatives, and never contain
    a cell of personal data, a row count of a protected table, or a key.
    """

    exit_code = 1


class UseCaseError(SandboxError):
    """A use case, plan or input file breaks a rule; the message names the key and the rule."""

    exit_code = 2


class NotApplicableError(SandboxError):
    """An option cannot answer this kind of question; becomes a row in the comparison."""

    exit_code = 3


class BudgetExceededError(SandboxError):
    """A privacy budget does not cover the cost of what was asked."""

    exit_code = 4


class MissingEngineError(SandboxError):
    """An optional engine is not installed; the message names the extra that brings it."""

    exit_code = 5


class PolicyError(SandboxError):
    """A force's policy does not permit what was asked."""

    exit_code = 6


class StoreError(SandboxError):
    """A force's store cannot be read or written."""

    exit_code = 7
