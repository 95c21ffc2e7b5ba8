#!/usr/bin/env python3
"""Compares the figures of a scored decoder with what they must be. usage: score.py FIGURES.json"""
import json
import sys

# What must not get worse. Records and contested records differ where the standard says so: a record error, an
# invalid date or a VIFE that replaces the meaning leaves no value, or another one, than other programs print.
LEAST = {"record": 98.2, "contested": 90.0}

totals = json.load(open(sys.argv[1], encoding="utf-8"))["total"]
bad = 0
for name, (good, all_of_them) in sorted(totals.items()):
    share = 100.0 * good / all_of_them
    least = LEAST.get(name, 100.0)
    bad += share < least
    print(f"  {name:<24} {good:>6} / {all_of_them:<6} {share:6.2f} %{'' if share >= least else f'  below {least} %'}")
sys.exit(1 if bad else 0)
