"""What is seen: widgets of the dialog, and how results are drawn."""
