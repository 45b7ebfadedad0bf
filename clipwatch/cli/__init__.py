"""The command line. One module a command, imported when it is used; each is light itself and
imports what is heavy inside its function, so that ``clipwatch --help`` answers at once."""

import importlib
import sys
from collections.abc import Sequence

import click

from clipwatch import __version__
from clipwatch.errors import ClipwatchError
from clipwatch.printable import printable

#: Each is the ``command`` of the module that has its name, in the order of the help page.
COMMANDS = (
    *("run", "demo", "scan", "interrogate", "search", "show", "inspect", "status", "stats"),
    *("backend", "model", "tag", "forget", "prune", "relocate", "backup", "restore", "check"),
    "config",
)
INTERRUPTED = 130


class Commands(click.Group):
    """Imports a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"clipwatch.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="clipwatch", message="%(prog)s %(version)s")
def commands() -> None:
    """Watches folders of AI pictures and makes every one findable by its prompt.

    What a command was asked for goes to standard output, everything else to standard error.

    \b
    Exit codes:
      0   done                          69  unavailable: no daemon, port in use
      1   failed                        75  not in time; it goes on in the daemon
      2   usage, or a search text       78  a setting is wrong
          that cannot be understood    130  interrupted
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, say on standard error what went wrong, and return the exit code."""
    try:
        code = commands.main(arguments, prog_name="clipwatch", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except ClipwatchError as error:
        tell(error)
        return error.exit_code
    return code if isinstance(code, int) else 0


def tell(error: ClipwatchError) -> None:
    """What happened, and what to do next, on standard error."""
    for line in error.message.splitlines():
        click.echo(f"clipwatch: {printable(line)}", file=sys.stderr)
    if error.hint:
        click.echo(f"hint: {printable(error.hint)}", file=sys.stderr)
