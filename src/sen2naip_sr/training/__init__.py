"""The training core: torch and Lightning Fabric, no Kedro."""
