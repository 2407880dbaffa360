"""The edge's producer: a charger's reply waits for the log, cheaply (docs: ops/group_commit/commit.py)."""

from ops.group_commit.commit import GroupCommit
from ops.group_commit.submission import Closed, Full, Submission, TooLarge

__all__ = ["Closed", "Full", "GroupCommit", "Submission", "TooLarge"]
