"""What stands between visitors and Gradio: only what the page asks for, and nothing of any size."""
