"""A service of a few lines whose faults are chosen by ECHO_BEHAVIOUR."""
