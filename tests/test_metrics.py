"""The figures as Prometheus reads them."""

from clipwatch.metrics import make_metrics, render


def test_what_is_counted_is_on_the_page() -> None:
    metrics = make_metrics()
    metrics.scanned.labels("prompt").inc(3)
    metrics.prompts.labels("embedded").inc()
    metrics.interrogations.labels("default", "stored").inc()
    metrics.yielded_seconds.inc(2.5)
    metrics.jobs.labels("ready").set_function(lambda: 7)
    page, content_type = render(metrics)
    lines = page.decode().splitlines()
    assert content_type.startswith("text/plain")
    for line in (
        'clipwatch_images_scanned_total{outcome="prompt"} 3.0',
        'clipwatch_prompts_stored_total{type="embedded"} 1.0',
        'clipwatch_interrogations_total{backend="default",result="stored"} 1.0',
        "clipwatch_yielded_seconds_total 2.5",
        'clipwatch_jobs{state="ready"} 7.0',
        "clipwatch_hints_total 0.0",
    ):
        assert line in lines
    assert any(line.startswith("process_resident_memory_bytes") for line in lines)


def test_two_registries_share_nothing() -> None:
    one, other = make_metrics(), make_metrics()
    one.hints.inc()
    assert b"clipwatch_hints_total 0.0" in render(other)[0]
