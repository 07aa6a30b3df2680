"""What the user has written: the profile, the resources, the policy, and every mistake in them.

Reads and checks only: nothing here runs, fetches or builds.
"""
