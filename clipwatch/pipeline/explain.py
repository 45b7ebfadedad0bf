"""Pure: why an image has the prompt that it has, or none yet, in a sentence for its owner."""

from clipwatch.model import Image, JobState, JobSummary, LocationState, Outcome, PromptType, Said

WHENCE = {
    PromptType.MANUAL: "somebody wrote it",
    PromptType.EMBEDDED: "the file carries it",
    PromptType.INHERITED: "another image with the same pixels carries it",
    PromptType.SIDECAR: "a text file beside the image says it",
    PromptType.CLIP_GENERATED: "a back end gave it",
}
STATES = {
    LocationState.SETTLING: "the file is still being written",
    LocationState.INCOMPLETE: "the end of the file is missing",
    LocationState.MISSING: "the file is gone",
}
JOBS = {
    JobState.READY: "an interrogation waits",
    JobState.LEASED: "an interrogation runs",
    JobState.DONE: "an interrogation ended without one",
    JobState.DEAD: "interrogating it was given up",
}
FOUND = {
    Outcome.NONE: "the file carries none",
    Outcome.NO_PROMPT: "the file carries metadata, but no prompt that is certain",
}


def because(image: Image, said: Said, *, enabled: bool) -> str:
    """Why this prompt, or why none; ``enabled`` is whether images are interrogated at all."""
    if image.prompt is not None:
        return _has_one(image, said)
    if image.state is LocationState.UNREADABLE or image.outcome is Outcome.UNREADABLE:
        return f"no prompt: {image.reason or 'the file cannot be read'}"
    if image.state in STATES:
        return f"no prompt: {STATES[image.state]}"
    found = FOUND.get(image.outcome or Outcome.NONE, "the file was not read yet")
    return f"no prompt yet: {found}, and {_asked(image.job, enabled)}"


def _has_one(image: Image, said: Said) -> str:
    prompt = image.prompt
    assert prompt is not None
    whence = WHENCE[prompt.type]
    if prompt.type is PromptType.EMBEDDED:
        by = f", written by {image.generator}" if image.generator else ""
        return f"{whence}: {said.found_in}{by}" if said.found_in else whence + by
    if prompt.type is PromptType.CLIP_GENERATED:
        found = FOUND.get(image.outcome or Outcome.NONE, "it was asked for")
        again = " for the same picture in another file" if prompt.cached else ""
        return f"{whence}{again}: {prompt.backend}, model {prompt.model_used}; {found}"
    return whence


def _asked(job: JobSummary | None, enabled: bool) -> str:
    if job is None:
        return "nobody was asked for one" if enabled else "interrogation is switched off"
    error = f"; last error: {job.error}" if job.error else ""
    return JOBS[job.state] + error
