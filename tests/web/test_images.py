import asyncio
import io
import os
from importlib.resources import files
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from clipwatch.pipeline.thumbnails import USUAL_SIZE
from clipwatch.web.cursor import encode_cursor
from tests.waiting import eventually
from tests.web.conftest import Rig, body, problem

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
PARAMETERS = "a red fox in snow\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, Seed: 7"


async def test_an_image_is_described_as_promised(off: Rig) -> None:
    path = off.draw("fox.png", PARAMETERS)
    await off.scan()
    (image,) = await off.images(limit="1")
    assert image["path"] == str(path)
    assert image["root"] == str(off.folder)
    assert image["state"] == "present"
    assert (image["width"], image["height"], image["format"]) == (96, 64, "png")
    assert image["size"] == path.stat().st_size
    assert image["created_at"] == "2023-11-14T22:13:20Z"
    assert image["added_at"].endswith("Z")
    assert image["generator"]
    assert image["prompt"]["type"] == "embedded"
    assert image["prompt"]["text"] == "a red fox in snow"
    assert image["prompt"]["negative"] == "blurry"
    assert image["job"] is None
    assert image["locations"][0]["path"] == str(path)
    assert {"name", "category", "score"} <= image["tags"][0].keys()
    one = await body(await off.client.get(f"/api/v1/images/{image['id']}"))
    assert one == image


async def test_what_a_link_names_is_there(off: Rig) -> None:
    off.draw("fox.png", PARAMETERS)
    await off.scan()
    (image,) = await off.images()
    for address in image["links"].values():
        assert (await off.client.get(address)).status == 200


async def test_the_list_is_newest_first_and_goes_on_by_its_link(off: Rig) -> None:
    names = [f"{number}.png" for number in range(5)]
    for name in names:
        off.draw(name, PARAMETERS)
    await off.scan()
    seen, address = [], "/api/v1/images?limit=2&q=fox"
    while address:
        answer = await off.client.get(address)
        page = await body(answer)
        seen += [os.path.basename(image["path"]) for image in page["images"]]
        link = answer.links.get("next")
        assert (link is None) == (page["next_cursor"] is None)
        address = link["url"].path_qs if link is not None else ""  # type: ignore[union-attr]
        if address:
            assert parse_qs(urlsplit(address).query)["cursor"] == [page["next_cursor"]]
    assert seen == names[::-1]


async def test_an_empty_list_is_no_error(off: Rig) -> None:
    page = await body(await off.client.get("/api/v1/images?limit=1"))
    assert page == {"images": [], "next_cursor": None, "total": 0, "total_is_exact": True}


async def test_a_list_that_has_not_changed_is_not_sent_again(off: Rig) -> None:
    off.draw("fox.png", PARAMETERS)
    await off.scan()
    etag = (await off.client.get("/api/v1/images")).headers["ETag"]
    unchanged = await off.client.get("/api/v1/images", headers={"If-None-Match": etag})
    assert (unchanged.status, await unchanged.read()) == (304, b"")
    off.draw("more.png", PARAMETERS)
    await off.scan()
    changed = await off.client.get("/api/v1/images", headers={"If-None-Match": etag})
    assert changed.status == 200


@pytest.mark.parametrize(
    ("query", "status", "name"),
    [
        ("limit=0", 422, "limit"),
        ("limit=501", 422, "limit"),
        ("limit=many", 422, "limit"),
        ("colour=red", 422, "colour"),
        ("limit=1&limit=2", 400, "limit"),
        ("cursor=made-up", 400, "cursor"),
        ("sort=upwards", 422, "sort"),
        ("q=is:missing+sort:odlest", 400, "q"),
        ("q=colour:red", 400, "q"),
        ("q=%22open", 400, "q"),
    ],
)
async def test_what_a_list_cannot_take_is_named(
    off: Rig, query: str, status: int, name: str
) -> None:
    told = await problem(await off.client.get(f"/api/v1/images?{query}"), status)
    assert name in [wrong["name"] for wrong in told["errors"]]


async def test_a_search_error_names_the_token_and_its_place(off: Rig) -> None:
    told = await problem(await off.client.get("/api/v1/images?q=fox colour:red"), 400)
    assert told["token"] == "colour"
    assert told["at"] == 4
    assert told["hint"]


async def test_a_cursor_of_another_search_is_refused(off: Rig) -> None:
    for name in ("a.png", "b.png"):
        off.draw(name, PARAMETERS)
    await off.scan()
    page = await body(await off.client.get("/api/v1/images?limit=1"))
    other = {"limit": "1", "q": "fox", "cursor": page["next_cursor"]}
    await problem(await off.client.get("/api/v1/images", params=other), 400)


