"""The proof, as a command: `python -m workers prove`.

Processes of the product run under load while everything that can fail fails. What they acknowledge
is recorded, and compared with what is there at the end.

    run.py       from the beginning to the end; the modules below in their order
    stack.py     what is started, and ends; with a bug of plants.py, by planted.py
    acts.py      the acts: as a request, as a command, as the event that follows
    load.py      members over HTTP, readers of live feeds, and the probe: a process
    store.py     members straight on the store, through the proxy of wire.py: a process each
    tail.py      a reader of the log: a process
    ledger.py    what these were answered, heard and read, as lines of files
    faults.py    the faults, and how long recovery takes
    finale.py    reads and checks the end, by catching_up.py, tables.py and stream.py
    checks.py    what must hold, as pure functions
    report.py    the report
"""
