"""From a suite to a plan: which units it needs, and which row of the results each of them feeds."""
