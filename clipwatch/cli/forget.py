"""``clipwatch forget``: delete all that is known of one image."""

import click

from clipwatch.cli import options
from clipwatch.cli.client import daemon
from clipwatch.cli.images import find_image
from clipwatch.cli.text import note, say, say_json
from clipwatch.printable import printable


@click.command()
@click.argument("image", metavar="IMAGE_ID|PATH")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.url
@options.as_json
def command(image: str, yes: bool, url: str | None, as_json: bool) -> None:
    """Delete all that is known of an image, for good.

    Its prompts, tags and thumbnail. Its files are not touched, and no scan brings them back.
    """
    server = daemon(url)
    found = find_image(server, image)
    if not yes:
        note(printable(f"prompts, tags and history of {found['path']} will be deleted"))
        click.confirm("Forget it?", abort=True, err=True)
    answer = server.delete(f"/api/v1/images/{found['id']}")
    if as_json:
        say_json(answer)
        return
    say(printable(f"forgotten: {found['path']}"))
    for backup in answer["backups"]:
        note(printable(f"{backup} may hold it until newer backups take its place"))
