"""What stands between clients and the rest: who may ask, what is sent, and every answer."""
