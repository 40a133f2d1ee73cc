"""Detection of cracks in concrete."""

import sys

# OpenVINO and NNCF send a report of each import to their makers. Without this package they do not,
# and the import takes no process and no thread for it.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
