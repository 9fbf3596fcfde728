"""The program `teamledger`: Ctrl-C ends it without a traceback while its code is being loaded."""

from signal import SIG_DFL, SIGINT, default_int_handler, getsignal, signal


def run() -> None:
    """The command line as a program."""
    ours = getsignal(SIGINT) is default_int_handler  # else whoever started it has it ignored
    if ours:
        signal(SIGINT, SIG_DFL)
    from services.cli.main import app  # takes most of a second

    if ours:
        signal(SIGINT, default_int_handler)
    app()
