"""Runs inside a jail that has no network: passes connections to a UNIX socket on to a port of the jail's own loopback.

`python relay.py SOCKET PORT`; it stands alone, for the jail holds nothing but Python.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the reader's end; closing the writer then tells the other side."""
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _serve(path: str, port: int) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:  # it doesn't listen yet, or no longer: the client sees its connection closed
            writer.close()
            return
        await asyncio.gather(_pump(reader, back), _pump(there, writer))

    Path(path).unlink(missing_ok=True)  # of an earlier start
    server = await asyncio.start_unix_server(connected, path)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
