"""``clipwatch interrogate``: ask a back end for an image's prompt."""

import click

from clipwatch.cli import options
from clipwatch.cli.client import daemon
from clipwatch.cli.images import find_image
from clipwatch.cli.text import note, say, say_json, seconds_text
from clipwatch.printable import printable


@click.command()
@click.argument("image", metavar="IMAGE_ID|PATH")
@click.option("--model", default="", help="Model to ask for. Default: the back end's.")
@click.option("--backend", default="", help="Name of the back end to ask. Default: any.")
@click.option("--force", is_flag=True, help="Ask again, even if the answer is stored.")
@options.url
@options.as_json
def command(
    image: str, model: str, backend: str, force: bool, url: str | None, as_json: bool
) -> None:
    """Ask a back end for an image's prompt."""
    server = daemon(url)
    image_id = find_image(server, image)["id"]
    body = {"model": model, "backend": backend, "force": force}
    answer = server.post(f"/api/v1/images/{image_id}/interrogate", body)
    if as_json:
        say_json(answer)
        return
    say(printable(answer["prompt"]))
    took = "stored before" if answer.get("cached") else seconds_text(answer.get("duration_ms"))
    parts = (answer.get("model_used"), answer.get("backend"), took)
    note(printable(", ".join(part for part in parts if part)))
