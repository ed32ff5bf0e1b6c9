"""The messages about settings that cannot be used."""

from pathlib import Path

import pytest

from domain.errors import Invalid
from workers import settings
from workers.servers.datadir import make, private
from workers.settings import Settings


def test_settings_are_read_from_the_environment_and_an_empty_one_is_absent() -> None:
    given = {"PORT": "9000", "DATA_DIR": "/srv/data", "NATS_URL": "", "JWT_SECRET": "12", "X": "y"}
    assert settings.read(given) == Settings(port=9000, data_dir=Path("/srv/data"), jwt_secret="12")


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("PORT", "abc", "from 0 to 65535"),
        ("PORT", "65536", "from 0 to 65535"),
        ("PORT", "1.5", "from 0 to 65535"),
        ("RATE_LIMIT", "0", "from 1"),
    ],
)
def test_number_that_is_none_is_named_with_what_it_must_be(
    name: str, value: str, wanted: str
) -> None:
    with pytest.raises(Invalid) as refused:
        settings.read({name: value})
    assert refused.value.detail == (
        f"{name} must be a whole number {wanted}. Change it and start again."
    )


WITH_PROVIDER = {
    "JWT_JWKS_URL": "https://id.example/jwks.json",
    "JWT_AUDIENCE": "https://rapport.example",
    "JWT_ISSUER": "https://id.example/",
}


@pytest.mark.parametrize("missing", WITH_PROVIDER)
def test_identity_provider_is_told_whole_or_not_at_all(missing: str) -> None:
    settings.read(WITH_PROVIDER)
    with pytest.raises(Invalid) as refused:
        settings.read(WITH_PROVIDER | {missing: ""})
    given = [name for name in WITH_PROVIDER if name != missing]
    assert missing in refused.value.detail
    assert all(name in refused.value.detail for name in given if missing == "JWT_JWKS_URL")
    assert refused.value.detail.endswith("and start again.")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "conf.example"),
        ("PUBLIC_URL", "ftp://conf.example"),
        ("PUBLIC_URL", "https://conf.example/rapport"),
        ("PUBLIC_URL", "https://a@conf.example"),
        ("PUBLIC_URL", "https://conf.example:https"),
        ("TRUSTED_PROXY", "nginx"),
        ("TRUSTED_PROXY", "*"),
        ("TRUSTED_PROXY", "127.0.0.1,"),
        ("TRUSTED_PROXY", "10.0.0.1/8"),
    ],
)
def test_address_that_is_none_is_named_with_what_it_must_be(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=rf"^{name} must be .* start again\.$"):
        settings.read({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "https://conf.example/"),
        ("PUBLIC_URL", "http://[::1]:8000"),
        ("TRUSTED_PROXY", "127.0.0.1, ::1,10.0.0.0/8"),
    ],
)
def test_address_that_is_one_is_taken(name: str, value: str) -> None:
    assert getattr(settings.read({name: value}), name.lower()) == value


def test_data_dir_that_cannot_be_one_is_named_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for directory, reason in ((file, "File exists"), (file / "x", "Not a directory")):
        with pytest.raises(Invalid) as refused:
            private(directory)
        assert refused.value.detail == (
            f"{directory} cannot be used: {reason}. Set DATA_DIR to a directory, one that is "
            "there or one that can be made."
        )


def test_command_names_a_data_dir_that_is_not_the_default() -> None:
    assert make("token", Path(".data").resolve()) == "make token"
    assert make("token", Path.cwd() / "an other") == "make token DATA_DIR='an other'"
    assert make("run", Path("/srv/data")) == "make run DATA_DIR=/srv/data"
