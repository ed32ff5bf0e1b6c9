"""The proof, as a command: `python -m workers prove`.

Processes of the product run under load while everything that can fail fails. What they promised
meanwhile is written down, and compared with what is there at the end.

    acts.py      what is done: as a request, as a command, as the event that comes of it
    ledger.py    what was answered, heard and read, as lines of files
    stack.py     what runs        faults.py    what fails         plants.py    bugs to be found
    load.py      over HTTP        store.py     on the store       tail.py      reads the log
    checks.py    what must hold, as pure functions                report.py    how it went
"""
