"""Files as pretix and people make them."""

import csv
import io
from collections.abc import Sequence

# pretix/base/exporters/orderlist.py, order positions, of an event whose names have two parts; the
# questions stand between the follow-up date and the invoice's company.
PRETIX = (
    *("Event slug", "Order code", "Position ID", "Status", "Email", "Phone number", "Order date"),
    *("Order time", "Product", "Variation", "Price", "Tax rate", "Tax rule", "Tax value"),
    *("Attendee name", "Attendee name: Given name", "Attendee name: Family name"),
    *("Attendee email", "Company", "Address", "ZIP code", "City", "Country", "State", "Voucher"),
    *("Pseudonymization ID", "Seat ID", "Seat name", "Seat zone", "Seat row", "Seat number"),
    *("Order comment", "Follow-up date"),
    *("Job title", "Topics of interest", "Looking for \u2013 Peers", "Looking for \u2013 Money"),
    *("T-shirt size", "Company", "Invoice address name", "Invoice address name: Given name"),
    *("Invoice address name: Family name", "Address", "ZIP code", "City", "Country", "State"),
    *("VAT ID", "Sales channel", "Order locale", "E-mail address verified", "Payment providers"),
)


def pretix(*positions: dict[str, str], header: Sequence[str] = PRETIX) -> bytes:
    """`Company` is the attendee's, `Company 2` the invoice's."""
    rows = []
    for position in positions:
        given = dict(position)
        row = [given.pop(name, "") for name in header]
        second = len(header) - 1 - header[::-1].index("Company")
        row[second] = given.pop("Company 2", "")
        assert not given, given
        rows.append(row)
    return as_csv(header, *rows)


def as_csv(*rows: Sequence[str], separator: str = ",", quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue().encode()
