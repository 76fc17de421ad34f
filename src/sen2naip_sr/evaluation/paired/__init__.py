"""Paired comparison of methods: interval, sign-flip test, Holm's correction, and the words."""