@pytest.mark.parametrize("rest", ["", "/file", "/thumbnail"])
@pytest.mark.parametrize("image_id", [UNKNOWN, "1", "no-id", "{" + UNKNOWN + "}", "%00", "%ff"])
async def test_an_id_that_nothing_has_is_not_found(off: Rig, image_id: str, rest: str) -> None:
    await problem(await off.client.get(f"/api/v1/images/{image_id}{rest}"), 404)


async def test_a_file_is_sent_as_it_lies_there(off: Rig) -> None:
    path = off.draw("füchse/über schnee.png", PARAMETERS)
    await off.scan()
    (image,) = await off.images()
    answer = await off.client.get(image["links"]["file"])
    assert await answer.read() == path.read_bytes()
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "%C3%BCber%20schnee.png" in answer.headers["Content-Disposition"]


async def test_part_of_a_file_can_be_asked_for(off: Rig) -> None:
    path = off.draw("fox.png", PARAMETERS)
    await off.scan()
    (image,) = await off.images()
    answer = await off.client.get(image["links"]["file"], headers={"Range": "bytes=1-3"})
    assert (answer.status, await answer.read()) == (206, path.read_bytes()[1:4])


async def test_a_file_that_has_not_changed_is_not_sent_again(off: Rig) -> None:
    off.draw("fox.png", PARAMETERS)
    await off.scan()
    (image,) = await off.images()
    etag = (await off.client.get(image["links"]["file"])).headers["ETag"]
    again = await off.client.get(image["links"]["file"], headers={"If-None-Match": etag})
    assert again.status == 304


async def test_files_sent_leave_nothing_open(off: Rig) -> None:
    off.draw("fox.png", PARAMETERS)
    await off.scan()
    (image,) = await off.images()
    await (await off.client.get(image["links"]["file"])).read()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        await (await off.client.get(image["links"]["file"])).read()
        await off.client.head(image["links"]["file"])
    await eventually(lambda: len(os.listdir("/proc/self/fd")) <= before + 2)


@pytest.mark.parametrize("rest", ["file", "thumbnail"])
async def test_a_file_that_is_gone_is_a_conflict(off: Rig, rest: str) -> None:
    path = off.draw("fox.png", PARAMETERS)
    await off.scan()
    (image,) = await off.images()
    path.unlink()
    told = await problem(await off.client.get(f"/api/v1/images/{image['id']}/{rest}"), 409)
    assert "fox.png" in told["detail"]
    assert told["hint"]


async def test_an_unfinished_file_is_a_conflict(off: Rig) -> None:
    path = off.draw("fox.png", PARAMETERS)
    path.write_bytes(path.read_bytes()[:-30])
    await off.scan()
    (image,) = await off.images()
    assert image["state"] == "incomplete"
    await problem(await off.client.get(image["links"]["file"]), 409)


async def test_a_folder_that_became_a_link_is_not_followed(off: Rig) -> None:
    off.draw("inner/fox.png", PARAMETERS)
    await off.scan()
    (image,) = await off.images()
    elsewhere = off.folder.parent / "elsewhere"
    (off.folder / "inner").rename(elsewhere)
    (off.folder / "inner").symlink_to(elsewhere)
    await problem(await off.client.get(image["links"]["file"]), 409)


async def test_a_fifo_in_the_place_of_a_file_does_not_hang(off: Rig) -> None:
    path = off.draw("fox.png", PARAMETERS)
    await off.scan()
    (image,) = await off.images()
    path.unlink()
    os.mkfifo(path)
    async with asyncio.timeout(60):
        await problem(await off.client.get(image["links"]["file"]), 409)


async def test_a_page_in_the_place_of_an_image_is_still_sent_as_an_image(off: Rig) -> None:
    path = off.draw("fox.png", PARAMETERS)
    await off.scan()
    (image,) = await off.images()
    path.write_text("<script>alert(1)</script>")
    answer = await off.client.get(image["links"]["file"])
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    await problem(await off.client.get(image["links"]["thumbnail"]), 409)


async def test_a_thumbnail_has_the_size_that_was_asked_for(off: Rig) -> None:
    off.draw("fox.png", PARAMETERS, size=(600, 300))
    await off.scan()
    (image,) = await off.images()
    answer = await off.client.get(image["links"]["thumbnail"], params={"size": "100"})
    assert answer.content_type == "image/webp"
    with Image.open(io.BytesIO(await answer.read())) as made:
        assert (made.format, made.size) == ("WEBP", (100, 50))


async def test_a_thumbnail_is_made_once_for_a_browser(off: Rig) -> None:
    off.draw("fox.png", PARAMETERS)
    await off.scan()
    (image,) = await off.images()
    address = image["links"]["thumbnail"]
    etag = (await off.client.get(address)).headers["ETag"]
    assert (await off.client.get(address, headers={"If-None-Match": etag})).status == 304
    larger = await off.client.get(f"{address}?size=512", headers={"If-None-Match": etag})
    assert larger.status == 200


