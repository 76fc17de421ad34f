"""Commands of ``sen2naip-sr`` besides those of `sen2naip_sr.command`, which adds them."""
