"""The command `bench`: its verbs by workflow, one line for whatever is wrong, exit statuses."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import click
from click.shell_completion import shell_complete

from bench import __version__
from bench.cli import home
from bench.cli.claims import claims
from bench.cli.drafting import init
from bench.cli.finding import examine, list_available, measure_speed
from bench.cli.options import DONE, INTERRUPTED, WRONG, OneOf, Verb, verb
from bench.cli.reading import ablate, analyze, calibrate, leaderboard, report, verify
from bench.cli.running import gate, rerun, run, show_status, sync, tune
from bench.cli.showing import show
from bench.errors import BenchError, ConfigurationError, suggest
from bench.errors import show as show_value

_ASKED = "_BENCH_COMPLETE"  # the variable in which click's scripts ask what could come next


@verb("completion", "bash >> ~/.bashrc", "zsh >> ~/.zshrc", "fish >> ~/.config/fish/config.fish")
@click.argument("shell", type=OneOf(("bash", "zsh", "fish")), help="The shell you type in.")
def print_completion(shell: str) -> int:
    """Print the script that completes bench by TAB.

    Add it to the shell's start-up file, as below, and open a new terminal. TAB then completes
    verbs, options and their values, studies and files. In zsh it belongs below compinit.
    """
    return shell_complete(bench, {}, "bench", _ASKED, f"{shell}_source")


_OF_OUTPUT = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
_HEADINGS = {
    "Find out what there is": (list_available, show, examine, measure_speed),
    "Make and run a study": (init, gate, run, show_status, tune, sync),
    "Read the results": (
        leaderboard,
        claims,
        analyze,
        ablate,
        report,
        verify,
        rerun,
        calibrate,
    ),
    "Set up the shell": (print_completion,),
}
_VERBS = {str(verb.name): verb for verbs in _HEADINGS.values() for verb in verbs}


class _Verbs(click.Group, Verb):
    """The verbs below headings, in the order in which one needs them."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs, then the options of `bench` itself."""
        width = max(map(len, self.commands))
        for heading, verbs in _HEADINGS.items():
            rows = [(f"{verb.name:{width}}", verb.get_short_help_str(66)) for verb in verbs]
            with formatter.section(heading):
                formatter.write_dl(rows)
        click.Command.format_options(self, ctx, formatter)


@click.group(
    cls=_Verbs,
    commands=_VERBS,
    no_args_is_help=False,
    subcommand_metavar="VERB ...",
    options_metavar="",
    epilog="bench list studies\nbench run quickstart\nbench run --help",
    context_settings={"show_default": True},
)
@click.version_option(__version__, prog_name="bench", message="%(prog)s %(version)s")
def bench() -> None:
    """Find out which Bayesian architecture-search method is worth using.

    A study (STUDY) says which methods are compared, on which data sets and with which seeds: a
    shipped one or a YAML file. Exit status: 0 done, 1 some trials failed (the rest are saved),
    2 wrong usage, 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; wrong usage is one line on stderr."""
    sys.stdout, sys.stderr = map(_make_writable, (sys.stdout, sys.stderr))
    home.make_do()
    try:
        status = _run_verb(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return status
    except BenchError as error:
        return _end(f"bench: {error}", WRONG)
    except KeyboardInterrupt as error:
        text = str(error) or "interrupted; nothing is lost: run the same command again"
        return _end(text, INTERRUPTED)
    except BrokenPipeError:  # what read our output has seen enough
        return _end("", DONE)
    except OSError as error:
        if (refusal := _explain_refusal(error)) is None:
            raise
        return _end(f"bench: {refusal}", WRONG)


def _make_writable(stream: TextIO | None) -> TextIO:
    """A standard stream that takes all characters; one to nowhere for one that is closed."""
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper):  # a terminal may know ASCII alone
        stream.reconfigure(errors="backslashreplace")
    return stream


def _explain_refusal(error: OSError) -> str | None:
    """What the system has against a path or the output; None: something else.

    Of paths those that no system can have get here: too long, of links in a circle.
    """
    if error.filename is not None:
        return f"{show_value(str(error.filename))}: {error.strerror}"
    return error.strerror if error.errno in _OF_OUTPUT else None


def _end(text: str, status: int) -> int:
    """The status, with a line on stderr where there is one; what cannot be written is dropped."""
    for stream, last in ((sys.stderr, f"{text}\n" if text else ""), (sys.stdout, "")):
        try:
            stream.write(last)
            stream.flush()
        except OSError:  # Python would try again at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return status


def _run_verb(arguments: Sequence[str]) -> int:
    """As click.Command.main does, which would print other texts for errors and Ctrl-C."""
    if instruction := os.environ.get(_ASKED):
        return shell_complete(bench, {}, "bench", _ASKED, instruction)
    try:
        with bench.make_context("bench", list(arguments)) as context:
            if not arguments:
                print(context.get_help(), file=sys.stderr)
                raise ConfigurationError("a verb is needed")
            _check_folder()
            status: int = bench.invoke(context)
            return status
    except click.exceptions.Exit as end:  # of --help and --version
        return end.exit_code
    except click.UsageError as error:
        verb = " ".join(["bench", *(name for name in arguments[:1] if name in _VERBS)])
        raise ConfigurationError(f"{_explain(error)} (see {verb} --help)") from None


def _check_folder() -> None:
    """Raises ConfigurationError where the current folder is gone: libraries end without a word."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise ConfigurationError("the current folder was deleted; go to another") from None


def _explain(error: click.UsageError) -> str:
    """What is wrong and what may have been meant, in one line."""
    parameter = getattr(error, "param", None)
    hint = parameter.get_error_hint(None).strip("'") if parameter else ""
    match error:
        case click.NoSuchCommand(command_name=name):
            return f"no verb {name!r}; {suggest(name, _VERBS)}"
        case click.NoSuchOption(option_name=name, possibilities=near):
            return f"no option {name!r}" + (f"; did you mean {near[0]}?" if near else "")
        case click.MissingParameter():
            return f"{hint} is missing"
        case click.BadParameter():
            return f"{hint} {error.message}"
    text = error.format_message()
    return text[:1].lower() + text[1:].rstrip(".")
