"""Lists of attendees, from files and to them. `reading.read` makes People of a file in any of:

    CSV     pretix's order positions, or plain headers in any order, spelling and separator
    JSON    a list of objects with the same fields

`importing` and `command` alone open a socket: all else is pure, so the same bytes and the same salt
give the same people.
"""
