"""``clipwatch demo``: the main job, seen working."""

import click

from clipwatch.cli.text import say


@click.command()
@click.option("--for", "seconds", type=float, metavar="SECONDS", help="End by itself after these.")
def command(seconds: float | None) -> int:
    """Show the main job on sample images.

    Brings a server of its own that looks at their colours. Needs no other server, no images and no
    configuration, and leaves nothing behind.
    """
    from clipwatch.demo.show import show

    return show(seconds, say)
