"""What clipwatch costs, measured: ``python -m benchmarks`` runs all, one at a time.

    first_import   a folder that is new: images a second, memory
    arrival        from close() of an image to its committed row
    cached         images whose pixels are known come back under other names
    dispatch       the share of a back end's time that is used, and what it costs
    manners        what an owner who renders all day loses to the backlog, simulated
    idle_memory    what the waiting daemon holds, and for what
    http           a page over HTTP, against FastAPI
    reading        what is said in files, read
    search         searches in a million images

``library_files`` writes such a million as files, for a daemon.

Every figure that matters is a ratio to a floor taken in the same run, because the machine's own
speed moves by more than the code's. The database lies where ``TMPDIR`` points: choose a real disk.
None of this is a test, and none of it runs among the tests.
"""
