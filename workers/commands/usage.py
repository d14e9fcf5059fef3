"""What is wrong with a command line, said in the language asked for; Typer itself speaks English only."""

import sys
from collections.abc import Sequence
from typing import Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from shared.reasons import reason
from shared.settings import faults
from shared.words import sentence
from workers.commands.terminal import USAGE, complain, language, speak, told


class Commands(TyperGroup):
    """All commands: chooses the language before any of them begins, and says what Typer finds wrong."""

    def main(self, args: Sequence[str] | None = None, *names: Any, **more: Any) -> Any:
        arguments = sys.argv[1:] if args is None else list(args)
        try:
            speak(arguments)
            code = super().main(arguments, *names, **more | {"standalone_mode": False})
        except ValidationError as error:  # of the settings
            for variable, fault in faults(error):
                complain(told("settings", variable=variable, error=reason("settings", fault, language())))
            sys.exit(USAGE)
        except typer.TyperException as error:
            _explain(error)
            sys.exit(error.exit_code)
        sys.exit(code or 0)


def _explain(error: typer.TyperException) -> None:
    kind, context = type(error).__name__, getattr(error, "ctx", None)
    if kind == "NoArgsIsHelpError":  # the help has been shown
        return
    parameter = getattr(error, "param", None)
    values = {
        "option": getattr(error, "option_name", ""),
        "parameter": parameter.opts[0] if parameter and parameter.param_type_name == "option" else _metavar(parameter),
        "message": reason("usage", error.message.removeprefix("Value error, "), language()),
    }
    complain(sentence("usage", kind if kind in _KINDS else "UsageError", values, language()))
    if context:
        complain(sentence("usage", "help", {"command": context.command_path}, language()))


_KINDS = ("NoSuchOption", "MissingParameter", "BadParameter")


def _metavar(parameter: Any) -> str:
    return parameter.display_name_raw.upper() if parameter else ""
