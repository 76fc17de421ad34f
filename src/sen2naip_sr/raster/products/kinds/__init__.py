"""The kinds of products that are recognised: a module each."""
