"""Which result looks better to a person: tasks for Label Studio, and what its exports say."""
