"""The figure of an explained image."""
