"""Networks of other projects, computed by ONNX Runtime."""
