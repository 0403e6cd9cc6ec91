"""Prints the queries of a Grafana dashboard as Prometheus rules, for `promtool check rules` to parse.

usage: dashboard_rules.py DASHBOARD
"""

import json
import sys

import yaml

# What Grafana puts in the places of its variables.
VARIABLES = {"$__rate_interval": "5m", "$namespace": ".*", "$service": ".*"}


def queries(panel):
    for target in panel.get("targets", []):
        query = target["expr"]
        for name, value in VARIABLES.items():
            query = query.replace(name, value)
        assert "$" not in query, f"{panel['title']}: an unknown variable in {query}"
        yield query


with open(sys.argv[1]) as file:
    panels = json.load(file)["panels"]
found = [query for panel in panels for query in queries(panel)]
assert found, "no queries"
rules = [{"record": f"dashboard:query{number}", "expr": query} for number, query in enumerate(found)]
yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, sys.stdout)
