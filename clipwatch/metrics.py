"""What is counted, for Prometheus. Its registry is made and passed around; none is global."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures, each named for what it counts; labels stand behind it."""

    registry: CollectorRegistry
    scanned: Counter  #: outcome
    prompts: Counter  #: type
    interrogations: Counter  #: backend, result
    yielded_seconds: Counter
    jobs: Gauge  #: state; whoever renders sets it, or gives a function with ``set_function``
    hints: Counter
    hints_missed: Counter  #: files that only a reconcile found
    reconciles: Counter
    sweep_calls: Counter  #: call: what sweeps ask of file systems, each a round trip on a share
    healthy: Gauge  #: part; 1 or 0
    disk_bytes: Gauge  #: part; what the store takes up, and what is free
    kept_at: Gauge  #: chore; when it was done last, in seconds since the epoch


def make_metrics() -> Metrics:
    """All figures at zero, in a registry of their own that also reports on this process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)

    def counter(name: str, text: str, *labels: str) -> Counter:
        return Counter(f"clipwatch_{name}", text, labels, registry=registry)

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"clipwatch_{name}", text, labels, registry=registry)

    return Metrics(
        registry=registry,
        scanned=counter("images_scanned", "Files read, by what was found in them.", "outcome"),
        prompts=counter("prompts_stored", "Prompts stored, by type.", "type"),
        interrogations=counter(
            "interrogations", "Interrogations that ended, by result.", "backend", "result"
        ),
        yielded_seconds=counter(
            "yielded_seconds", "Time waited because a server rendered for its owner."
        ),
        jobs=gauge("jobs", "Interrogations by state.", "state"),
        hints=counter("hints", "Paths that the observer named."),
        hints_missed=counter("hints_missed", "Changes that no hint named and a reconcile found."),
        reconciles=counter("reconciles", "Comparisons of a folder tree with the store."),
        sweep_calls=counter(
            "sweep_calls", "Folders listed and folders and files looked at by sweeps.", "call"
        ),
        healthy=gauge("healthy", "Whether a part is as it should be, as in /health.", "part"),
        disk_bytes=gauge("disk_bytes", "Room that the database takes up and has left.", "part"),
        kept_at=gauge("kept_at_seconds", "When the database was last looked after.", "chore"),
    )


def render(metrics: Metrics) -> tuple[bytes, str]:
    """The page that Prometheus reads, and its content type."""
    return generate_latest(metrics.registry), CONTENT_TYPE_LATEST
