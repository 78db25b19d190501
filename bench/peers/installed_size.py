"""Bytes of installed packages and of all they need. usage: installed_size.py "PACKAGE[EXTRA] PACKAGE ..." """
import os
import re
import sys
from importlib import metadata

from common import report


def needed(distribution, extras):
    """Names of the packages that a distribution asks for, on this system, with these extras."""
    from packaging.requirements import Requirement

    for text in distribution.requires or []:
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras or [""]):
            yield requirement.name, set(requirement.extras)


def closure(wanted):
    found, queue = {}, list(wanted)
    while queue:
        name, extras = queue.pop()
        key = re.sub("[-_.]+", "-", name).lower()
        if key in found and extras <= found[key]:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # an optional one
        found[key] = found.get(key, set()) | extras
        queue += list(needed(distribution, found[key] | {""}))
    return found


wanted = []
for word in sys.argv[1].split():
    name, _, extras = word.partition("[")
    wanted.append((name, set(extras.rstrip("]").split(",")) - {""}))
paths = {os.path.realpath(path.locate()) for name in closure(wanted) for path in metadata.distribution(name).files or []}
total = sum(os.path.getsize(path) for path in paths if os.path.isfile(path))
report(total * 1e-6, 0.0, packages=len(closure(wanted)))
