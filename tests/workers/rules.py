"""Prometheus alert rules, as far as ours go: what fires after a few scrapes.

An expression compares a selector, or the increase of one over a while, with a number. Scrapes
are stamped as far apart as Prometheus would make them, however quickly a test does.
"""

import itertools
import json
import math
import operator
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from prometheus_client.parser import text_string_to_metric_families

FILE = Path(__file__).parents[2] / "workers" / "alerts.yml"
APART = 60  # seconds between scrapes
UNITS = {"s": 1, "m": 60, "h": 3600}
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
EXPRESSION = re.compile(
    r"(?P<increase>increase\()?(?P<metric>\w+)(?:\{(?P<label>\w+)(?P<is>!?=)\"(?P<value>[^\"]*)\"\})?"
    r"(?:\[(?P<range>\w+)\]\))? (?P<compare>==|>|<) (?P<bound>[\d.]+)"
)

Series = tuple[str, frozenset[tuple[str, str]]]
Scrape = Mapping[Series, float]


class Rule(NamedTuple):
    alert: str
    expr: str
    for_: int
    annotations: Mapping[str, str]
    parsed: re.Match[str]

    @property
    def metric(self) -> str:
        return self.parsed["metric"]

    def true_for(self, scrapes: Sequence[Scrape], at: int) -> set[Series]:
        """The series for which the expression holds at the scrape of that number."""
        holds, bound = COMPARE[self.parsed["compare"]], float(self.parsed["bound"])
        values = {s: self._value(scrapes, at, s) for s in scrapes[at] if self._selects(s)}
        return {s for s, value in values.items() if holds(value, bound)}

    def _selects(self, series: Series) -> bool:
        label = self.parsed["label"]
        has = (label, self.parsed["value"]) in series[1]
        wanted = label is None or has == (self.parsed["is"] == "=")
        return series[0] == self.metric and wanted

    def _value(self, scrapes: Sequence[Scrape], at: int, series: Series) -> float:
        if not self.parsed["increase"]:
            return scrapes[at][series]
        first = max(0, at - seconds(self.parsed["range"]) // APART)
        seen = [s[series] for s in scrapes[first : at + 1] if series in s]
        return sum(max(0.0, b - a) for a, b in itertools.pairwise(seen))


def seconds(duration: str) -> int:
    return int(duration[:-1]) * UNITS[duration[-1]]


def rules() -> Iterator[Rule]:
    for group in yaml.safe_load(FILE.read_text())["groups"]:
        for rule in group["rules"]:
            parsed = EXPRESSION.fullmatch(rule["expr"])
            assert parsed, f"{rule['alert']}: the test does not know how to read {rule['expr']}"
            for_ = seconds(rule.get("for", "0s"))
            yield Rule(rule["alert"], rule["expr"], for_, rule["annotations"], parsed)


def scraped(text: str, **labels: str) -> Scrape:
    """Every sample, by name and labels, with those that Prometheus puts to them."""
    return {
        (sample.name, frozenset((sample.labels | labels).items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def firing(scrapes: Sequence[Scrape]) -> Counter[str]:
    """After the last scrape: which alerts, each for how many series."""
    last = len(scrapes) - 1
    fired: Counter[str] = Counter()
    for rule in rules():
        since = last - math.ceil(rule.for_ / APART)
        held = [rule.true_for(scrapes, at) for at in range(max(0, since), last + 1)]
        if since >= 0 and (series := set.intersection(*held)):
            fired[rule.alert] = len(series)
    return fired


def firing_by_promtool(promtool: str, scrapes: Sequence[Scrape], where: Path) -> Any:
    """Whether Prometheus' own tool finds just the same to fire; else what it says."""
    metrics = {rule.metric for rule in rules()}
    known = {series for scrape in scrapes for series in scrape if series[0] in metrics}
    expected = [
        {"labels": f'{{alertname="{alert}"}}', "value": count}
        for alert, count in firing(scrapes).items()
    ]
    query = 'count by (alertname) (ALERTS{alertstate="firing"})'
    at = f"{(len(scrapes) - 1) * APART}s"
    test = {
        "interval": f"{APART}s",
        "input_series": [
            {
                "series": _written(series),
                "values": " ".join(str(scrape.get(series, "_")) for scrape in scrapes),
            }
            for series in sorted(known, key=_written)
        ],
        "promql_expr_test": [{"expr": query, "eval_time": at, "exp_samples": expected}],
    }
    whole = {"rule_files": [str(FILE)], "evaluation_interval": f"{APART}s", "tests": [test]}
    (where / "test.yml").write_text(yaml.safe_dump(whole))
    told = subprocess.run(
        [promtool, "test", "rules", str(where / "test.yml")], capture_output=True, text=True
    )
    return None if told.returncode == 0 else told.stdout + told.stderr


def _written(series: Series) -> str:
    labels = ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(series[1]))
    return f"{series[0]}{{{labels}}}"
