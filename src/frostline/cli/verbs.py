"""All verbs as an Invoke collection: `from frostline.cli.verbs import namespace`."""

from invoke.collection import Collection

from frostline.cli import build, llamafile, look, project, prove, ship
from frostline.cli.task import VerbTask
from frostline.cli.verb import VERBS

# Importing these modules records their verbs.
THEMES = (build, prove, look, ship, project, llamafile)

namespace = Collection(*map(VerbTask, VERBS.values()))