async def test_a_thumbnail_is_kept_until_no_image_has_its_content(off: Rig) -> None:
    kept = off.folder.parent / "thumbnails"
    older, away = off.draw("0.png", PARAMETERS), off.folder.parent / "away.png"
    await off.scan()
    # A copy that is seen while its original is away, whose hash nobody has made, is an image.
    older.rename(away)
    (off.folder / "1.png").write_bytes(away.read_bytes())
    await off.scan()
    away.rename(older)
    await off.scan()
    images = await off.images()
    assert len(images) == 2
    made = {await (await off.client.get(one["links"]["thumbnail"])).read() for one in images}
    assert len(made) == len(list(kept.rglob("*.webp"))) == 1
    await off.client.delete(f"/api/v1/images/{images[0]['id']}")
    assert len(list(kept.rglob("*.webp"))) == 1
    await off.client.delete(f"/api/v1/images/{images[1]['id']}")
    assert not list(kept.rglob("*.webp"))


async def test_thumbnails_go_with_their_images(off: Rig) -> None:
    kept = off.folder.parent / "thumbnails"
    paths = [off.draw(f"{number}.png", PARAMETERS) for number in range(3)]
    await off.scan()
    images = await off.images()
    made = [await (await off.client.get(one["links"]["thumbnail"])).read() for one in images]
    files = list(kept.rglob("*.webp"))
    assert sorted(path.read_bytes() for path in files) == sorted(made)
    await off.client.delete(f"/api/v1/images/{images[0]['id']}")
    assert len(list(kept.rglob("*.webp"))) == 2
    paths[0].unlink()
    await off.scan()
    await off.post("/api/v1/images/prune", {"missing_days": 0, "dry_run": False})
    assert len(list(kept.rglob("*.webp"))) == 1


def test_the_gallery_asks_for_the_size_that_idle_time_makes() -> None:
    script = files("clipwatch.web") / "static/list.js"
    assert f"picture.src = source({USUAL_SIZE})" in script.read_text()


async def test_a_thumbnail_that_cannot_be_kept_is_given_all_the_same(off: Rig) -> None:
    (off.folder.parent / "thumbnails").write_text("in the way")
    off.draw("fox.png", PARAMETERS)
    await off.scan()
    (image,) = await off.images()
    assert (await off.client.get(image["links"]["thumbnail"])).status == 200


async def test_a_file_without_a_picture_is_decoded_once(off: Rig) -> None:
    path = off.draw("fox.png", PARAMETERS)
    whole = path.read_bytes()
    at = whole.index(b"IDAT") + 4
    path.write_bytes(whole[:at] + bytes(8) + whole[at + 8 :])
    await off.scan()
    (image,) = await off.images()
    first = await problem(await off.client.get(image["links"]["thumbnail"]), 409)
    path.unlink()  # it need not be there to be known as broken
    again = await problem(await off.client.get(f"{image['links']['thumbnail']}?size=512"), 409)
    assert again["detail"] == first["detail"]
    assert again["hint"] == first["hint"]


@pytest.mark.parametrize("size", ["63", "1025", "big"])
async def test_a_thumbnail_has_its_limits(off: Rig, size: str) -> None:
    await problem(await off.client.get(f"/api/v1/images/{UNKNOWN}/thumbnail?size={size}"), 422)


async def test_an_undecodable_name_is_shown_and_its_file_sent(off: Rig) -> None:
    path = off.draw("fox.png", PARAMETERS)
    os.rename(os.fsencode(path), os.fsencode(off.folder) + b"/\xe9.png")
    await off.scan()
    (image,) = await off.images()
    assert image["path"].endswith("/\N{REPLACEMENT CHARACTER}.png")
    assert (await off.client.get(image["links"]["file"])).status == 200


async def test_a_forgotten_image_is_gone_and_its_file_is_not(off: Rig) -> None:
    path = off.draw("fox.png", PARAMETERS)
    await off.scan()
    (image,) = await off.images()
    address = f"/api/v1/images/{image['id']}"
    answer = await body(await off.client.delete(address))
    assert answer == {"image_id": image["id"], "files": [str(path)], "backups": []}
    assert path.exists()
    await problem(await off.client.delete(address), 404)
    await off.scan()
    assert await off.images() == []


async def test_what_is_missing_is_counted_and_then_pruned(off: Rig) -> None:
    for name in ("a.png", "b.png", "c.png"):
        off.draw(name, PARAMETERS)
    await off.scan()
    (off.folder / "a.png").unlink()
    await off.scan()
    counted = await body(await off.client.post("/api/v1/images/prune", json={"missing_days": 0}))
    assert counted == {"images": 1, "locations": 0, "dry_run": True}
    wanted = {"missing_days": 0, "dry_run": False}
    done = await body(await off.client.post("/api/v1/images/prune", json=wanted))
    assert done == {"images": 1, "locations": 0, "dry_run": False}
    assert await off.images(q="is:missing") == []
    assert len(await off.images()) == 2
    await problem(await off.client.post("/api/v1/images/prune", json={}), 422)


