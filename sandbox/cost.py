"""What a run costs: wall time, processor time and peak memory of its own process."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path


def peak_bytes() -> int | None:
    """Most memory this process has held at once, in bytes; None where it cannot be read.

    Linux: `VmHWM`, which unlike `ru_maxrss` does not carry over what the parent process held.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - absent on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@dataclass
class Stopwatch:
    """Seconds since it was made."""

    started: float = field(default_factory=time.perf_counter)
    """Wall clock at the start."""
    processor: float = field(default_factory=time.process_time)
    """Processor clock at the start."""

    def wall(self) -> float:
        """Wall seconds so far."""
        return round(time.perf_counter() - self.started, 4)

    def cpu(self) -> float:
        """Processor seconds so far, all threads."""
        return round(time.process_time() - self.processor, 4)
