"""What must not ship: findings in a bundle, without running it, and why something is in it.

A new rule is a row of `findings.RULES` and the function that finds it.
"""
