"""Nothing names this module in an import statement."""

ANSWER = "imported late"
