"""Federated training: sites keep their imagery, only weights travel. No Kedro, no MLflow.

Flower has the strategies and the messages; a site trains with `sen2naip_sr.training.Trainer`.
Flower reads the variables below when it is imported, which modules of this package do.
"""

import os

# a training tells nobody that it runs
os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
os.environ.setdefault("FLWR_DISABLE_UPDATE_CHECK", "1")
