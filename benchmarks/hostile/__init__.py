"""What damaged and hostile rasters and weights do to upscaling and ingestion."""
