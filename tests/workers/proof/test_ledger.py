from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from workers.proof.acts import Act
from workers.proof.ledger import Entry, LineReader, LineWriter, Refusal, Tally, lines

words = st.text(max_size=5)
acts = st.builds(Act, words, words, words, words)
seconds = st.floats(0, 10)
answers = st.one_of(
    st.builds(
        Entry, acts, st.integers(-1, 9), words, seconds, seconds, key=st.none() | words,
        again=st.booleans(),
    ),
    st.builds(Refusal, acts, words),
    st.builds(Tally, words, st.integers(0, 9)),
)  # fmt: skip


@given(st.lists(st.lists(answers)))
def test_ledger_is_read_as_it_was_written_however_often_one_looks(
    tmp_path_factory: object, written: list[list[object]]
) -> None:
    path = Path(tmp_path_factory.mktemp("ledger")) / "book.jsonl"  # type: ignore[attr-defined]
    page = LineReader(path, Entry | Refusal | Tally)
    read = list(page.new())
    with LineWriter(path) as book:
        for some in written:
            for line in some:
                book.write(line)
            read += page.new()
    assert read == lines(path, Entry | Refusal | Tally) == [line for of in written for line in of]


def test_line_that_a_kill_cut_off_is_none_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "book.jsonl"
    page = LineReader(path, list[int])
    path.write_bytes(b"[1]\n[2, 3")
    assert list(page.new()) == [[1]]
    with path.open("ab") as file:
        file.write(b"]\n")
    assert list(page.new()) == [[2, 3]]
