"""Check, score and describe the networks trained on varied imagery, and ship them."""
