"""Time PyTorch's MobileNetV2 on image files, decoding included; print one JSON object.

python benchmarks/torch_prediction.py IMAGES_FOLDER

PyTorch is no dependency of this project. benchmarks/torch_environment.py installs it into an
environment of its own, which runs this file. So it imports nothing of this project.
"""

import contextlib
import json
import resource
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import torchvision
from torchvision.io import ImageReadMode, decode_jpeg, read_file

PREDICTED = 960
PASSES = 3
TRIED = 96


def loaded(files: list[Path]) -> torch.Tensor:
    images = [decode_jpeg(read_file(str(file)), mode=ImageReadMode.RGB) for file in files]
    batch = torch.stack(images).float().div_(127.5).sub_(1.0)
    return batch.contiguous(memory_format=torch.channels_last)


def predicted(model, files: list[Path], batch: int, bf16: bool) -> int:
    """Predict all files, with the next batch decoded in a thread; return their number."""
    batches = [files[start : start + batch] for start in range(0, len(files), batch)]
    low = torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext()
    with ThreadPoolExecutor(1) as background, torch.inference_mode(), low:
        return sum(len(model(images)) for images in background.map(loaded, batches))


def models() -> dict:
    """Return the ways to run the network: as it is, frozen by TorchScript, and compiled."""
    torch.manual_seed(0)
    plain = torchvision.models.mobilenet_v2(weights=None, num_classes=2).eval()
    plain = plain.to(memory_format=torch.channels_last)
    example = torch.rand(2, 3, 227, 227).contiguous(memory_format=torch.channels_last)
    found = {"eager": plain, "compiled": torch.compile(plain, dynamic=False)}
    with contextlib.suppress(Exception), torch.inference_mode():
        traced = torch.jit.freeze(torch.jit.trace(plain, example))
        found["frozen"] = torch.jit.optimize_for_inference(traced)
    return found


def main() -> None:
    files = sorted(Path(sys.argv[1]).rglob("*.jpg"))[:PREDICTED]
    results = {"images": len(files), "version": torch.__version__}
    for precision in ("f32", "bf16"):
        tried = {}
        for name, model in models().items():
            # To compile takes minutes, so it is tried with one size.
            for batch in (16,) if name == "compiled" else (4, 16, 32):
                with contextlib.suppress(Exception):
                    predicted(model, files[: 2 * batch], batch, precision == "bf16")
                    started = time.perf_counter()
                    predicted(model, files[:TRIED], batch, precision == "bf16")
                    tried[name, batch] = time.perf_counter() - started, model
        name, batch = min(tried, key=lambda key: tried[key][0])
        seconds = []
        for _ in range(PASSES):
            started = time.perf_counter()
            predicted(tried[name, batch][1], files, batch, precision == "bf16")
            seconds.append(time.perf_counter() - started)
        results[precision] = {
            "seconds": statistics.median(seconds),
            "fastest": min(seconds),
            "settings": f"{name}, batches of {batch}",
        }
    results["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(results))


if __name__ == "__main__":
    main()