async def listed(off: Rig, **parameters: str) -> list[str]:
    """Names of all images, page by page, two at a time."""
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await off.client.get(
            "/api/v1/images", params={**parameters, "limit": "2", **cursor}
        )
        told = await body(answer)
        names += [os.path.basename(image["path"]) for image in told["images"]]
        if told["next_cursor"] is None:
            return names
        cursor = {"cursor": told["next_cursor"]}


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({}, ["4.png", "3.png", "2.png", "1.png", "0.png"]),
        ({"sort": "oldest"}, ["0.png", "1.png", "2.png", "3.png", "4.png"]),
        ({"q": "fox sort:oldest"}, ["0.png", "1.png", "2.png", "3.png", "4.png"]),
        ({"q": "fox sort:oldest", "sort": "newest"}, ["4.png", "3.png", "2.png", "1.png", "0.png"]),
        ({"q": "fox OR owl", "sort": "relevance"}, ["3.png", "4.png", "2.png", "1.png", "0.png"]),
    ],
)
async def test_every_order_goes_to_the_end(
    off: Rig, parameters: dict[str, str], names: list[str]
) -> None:
    for number in range(5):
        off.draw(
            f"{number}.png", "a fox, an owl, owl\nSteps: 20, Seed: 9" if number == 3 else PARAMETERS
        )
    await off.scan()
    assert await listed(off, **parameters) == names


@pytest.mark.parametrize("sort", ["newest", "oldest", "relevance", "added", "path"])
async def test_pages_skip_and_repeat_nothing_while_images_arrive(off: Rig, sort: str) -> None:
    for number in range(6):
        off.draw(f"{number}.png", PARAMETERS)
    await off.scan()
    asked = {"q": "fox", "sort": sort, "limit": "2"}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for number in range(6, 9):
        told = await body(await off.client.get("/api/v1/images", params={**asked, **cursor}))
        seen += [image["id"] for image in told["images"]]
        cursor = {"cursor": told["next_cursor"] or ""}
        off.draw(f"{number}.png", PARAMETERS)
        await off.scan()
    assert len(set(seen)) == len(seen) == 6


async def test_a_cursor_of_another_order_or_search_is_refused(off: Rig) -> None:
    for number in range(3):
        off.draw(f"{number}.png", PARAMETERS)
    await off.scan()
    first = await body(await off.client.get("/api/v1/images?limit=1"))
    for other in ({"sort": "oldest"}, {"q": "fox"}):
        asked = {"limit": "1", "cursor": first["next_cursor"], **other}
        told = await problem(await off.client.get("/api/v1/images", params=asked), 400)
        assert "Start again without cursor" in told["hint"]


@pytest.mark.parametrize("sort", ["newest", "oldest", "relevance", "added", "path"])
@pytest.mark.parametrize("position", [2**100, -(2**100), 2**63, -1, 0])
async def test_a_cursor_that_was_reckoned_is_a_position_like_any(
    off: Rig, sort: str, position: int
) -> None:
    cursor = encode_cursor(position, f"images {sort} fox")
    asked = {"q": "fox", "sort": sort, "cursor": cursor}
    assert (await body(await off.client.get("/api/v1/images", params=asked)))["images"] == []


async def test_the_total_is_told_where_it_is_known(off: Rig) -> None:
    for number in range(3):
        off.draw(f"{number}.png", PARAMETERS)
    await off.scan()
    for query, total in (
        *(("limit=1", 3), ("q=fox&limit=3", 3), ("q=fox&limit=2", 3), ("q=fo*&limit=3", 3)),
        ("q=fo*&limit=2", None),
    ):
        told = await body(await off.client.get(f"/api/v1/images?{query}"))
        assert (told["total"], told["total_is_exact"]) == (total, total is not None)


async def test_lists_are_sorted_as_asked(off: Rig) -> None:
    for name in ("b.png", "a.png", "c.png"):
        off.draw(name, PARAMETERS)
        await off.scan()
    for sort, expected in (("path", "abc"), ("added", "cab")):
        for asked in ({"sort": sort}, {"q": f"fox sort:{sort}"}):
            names = ""
            more: dict[str, str] = {}
            while True:
                parameters = {"limit": "2", **asked, **more}
                told = await body(await off.client.get("/api/v1/images", params=parameters))
                names += "".join(image["path"][-5] for image in told["images"])
                if told["next_cursor"] is None:
                    break
                more = {"cursor": told["next_cursor"]}
            assert names == expected
