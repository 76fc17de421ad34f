"""Networks of other projects as ONNX files: what is in them, and what is written beside them."""
