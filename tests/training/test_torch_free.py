import subprocess
import sys


def test_parameters_import_without_torch():
    code = (
        "import sys, sen2naip_sr.training.parameters, sen2naip_sr.models.networks, "
        "sen2naip_sr.pipelines.parameters; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
