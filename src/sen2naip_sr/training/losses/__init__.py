"""What training minimises: one subject a file, summed by `total.TotalLoss`."""
