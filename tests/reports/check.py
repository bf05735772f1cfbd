"""Reads reports as their readers do: `check.py TOOLS DIR`. Prints what each says of its findings,
one JSON document a form: [path or part of it, line, rule], sorted. Fails where a form is broken.
`check.py TOOLS DIR FILE…` reads these files of DIR as SARIF alone, and prints their results' rules."""

import csv
import html.parser
import json
import pathlib
import sys
import xml.etree.ElementTree

tools, reports = (pathlib.Path(name) for name in sys.argv[1:3])
sys.path.insert(0, str(tools / "python"))
import fastjsonschema  # noqa: E402


def of_json():
    document = json.loads((reports / "json").read_bytes())
    assert document["summary"]["findings"] == len(document["findings"])
    return [[f["line"], f["rule"]] for f in document["findings"]]


def of_jsonl():
    lines = (reports / "jsonl").read_bytes().decode().split("\n")[:-1]
    return [[f["line"], f["rule"]] for f in map(json.loads, lines)]


def sarif_run(name):
    """The one run of a document that is as the schema wants it."""
    validate = fastjsonschema.compile(json.loads((tools / "sarif.json").read_bytes()))
    document = json.loads((reports / name).read_bytes())
    validate(document)
    # The proof proves something: without the tool's name, it is another document.
    broken = json.loads((reports / name).read_bytes())
    del broken["runs"][0]["tool"]["driver"]["name"]
    try:
        validate(broken)
        raise SystemExit("the schema takes whatever comes")
    except fastjsonschema.JsonSchemaValueException:
        pass
    (run,) = document["runs"]
    return run


def of_sarif():
    run = sarif_run("sarif")
    rules = run["tool"]["driver"]["rules"]
    found = []
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        found.append([region["startLine"], result["ruleId"]])
    return found


def of_junit():
    suites = xml.etree.ElementTree.parse(reports / "junit").getroot()
    (suite,) = suites
    failures = [case for case in suite if case.find("failure") is not None]
    assert int(suite.get("failures")) == len(failures) == int(suites.get("failures"))
    assert int(suite.get("tests")) == len(suite)
    return [[int(case.get("line")), case.find("failure").get("type")] for case in failures]


def of_csv():
    with open(reports / "csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, strict=True))
    for row in rows:
        assert None not in row and None not in row.values(), "a row of another length"
        for cell in row.values():
            assert cell[:1] not in "=+-@\t\r" or cell == "", f"a formula: {cell!r}"
    return [[int(row["line"]), row["rule"]] for row in rows]


class Page(html.parser.HTMLParser):
    VOID = {"meta", "br"}

    def __init__(self):
        super().__init__()
        self.open, self.articles, self.text = [], 0, []

    def handle_starttag(self, tag, attributes):
        assert tag not in {"script", "img", "link", "iframe", "svg", "object"}, tag
        assert not any(name.startswith("on") or name in {"src", "href"} for name, _ in attributes)
        self.articles += tag == "article"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def of_html():
    page = Page()
    page.feed((reports / "html").read_text(encoding="utf-8"))
    page.close()
    assert page.open == []
    return page.articles


if sys.argv[3:]:
    print(json.dumps([[r["ruleId"] for r in sarif_run(name)["results"]] for name in sys.argv[3:]]))
    raise SystemExit
found = of_json()
assert found == of_jsonl() == of_sarif() == of_junit() == of_csv()
assert len(found) == of_html()
print(json.dumps(found))
