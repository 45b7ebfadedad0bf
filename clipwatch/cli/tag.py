"""``clipwatch tag``: tag an image yourself."""

from urllib.parse import quote

import click

from clipwatch.cli import options
from clipwatch.cli.client import daemon
from clipwatch.cli.images import find_image
from clipwatch.cli.text import say, say_json
from clipwatch.printable import printable


@click.command()
@click.argument("image", metavar="IMAGE_ID|PATH")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take these tags away.")
@options.url
@options.as_json
def command(
    image: str, names: tuple[str, ...], remove: bool, url: str | None, as_json: bool
) -> None:
    """Tag an image yourself, and print the tags that it has from you.

    Capitals do not matter, and an underscore is a space. `clipwatch search is:favourite` finds what
    is tagged favourite, `clipwatch search tag:to_print` any other tag.
    """
    for name in names:
        if not name.strip(" ."):  # an address with such a name at its end is another one
            raise click.BadParameter(f"{name!r} is no tag", param_hint="NAME")
    server = daemon(url)
    found = find_image(server, image)
    ask = server.delete if remove else server.put
    for name in names:
        answer = ask(f"/api/v1/images/{found['id']}/tags/{quote(name, safe='')}")
    if as_json:
        say_json(answer)
        return
    say(printable(f"{found['path']}: {', '.join(answer['tags']) or 'no tags of your own'}"))
