"""The one encoding of what crosses a force's boundary: an Arrow IPC stream.

Bytes are counted on this encoding in process as well as between machines, so that the meter
reads the same wherever a force runs.
"""

import pyarrow as pa
import pyarrow.ipc


def encode(payload: pa.Table) -> bytes:
    """A table as one Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, payload.schema) as writer:
        writer.write_table(payload.combine_chunks())
    return bytes(sink.getvalue())


def decode(message: bytes) -> pa.Table:
    """The table that `encode` wrote."""
    with pyarrow.ipc.open_stream(message) as reader:
        return reader.read_all()
